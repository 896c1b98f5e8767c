"""`make migrate` with psql: what psql, and what the server, must not make of a file."""

from __future__ import annotations

from pathlib import Path

import pytest

from local.migrate_psql import Psql
from local.migrate_target import target
from local.migrations import MigrationFailure
from tests.local.migrating import PASSWORD, USER, Migrating
from tests.postgres import ThrowawayPostgres


@pytest.fixture
def here(postgres: ThrowawayPostgres, tmp_path: Path) -> Migrating:
    return Migrating(postgres, tmp_path)


def test_nothing_in_a_file_is_a_command_of_psqls(here: Migrating, tmp_path: Path) -> None:
    sql = f"create table odd (body text default ':HOST $m$ $m1$ \\q');\n-- :'USER' \\! touch {tmp_path}/touched\n"
    here.write("20260101000000_odd.sql", sql)
    assert here.run("--yes").returncode == 0
    here.execute("insert into odd default values")
    assert here.rows("select body from odd") == [{"body": ":HOST $m$ $m1$ \\q"}]
    assert not (tmp_path / "touched").exists()
    assert here.run().returncode == 0


@pytest.mark.parametrize("text", ["$m", "$m$", "a $m$ b $m1", "$m1$m$"])
def test_no_text_ends_its_own_quotes(here: Migrating, text: str) -> None:
    here.write("20260101000000_quotes.sql", f"comment on schema public is '{text}'; --{text}")
    assert here.run("--yes").returncode == 0
    assert here.run().stdout.endswith("1 applied, 0 to apply.\n")


def test_a_commit_that_is_not_seen_in_a_file_is_refused_by_the_server(here: Migrating) -> None:
    here.write("20260101000000_first.sql", "create table first (id int); commit;")
    with pytest.raises(MigrationFailure, match="EXECUTE of transaction commands"):
        Psql(str(here.bin / "psql"), target(here.url)).apply(here.plan())
    assert here.tables() == []


def test_a_limit_for_statements_is_none_for_a_whole_migration(here: Migrating) -> None:
    here.execute(
        "do $a$ begin execute format($b$alter role migrator in database %I set statement_timeout = '1s'$b$, "
        "current_database()); end $a$"
    )
    here.write("20260101000000_slow.sql", "select pg_sleep(0.7); select pg_sleep(0.7);")
    assert here.run("--yes").returncode == 0
    assert here.recorded() == ["20260101000000"]


def test_what_a_migration_warns_of_is_shown_and_the_file_is_not(here: Migrating) -> None:
    here.write(
        "20260101000000_warns.sql",
        f"do $$ begin raise warning using message = 'careful, {PASSWORD}'; end $$; -- whole file",
    )
    ended = here.run("--yes")
    assert (ended.returncode, ended.stderr) == (0, "WARNING:  careful, [secret]\n")
    assert ended.stdout.endswith("  done     20260101000000_warns.sql\n1 applied now.\n")


def test_a_connection_that_ends_is_said_to_have_ended(here: Migrating) -> None:
    here.write("20260101000000_ends.sql", "select pg_terminate_backend(pg_backend_pid());")
    ended = here.run("--yes")
    assert ended.returncode == 1
    assert ended.stderr.startswith(
        "20260101000000_ends.sql failed: terminating connection due to administrator command"
    )


def test_a_missing_password_is_told_from_a_wrong_one(here: Migrating, postgres: ThrowawayPostgres) -> None:
    here.write("20260101000000_first.sql", "select 1")
    ended = here.run(url=here.url_with("", postgres.port))
    assert ended.returncode == 2
    assert f"as {USER}:" in ended.stderr
    assert "There is no password in DATABASE_URL" in ended.stderr
