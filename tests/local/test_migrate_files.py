"""The files that `make migrate` reads: their names, their text, and whether it is the one that was applied."""

from __future__ import annotations

from pathlib import Path

import pytest

from local.failure import StartFailure
from local.migrations import MIGRATIONS, Migration, Recorded, drift, read

TEXT = "create table a (id int);\n\n-- Why;\ndo $$ begin perform 1; end $$ ;\n;insert into a values (';')\n"


@pytest.mark.parametrize(
    ("statements", "same"),
    [
        (["create table a (id int)", "-- Why;\ndo $$ begin perform 1; end $$", "insert into a values (';')"], True),
        ([TEXT.strip()], True),
        ([TEXT.replace("\n", "\r\n").strip()], True),
        ([], True),  # an old CLI recorded no statements: nothing to compare
        (["create table a (id int)", "-- Why;\ndo $$ begin perform 1; end $$"], False),
        (["-- Why;\ndo $$ begin perform 1; end $$", "create table a (id int)", "insert into a values (';')"], False),
        (["create table a (id int)", "do $$ begin perform 1; end $$", "insert into a values (';')"], False),
        ([TEXT.strip().replace("perform 1", "perform 2")], False),
    ],
)
def test_the_text_is_compared_however_it_was_cut(tmp_path: Path, statements: list[str], same: bool) -> None:
    (tmp_path / "20260101000000_a.sql").write_text(TEXT)
    row = {"version": "20260101000000", "name": "a", "statements": statements, "created_by": None}
    assert bool(drift(read(tmp_path), [Recorded.of(row)])) is not same


@pytest.mark.parametrize(
    ("files", "complaint"),
    [
        ([], "There are no migrations in"),
        (["20260101000000.sql"], "20260101000000.sql in .* must be named TIMESTAMP_name.sql"),
        (["1_a b.sql"], "1_a b.sql in .* must be named TIMESTAMP_name.sql, without a space"),
        (["1_a.sql", "1_b.sql"], "1_a.sql and 1_b.sql have the same version"),
    ],
)
def test_files_that_the_supabase_cli_would_skip_or_mix_up_are_refused(
    tmp_path: Path, files: list[str], complaint: str
) -> None:
    for file in files:
        (tmp_path / file).write_text("select 1")
    with pytest.raises(StartFailure, match=complaint):
        read(tmp_path)


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"create table a (id int);\n-- a\0b\ncreate table b (id int);\n", "1_a.sql in .* has a NUL character"),
        (b"comment on schema public is '\xe9';", "Cannot read 1_a.sql in "),
    ],
)
def test_text_that_a_tool_would_cut_or_garble_is_refused(tmp_path: Path, content: bytes, complaint: str) -> None:
    (tmp_path / "1_a.sql").write_bytes(content)
    with pytest.raises(StartFailure, match=complaint):
        read(tmp_path)


def test_neither_a_byte_order_mark_nor_the_line_ends_of_a_checkout_belong_to_the_text(tmp_path: Path) -> None:
    (tmp_path / "1_a.sql").write_bytes(b"\xef\xbb\xbfselect 1;\r\nselect 2;\r\n")
    assert read(tmp_path)[0].text == "select 1;\nselect 2;\n"


@pytest.mark.parametrize(
    "sql",
    [
        "BEGIN; create table a (id int); COMMIT;",
        "create table a (id int);\ncommit",
        "select 1; /* why; /* indeed */ */ -- because\n Start\n Transaction;",
        "create function f() returns int language sql begin atomic select 1; end; rollback;",
        "select 1;;end;",
        "select E'\\''; abort; select '';",
        "select '\\'; savepoint a;",
        "select 1 as a$b$; release a; select 2 as c$b$",
        "select 1; prepare transaction 'a'",
    ],
)
def test_a_transaction_of_its_own_is_refused(sql: str) -> None:
    with pytest.raises(StartFailure, match=r"1_a\.sql has a transaction command of its own, [a-z ]+: take it out"):
        Migration("1", "a", sql).require_one_transaction()


@pytest.mark.parametrize(
    "sql",
    [
        "create table ends (id int); -- then; commit;\n/* begin; /* ; commit */ ; end; */ select 1;",
        "select '; commit;', E'\\'; commit; ', 'it''s; commit;' as \"; commit;\";",
        "do $$ begin perform 1; commit; end $$; do $a_1$ $$; commit; $a_1$;",
        "create function f() returns int language sql begin atomic select 1; select case when true then 2 end; end;",
        "create table a (begin int, commit int); prepare p as select 1; select case when true then 1 end",
    ],
)
def test_what_only_looks_like_a_transaction_is_not_refused(sql: str) -> None:
    Migration("1", "a", sql).require_one_transaction()


@pytest.mark.parametrize("file", read(MIGRATIONS), ids=lambda file: file.name)
def test_ours_are_one_transaction_each(file: Migration) -> None:
    file.require_one_transaction()
