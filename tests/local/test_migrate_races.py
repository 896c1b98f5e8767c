"""`make migrate` by two people at once, or while somebody holds the lock."""

from __future__ import annotations

from pathlib import Path

import psycopg
import pytest

from local import migrate_psql
from local.migrate_psql import LOCK, Psql
from local.migrate_target import target
from local.migrations import MigrationFailure
from tests.cloud import eventually
from tests.local.migrating import Migrating
from tests.postgres import ThrowawayPostgres


@pytest.fixture
def here(postgres: ThrowawayPostgres, tmp_path: Path) -> Migrating:
    made = Migrating(postgres, tmp_path)
    for number in range(1, 6):
        made.write(f"2026010{number}000000_one.sql", f"select pg_sleep(0.1); create table t{number} (id int);")
    return made


def test_of_two_at_once_every_migration_is_applied_once_and_whoever_is_late_stops(here: Migrating) -> None:
    both = [here.start("--yes"), here.start("--yes")]
    ended = [(one.communicate(timeout=60), one.returncode) for one in both]
    assert 0 in [code for _, code in ended]
    for (_, stderr), code in ended:
        assert code == 0 or "somebody else is migrating this database, or has done so meanwhile" in stderr
    assert here.run("--yes").returncode == 0
    assert here.tables() == [f"t{number}" for number in range(1, 6)]
    assert len(here.recorded()) == 5


def test_it_waits_for_the_lock_and_then_goes_by_the_record_not_by_its_plan(here: Migrating) -> None:
    with psycopg.connect(here.dsn) as other:
        other.execute("select pg_advisory_xact_lock(%s)", [LOCK])
        running = here.start("--yes")
        eventually(lambda: here.rows("select from pg_locks where locktype = 'advisory' and not granted"))
        other.execute("create schema supabase_migrations")
        other.execute("create table supabase_migrations.schema_migrations (version text primary key)")
        other.execute("insert into supabase_migrations.schema_migrations values ('20260101000000')")
    stdout, stderr = running.communicate(timeout=60)
    assert running.returncode == 1
    assert "done" not in stdout
    assert stderr.startswith("20260101000000_one.sql failed: somebody else is migrating this database")
    assert (here.tables(), here.recorded()) == ([], ["20260101000000"])


def test_it_does_not_wait_for_ever(here: Migrating, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(migrate_psql, "LOCK_SECONDS", 1)
    with psycopg.connect(here.dsn) as other:
        other.execute("select pg_advisory_xact_lock(%s)", [LOCK])
        with pytest.raises(MigrationFailure, match="somebody else is migrating"):
            Psql(str(here.bin / "psql"), target(here.url)).apply(here.plan())
    assert here.tables() == []
