"""The migrations: on an empty database, on the predecessor's, twice, and on the local cloud's own driver."""

from __future__ import annotations

import asyncio
import re
import subprocess
from pathlib import Path
from typing import Any, LiteralString

import psycopg
import pytest

from local.migrations import MIGRATIONS
from local.settings import settings
from local.state import State
from local.supabase import LITE, LocalSupabase
from tests.postgres import ThrowawayPostgres, apply_migrations, free_port

FILES = sorted(MIGRATIONS.glob("*.sql"))
# All of a database that a migration can change, as rows of text.
SNAPSHOT: LiteralString = """
select 'column', table_name, column_name, data_type || ' ' || is_nullable || ' ' || coalesce(column_default, '')
  from information_schema.columns where table_schema in ('public', 'private')
union all select 'comment', a.attrelid::regclass::text, a.attname, col_description(a.attrelid, a.attnum)
  from pg_attribute a join pg_class c on c.oid = a.attrelid
  where c.relnamespace = 'public'::regnamespace and col_description(a.attrelid, a.attnum) is not null
union all select 'constraint', conrelid::regclass::text, conname, pg_get_constraintdef(oid)
  from pg_constraint where connamespace in ('public'::regnamespace, 'private'::regnamespace)
union all select 'index', tablename, indexname, indexdef from pg_indexes where schemaname in ('public', 'private')
union all select 'function', oid::regprocedure::text, coalesce(proacl::text, 'default'), pg_get_functiondef(oid)
  from pg_proc where pronamespace in ('public'::regnamespace, 'private'::regnamespace)
union all select 'policy', tablename, policyname, coalesce(qual, '') from pg_policies
union all select 'table', relname, coalesce(relacl::text, 'default'), relrowsecurity::text || relforcerowsecurity
  from pg_class where relnamespace in ('public'::regnamespace, 'private'::regnamespace) and relkind in ('r', 'v', 'S')
union all select 'schema', nspname, coalesce(nspacl::text, 'default'), '' from pg_namespace
  where nspname in ('public', 'private')
union all select 'totals', scope, owner_id::text, value::text from public.totals
order by 1, 2, 3, 4
"""
PREDECESSOR = """
create table users (id uuid primary key default gen_random_uuid(), email text unique, password text, username text,
  created_at timestamptz default now(), role text default 'user', uploading boolean default false);
create table videos (id uuid primary key default gen_random_uuid(), user_id uuid references users (id), filename text,
  filepath text, title text, uploaded_at timestamptz default now(), deleted_at timestamptz, size_mb double precision);
create table logs (id uuid primary key default gen_random_uuid(), user_id uuid, action_type text, description text,
  service_name text, created_at timestamptz default now());
insert into users (id, email, password, username, role, uploading) values
  ('00000000-0000-0000-0000-00000000000a', 'Ada@example.com', 'hash', 'ada', 'admin', true),
  ('00000000-0000-0000-0000-00000000000b', 'bob@example.com', 'hash', 'bob', 'user', false);
insert into videos (user_id, filename, filepath, title, deleted_at, size_mb) values
  ('00000000-0000-0000-0000-00000000000a', 'one.mp4', 'https://host.example/one.mp4', 'One', null, 1.5),
  ('00000000-0000-0000-0000-00000000000a', 'two.mp4', 'https://host.example/two.mp4', 'Two', null, 2 ^ -20),
  ('00000000-0000-0000-0000-00000000000a', 'old.mp4', 'https://host.example/old.mp4', 'Old', now(), 2);
insert into logs (user_id, action_type, description, service_name) values
  ('00000000-0000-0000-0000-00000000000a', 'LOGIN', 'x', 'login'), (null, 'LOGIN', 'y', 'login');
"""
ADA = "00000000-0000-0000-0000-00000000000a"


def rows(dsn: str, statement: LiteralString) -> list[tuple[Any, ...]]:
    with psycopg.connect(dsn) as connection:
        return connection.execute(statement).fetchall()


@pytest.fixture(scope="module")
def taken_over(postgres: ThrowawayPostgres) -> str:
    """A database that was the predecessor's, twice migrated."""
    dsn = postgres.create_database("taken_over")
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(PREDECESSOR.encode())
    apply_migrations(dsn)
    apply_migrations(dsn)
    return dsn


def test_applying_them_again_changes_nothing(postgres: ThrowawayPostgres) -> None:
    dsn = postgres.create_database("twice")
    apply_migrations(dsn)
    once = rows(dsn, SNAPSHOT)
    apply_migrations(dsn)
    assert rows(dsn, SNAPSHOT) == once
    assert {kind for kind, *_ in once} >= {"column", "constraint", "index", "function", "table", "totals"}


def test_applying_them_again_over_data_changes_nothing(taken_over: str) -> None:
    tables: LiteralString = """select 'u', to_jsonb(u) from public.users u union all
      select 'v', to_jsonb(v) from public.videos v union all select 'l', to_jsonb(l) from public.logs l order by 1, 2"""
    once = rows(taken_over, tables), rows(taken_over, SNAPSHOT)
    apply_migrations(taken_over)
    assert (rows(taken_over, tables), rows(taken_over, SNAPSHOT)) == once


def test_every_table_has_row_level_security_and_no_policy(migrated: str) -> None:
    tables = rows(migrated, "select relname, relrowsecurity from pg_class where relnamespace = 'public'::regnamespace "
                            "and relkind in ('r', 'p')")  # fmt: skip
    assert {name for name, _ in tables} >= {"users", "videos", "logs", "uploads", "daily_usage", "media_purges"}
    assert [name for name, is_secured in tables if not is_secured] == []
    assert rows(migrated, "select policyname from pg_policies") == []


def test_no_table_is_granted_to_anybody_but_the_service_role(migrated: str) -> None:
    """A view has no row-level security of its own, so none may be granted either."""
    granted = rows(migrated, "select distinct grantee from information_schema.role_table_grants "
                             "where table_schema in ('public', 'private') and grantee <> current_user")  # fmt: skip
    assert granted == [("service_role",)]


def test_every_function_is_the_service_roles_alone(migrated: str) -> None:
    functions = rows(migrated, """
      select oid::regprocedure::text, has_function_privilege('anon', oid, 'execute')
        or has_function_privilege('authenticated', oid, 'execute'),
        exists (select from aclexplode(coalesce(proacl, acldefault('f', proowner))) where grantee = 0),
        has_function_privilege('service_role', oid, 'execute'), pronamespace::regnamespace::text
      from pg_proc where pronamespace in ('public'::regnamespace, 'private'::regnamespace)""")  # fmt: skip
    assert len(functions) > 30
    assert [name for name, is_anybodys, is_publics, _, _ in functions if is_anybodys or is_publics] == []
    assert [name for name, _, _, may_serve, schema in functions if may_serve != (schema == "public")] == []


def test_the_private_schema_is_closed(migrated: str) -> None:
    assert rows(migrated, "select role, has_schema_privilege(role, 'private', 'usage') from unnest(array['anon', "
                          "'authenticated', 'service_role']) role") == [
        ("anon", False), ("authenticated", False), ("service_role", False)
    ]  # fmt: skip


def test_no_function_looks_a_name_up_in_a_schema_of_the_callers_choice(migrated: str) -> None:
    functions = rows(migrated, """
      select oid::regprocedure::text, prosecdef, coalesce(proconfig, '{}') from pg_proc
      where pronamespace in ('public'::regnamespace, 'private'::regnamespace)""")  # fmt: skip
    assert any(is_definer for _, is_definer, _ in functions)
    assert [name for name, _, config in functions if 'search_path=""' not in config] == []


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_file_is_named_for_what_it_does_and_begins_with_why(path: Path) -> None:
    assert re.fullmatch(r"\d{14}(_[a-z]+){2,}\.sql", path.name)
    assert path.read_text().startswith("-- ")


def test_no_two_files_share_a_timestamp() -> None:
    assert len({path.name[:14] for path in FILES}) == len(FILES)


def test_emails_are_compared_without_case_where_the_predecessor_did_not(taken_over: str) -> None:
    with psycopg.connect(taken_over) as connection, pytest.raises(psycopg.Error, match="email_taken"):
        connection.execute("select public.register_user(gen_random_uuid(), 'ADA@example.com', 'ada', 'hash')")


def test_the_predecessors_rows_are_kept(taken_over: str) -> None:
    assert rows(taken_over, "select email, role, password from public.users order by email") == [
        ("Ada@example.com", "admin", "hash"), ("bob@example.com", "user", "hash")
    ]  # fmt: skip
    assert rows(taken_over, "select filename, filepath, size_mb, size_bytes from public.videos order by filename") == [
        ("old.mp4", "https://host.example/old.mp4", 2.0, 2 * 1024 * 1024),
        ("one.mp4", "https://host.example/one.mp4", 1.5, 3 * 512 * 1024),
        ("two.mp4", "https://host.example/two.mp4", 2**-20, 1),
    ]
    assert rows(taken_over, "select description from public.logs order by description") == [("x",), ("y",)]


def test_the_predecessors_totals_are_filled(taken_over: str) -> None:
    assert rows(taken_over, "select username, storage_used_bytes, video_count from public.users order by username") == [
        ("ada", 3 * 512 * 1024 + 1, 2),
        ("bob", 0, 0),
    ]
    assert rows(taken_over, "select scope, owner_id::text, value from public.totals order by 1, 2") == [
        ("logs", "00000000-0000-0000-0000-000000000000", 2),
        ("logs", ADA, 1),
        ("videos", "00000000-0000-0000-0000-000000000000", 2),
    ]


def test_an_upload_that_the_predecessor_left_in_flight_holds_nobody_up(taken_over: str) -> None:
    usage = rows(taken_over, "select public.account_usage('00000000-0000-0000-0000-00000000000a')->>'uploading'")
    assert usage == [("false",)]


def test_the_predecessors_videos_are_listed_and_deleted_like_any(taken_over: str) -> None:
    with psycopg.connect(taken_over) as connection, connection.transaction(force_rollback=True):
        page = connection.execute("select public.list_videos(%s, null, null, 16, 0, null, null)", (ADA,)).fetchone()
        assert page is not None
        assert {video["title"] for video in page[0]["videos"]} == {"One", "Two"}
        assert page[0]["total"] == 2
        deleted = connection.execute("select public.delete_videos(%s, null)", (ADA,)).fetchone()
        assert deleted is not None
        assert deleted[0]["deleted"] == 2
        assert set(deleted[0]["media_ids"]) == {"one.mp4", "two.mp4"}


def test_they_apply_on_the_local_clouds_own_driver(tmp_path: Path) -> None:
    state = State(tmp_path)
    state.prepare()
    supabase = LocalSupabase(state, settings({}, {}), state.keys(), free_port())
    supabase.write_project()
    asyncio.run(supabase.migrate())  # raises StartFailure, naming the file, for one that fails
    pending = subprocess.run(
        [LITE, "migration", "up", "--dry-run"],
        cwd=tmp_path, env=supabase.environment, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert "No pending migrations" in pending.stdout
