"""An empty database with all migrations applied, for each test."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest

from tests.postgres import ThrowawayPostgres, apply_migrations
from tests.supabase.scratch import Sql

_EMPTY = """
do $$
begin
  execute (select 'truncate ' || string_agg(format('public.%I', tablename), ', ') from pg_tables
           where schemaname = 'public' and tablename <> 'totals');
end $$;
delete from public.totals where owner_id <> '00000000-0000-0000-0000-000000000000';
update public.totals set value = 0;
"""


@pytest.fixture(scope="session")
def migrated(postgres: ThrowawayPostgres) -> str:
    """The address of a database with all migrations applied."""
    dsn = postgres.create_database("migrated")
    apply_migrations(dsn)
    return dsn


@pytest.fixture
def sql(migrated: str) -> Iterator[Sql]:
    """An empty database. Its kept figures must be right when the test ends."""
    with psycopg.connect(migrated) as connection:
        connection.execute(_EMPTY)
    scratch = Sql(migrated)
    yield scratch
    assert scratch.inconsistencies() == []
    scratch.close()
