"""What people see of the children: no secrets, no dumps, short lines."""

from __future__ import annotations

import json
import sys

import pytest

from local.error_dumps import ErrorDumps
from local.output import Output

# Recorded from @supabase/lite 0.10.0, the stacks cut to what matters.
PGLITE = """\
error: {message}
    at pe.Oe (file:///reelay/node_modules/@electric-sql/pglite/dist/chunk-ACJ7KGEC.js:1:17616)
    at file:///reelay/node_modules/@electric-sql/pglite/dist/index.js:3:281697
    at wasm://wasm/021570fa:wasm-function[5540]:0x3b6a86 {{
  length: 281,
  severity: 'ERROR',
  code: '{code}',
  detail: '{{}}',
  hint: undefined,
  where: 'PL/pgSQL function private.fail(text,text,jsonb) line 3 at RAISE\\n' +
    `SQL statement "SELECT private.fail('PT409', 'email_taken')"\\n` +
    'PL/pgSQL function public.register_user(uuid,text,text,text) line 12 at PERFORM',
  routine: 'exec_stmt_raise',
  query: 'select * from public.register_user(p_id := $1::uuid, p_email := $2, p_username := $3, p_password := $4)',
  params: [
    '9a639930-e433-46f8-acd6-f8ac55713df2',
    'ann@example.com',
    '$2b$04$emLUEXOGVPqDYp/coM1HheJPUqCOCLKxCRTi1HsjDYlcQiLTLhFTW',
    1000
  ],
  queryOptions: undefined
}}"""
POSTGRES = """\
PostgresError: {message}
    at ErrorResponse (file:///reelay/node_modules/postgres/src/connection.js:815:30)
    at TCP.onStreamRead (node:internal/stream_base_commons:191:23) {{
  severity_local: 'ERROR',
  severity: 'ERROR',
  code: '{code}',
  detail: 'Key (lower(email))=(ann@example.com) already exists.',
  schema_name: 'public',
  routine: '_bt_check_unique'
}}"""
UNKNOWN_TABLE = """\
Kn [Error]: Could not find the table 'public.nope' in the schema cache
    at J.onPostgrestAST (file:///reelay/node_modules/@supabase/lite/dist/db/postgres/PostgresConnection.js:339:3793)
    at async file:///reelay/node_modules/@supabase/lite/dist/index.js:298:27313 {
  schema: 'public',
  relation: 'nope'
}"""
DATABASE_GONE = """\
Introspection failed: Error: connect ECONNREFUSED 127.0.0.1:37009
    at TCPConnectWrap.afterConnect [as oncomplete] (node:net:1611:16) {
  errno: -111,
  code: 'ECONNREFUSED',
  port: 37009
}"""
CRASH = """\
TypeError: Cannot read properties of null (reading 'write')
    at Immediate.nextWrite (file:///reelay/node_modules/postgres/src/connection.js:255:22)
    at process.processImmediate (node:internal/timers:483:21)"""


def seen(text: str) -> list[str]:
    """What is shown of these lines, with one before and one after them."""
    shown: list[str] = []
    dumps = ErrorDumps(shown.append)
    for line in ["before", *text.splitlines(), "after"]:
        dumps.take(line)
    dumps.end()
    assert (shown[0], shown[-1]) == ("before", "after")
    return shown[1:-1]


@pytest.mark.parametrize("dump", [PGLITE, POSTGRES], ids=["pglite", "postgres"])
@pytest.mark.parametrize("code", ["PT409", "PT404", "PT429"])
def test_a_business_refusal_is_not_shown(dump: str, code: str) -> None:
    assert seen(dump.format(message="email_taken", code=code)) == []


@pytest.mark.parametrize("dump", [PGLITE, POSTGRES], ids=["pglite", "postgres"])
def test_any_other_sql_error_is_one_line_without_parameters(dump: str) -> None:
    message = 'duplicate key value violates unique constraint "users_email_key"'
    assert seen(dump.format(message=message, code="23505")) == [f"error 23505: {message}"]


@pytest.mark.parametrize(
    "message", ['invalid input syntax for type uuid: "$2b$04$x"', 'invalid input: "one\n{\n  two\n}\n$2b$04$x"']
)
@pytest.mark.parametrize("dump", [PGLITE, POSTGRES], ids=["pglite", "postgres"])
def test_a_value_that_postgresql_quotes_is_not_shown_either(dump: str, message: str) -> None:
    shown = seen(dump.format(message=message, code="22P02"))
    assert shown == [f'error 22P02: {message.partition(chr(34))[0]}"..."']


@pytest.mark.parametrize("dump", [UNKNOWN_TABLE, DATABASE_GONE, CRASH], ids=["table", "connection", "crash"])
def test_an_error_of_another_kind_is_its_first_line(dump: str) -> None:
    assert seen(dump) == [dump.splitlines()[0]]


def test_dumps_in_a_row_are_told_apart() -> None:
    refusal, failure = PGLITE.format(message="m", code="PT409"), POSTGRES.format(message="denied", code="42501")
    text = "\n".join([failure, refusal, CRASH, failure, UNKNOWN_TABLE, refusal])
    table, crash = (dump.splitlines()[0] for dump in (UNKNOWN_TABLE, CRASH))
    assert seen(text) == ["error 42501: denied", crash, "error 42501: denied", table]


@pytest.mark.parametrize("lines", range(1, len(PGLITE.splitlines())))
def test_a_dump_that_breaks_off_shows_no_parameter_and_no_stack(lines: int) -> None:
    shown: list[str] = []
    dumps = ErrorDumps(shown.append)
    for line in PGLITE.format(message='denied to "x"', code="42501").splitlines()[:lines]:
        dumps.take(line)
    dumps.end()
    assert shown in (['error: denied to "..."'], ['error 42501: denied to "x"'])


@pytest.mark.parametrize(
    "line", ["error: unknown option '--no-admin'", "Ready in 62.86ms", "    at noon", "  code: 'x'", "}", "{"]
)
def test_a_line_that_is_no_dump_is_shown_as_it_is(line: str) -> None:
    shown: list[str] = []
    dumps = ErrorDumps(shown.append)
    dumps.take(line)
    dumps.end()
    assert shown == [line]


def test_a_line_carries_its_process_s_name_in_one_column(capsys: pytest.CaptureFixture[str]) -> None:
    output = Output(["login", "delete_video"], [])
    output.child("login", "one")
    output.child("delete_video", "two")
    assert capsys.readouterr().out == "login        | one\ndelete_video | two\n"


def test_secrets_are_masked_wherever_they_stand_in_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    output = Output(["login"], ["sb_secret_abc", "", "hunter2"])
    output.child(
        "login", json.dumps({"message": "m", "url": "http://x:hunter2@h?key=sb_secret_abc", "again": "hunter2"})
    )
    assert capsys.readouterr().out == "login | INFO m url=http://x:[secret]@h?key=[secret] again=[secret]\n"


@pytest.mark.parametrize(
    ("terminal", "no_color", "coloured"),
    [(True, None, True), (True, "1", False), (True, "", True), (False, None, False)],
)
def test_only_a_terminal_that_wants_colours_gets_some(
    terminal: bool,
    no_color: str | None,
    coloured: bool,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: terminal, raising=False)
    monkeypatch.delenv("NO_COLOR", raising=False)
    if no_color is not None:
        monkeypatch.setenv("NO_COLOR", no_color)
    Output(["login"], []).child("login", '{"severity": "ERROR", "message": "boom"}')
    plain = "login | ERROR boom\n"
    shown = "\x1b[36mlogin\x1b[0m | \x1b[31mERROR boom\x1b[0m\n"
    assert capsys.readouterr().out == (shown if coloured else plain)


def test_a_log_entry_is_shown_by_what_a_person_needs_of_it(capsys: pytest.CaptureFixture[str]) -> None:
    entry = {"severity": "WARNING", "message": "slow", "request_id": "r", "status": 503, "why": "took é long", "a/b": 1}
    Output(["login"], []).child("login", json.dumps(entry))
    assert capsys.readouterr().out == 'login | WARNING slow status=503 why="took é long"\n'


def test_a_reader_that_went_away_stops_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    class Closed:
        def isatty(self) -> bool:
            return False

        def write(self, _: str) -> int:
            raise BrokenPipeError

    output = Output(["login"], [])
    monkeypatch.setattr(sys, "stdout", Closed())
    output.child("login", "anybody there?")
