"""With the key that browsers may know, nobody reads a table, changes a row or calls a function."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator, Mapping
from typing import Any

import httpx
import psycopg
import pytest

from local.migrations import MIGRATIONS
from tests.cloud import Account, Cloud
from tests.postgres import ThrowawayPostgres

TEXT = "\n".join(path.read_text() for path in sorted(MIGRATIONS.glob("*.sql")))
# From the files, so that a new one is held to this without being asked.
TABLES = dict(re.findall(r"create table if not exists public\.(\w+) \(\s*(\w+)", TEXT))  # and their first columns
FUNCTIONS = sorted(set(re.findall(r"create or replace function public\.(\w+)", TEXT)))
REFUSALS = {401, 403, 404}
# A caller who holds no secret key, by what they send.
STRANGERS = ["publishable key", "publishable key as a bearer", "a user's token", "no key", "a made-up key", "anon JWT"]


@pytest.fixture(scope="module")
def rest(cloud: Cloud) -> Iterator[httpx.Client]:
    """Supabase's REST interface without any key."""
    with httpx.Client(base_url=f"{cloud.granted()['SUPABASE_URL']}/rest/v1", timeout=30, trust_env=False) as client:
        yield client


@pytest.fixture(scope="module")
def strangers(cloud: Cloud) -> Mapping[str, dict[str, str]]:
    key = cloud.publishable_key()
    unsigned = "eyJhbGciOiJub25lIn0.eyJyb2xlIjoic2VydmljZV9yb2xlIn0."  # {"alg": "none"}, {"role": "service_role"}
    return {
        "publishable key": {"apikey": key},
        "publishable key as a bearer": {"apikey": key, "Authorization": f"Bearer {key}"},
        "a user's token": {"apikey": key, **cloud.register().headers},
        "no key": {},
        "a made-up key": {"apikey": "sb_secret_" + "x" * 31},
        "anon JWT": {"apikey": key, "Authorization": f"Bearer {unsigned}"},
    }


@pytest.fixture(scope="module")
def secret(cloud: Cloud) -> dict[str, str]:
    return {"apikey": cloud.granted()["SUPABASE_SECRET_KEY"]}


@pytest.fixture
def contents(postgres: ThrowawayPostgres, user: Account) -> Any:
    """Answers the rows of a table that this test may find changed: those of one user."""

    def read() -> list[Any]:
        with psycopg.connect(postgres.dsn("cloud")) as connection:
            return connection.execute("select to_jsonb(u) from public.users u where id = %s", (user.id,)).fetchall()

    return read


def arguments(function: str) -> dict[str, Any]:
    """A value for each parameter of a function, so that the request is one that the secret key may make."""
    declared = re.search(rf"function public\.{function}\(([^)]*)\)", TEXT)
    assert declared
    values = {"uuid": str(uuid.uuid4()), "text": "x", "text[]": [], "uuid[]": [], "boolean": False, "timestamptz": None}
    parameters = [part.split(None, 1) for part in declared[1].split(",")]
    return {name: values.get(kind, 1) for name, kind in parameters} | {
        name: "[]" for name, _ in parameters if name == "p_events"
    }


def is_closed(answer: httpx.Response) -> bool:
    """Refused, or answered with no row."""
    return answer.status_code in REFUSALS or (answer.status_code == 200 and answer.json() in ([], [{"count": 0}]))


def test_the_lists_of_tables_and_functions_are_those_of_the_database(migrated: str) -> None:
    with psycopg.connect(migrated) as connection:
        tables = connection.execute("select tablename from pg_tables where schemaname = 'public'").fetchall()
        functions = connection.execute(
            "select distinct proname from pg_proc where pronamespace = 'public'::regnamespace"
        ).fetchall()
    assert {name for (name,) in tables} == set(TABLES)
    assert {name for (name,) in functions} == set(FUNCTIONS)


@pytest.mark.parametrize("stranger", STRANGERS)
def test_no_table_shows_a_row(rest: httpx.Client, strangers: Mapping[str, dict[str, str]], stranger: str) -> None:
    for table in TABLES:
        for query in ("select=*", "select=count", "limit=1"):
            answer = rest.get(f"/{table}?{query}", headers=strangers[stranger])
            assert is_closed(answer), (table, query, answer.status_code, answer.text)


@pytest.mark.parametrize("stranger", STRANGERS)
def test_no_row_can_be_written_changed_or_removed(
    rest: httpx.Client, strangers: Mapping[str, dict[str, str]], contents: Any, user: Account, stranger: str
) -> None:
    before = contents()
    headers = strangers[stranger] | {"Prefer": "return=representation"}
    upsert = strangers[stranger] | {"Prefer": "return=representation,resolution=merge-duplicates"}
    for table, key in TABLES.items():
        answers = [
            rest.post(f"/{table}", json={key: user.id}, headers=headers),
            rest.post(f"/{table}", json={key: user.id}, headers=upsert),
            rest.patch(f"/{table}?{key}=eq.{user.id}", json={key: str(uuid.uuid4())}, headers=headers),
            rest.delete(f"/{table}?{key}=eq.{user.id}", headers=headers),
        ]
        assert all(is_closed(answer) for answer in answers), (table, [answer.text for answer in answers])
    patched = rest.patch(f"/users?id=eq.{user.id}", json={"role": "admin"}, headers=headers)
    assert is_closed(patched)
    assert contents() == before


@pytest.mark.parametrize("stranger", STRANGERS)
def test_no_function_can_be_called(rest: httpx.Client, strangers: Mapping[str, dict[str, str]], stranger: str) -> None:
    for function in FUNCTIONS:
        parameters = arguments(function)
        posted = rest.post(f"/rpc/{function}", json=parameters, headers=strangers[stranger])
        got = rest.get(f"/rpc/{function}", headers=strangers[stranger])
        assert posted.status_code in REFUSALS, (function, posted.status_code, posted.text)
        assert got.status_code in REFUSALS | {405}, (function, got.status_code, got.text)


def test_the_private_schema_is_not_served(rest: httpx.Client, strangers: Mapping[str, dict[str, str]]) -> None:
    headers = strangers["publishable key"] | {"Content-Profile": "private", "Accept-Profile": "private"}
    assert rest.post("/rpc/today", json={}, headers=headers).status_code in REFUSALS | {406}


def test_the_same_requests_are_right_with_the_secret_key(
    rest: httpx.Client, secret: dict[str, str], user: Account
) -> None:
    """Else the refusals above might refuse something else."""
    for table in TABLES:
        assert rest.get(f"/{table}?select=*&limit=1", headers=secret).status_code == 200
    for function in FUNCTIONS:
        answer = rest.post(f"/rpc/{function}", json=arguments(function), headers=secret)
        # A business error is SQL's own word: the function ran.
        assert answer.status_code == 200 or answer.json()["code"].startswith("PT"), (function, answer.text)
    users = rest.get(f"/users?select=password&id=eq.{user.id}", headers=secret).json()
    assert users[0]["password"].startswith("$2b$")
