"""`make migrate` with the Supabase CLI: a stand-in, or the real one where SUPABASE_CLI_2 or SUPABASE_CLI_3 names it.

The real one is 140 MB (`npm install supabase@3.1.0 --ignore-scripts`), too much for every CI run; all of this passed
with 2.122.1 and 3.1.0.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import psycopg
import pytest

from local.catalog import ROOT
from local.migrate_cli import SupabaseCli
from local.migrate_target import target
from tests.local.migrating import USER, Migrating
from tests.postgres import ThrowawayPostgres


def with_cli(postgres: ThrowawayPostgres, directory: Path, version: str) -> Migrating:
    """Two migrations, and a Supabase CLI beside psql."""
    made = Migrating(postgres, directory)
    made.write("20260101000000_first.sql", "create table first (id int); insert into first values (1);")
    made.write("20260102000000_second.sql", "create table second (id int)")
    real = os.environ.get(f"SUPABASE_CLI_{version[0]}")
    made.install("supabase", real or f"{sys.executable} {ROOT}/tests/local/supabase_cli.py")
    made.environment["STAND_IN_VERSION"] = version
    return made


@pytest.fixture(params=["2.122.1", "3.1.0"])
def here(request: pytest.FixtureRequest, postgres: ThrowawayPostgres, tmp_path: Path) -> Migrating:
    return with_cli(postgres, tmp_path, request.param)


def test_the_cli_is_taken_where_it_is_installed_and_its_own_word_is_shown_first(here: Migrating) -> None:
    shown = here.run()
    assert shown.returncode == 1
    assert "(with Supabase CLI " in shown.stdout
    assert "0 applied, 2 to apply." in shown.stdout
    assert "Would push these migrations:\n • 20260101000000_first.sql\n • 20260102000000_second.sql" in shown.stdout
    assert here.tables() == []
    ended = here.run("--yes")
    assert ended.returncode == 0
    assert ended.stdout.endswith(
        "  done     20260101000000_first.sql\n  done     20260102000000_second.sql\n2 applied now.\n"
    )
    assert (here.tables(), here.rows("select count(*) from first")) == (["first", "second"], [{"count": 1}])
    assert here.run().stdout.endswith("2 applied, 0 to apply.\n")


def test_the_cli_and_psql_can_take_turns(here: Migrating) -> None:
    assert here.run("--yes").returncode == 0
    here.write("20260103000000_third.sql", "create table third (id int); comment on table third is 'x';")
    assert here.run("--yes", "--tool", "psql").stdout.endswith("done     20260103000000_third.sql\n1 applied now.\n")
    here.write("20260104000000_fourth.sql", "create table fourth (id int);")
    assert here.run("--yes").stdout.endswith("done     20260104000000_fourth.sql\n1 applied now.\n")
    for tool in ("psql", "supabase"):
        assert here.run("--tool", tool).stdout.endswith("4 applied, 0 to apply.\n")


@pytest.fixture
def elsewhere(tmp_path: Path) -> Path:
    """Another project, with a migration of its own."""
    project = tmp_path / "elsewhere"
    (project / "supabase" / "migrations").mkdir(parents=True)
    (project / "supabase" / "config.toml").write_text('project_id = "elsewhere"\n')
    (project / "supabase" / "migrations" / "20250101000000_other.sql").write_text("create table other (id int);")
    return project


def test_a_variable_of_the_clis_own_does_not_make_it_apply_another_project(here: Migrating, elsewhere: Path) -> None:
    here.environment["SUPABASE_WORKDIR"] = str(elsewhere)
    assert here.run("--yes").returncode == 0
    assert here.tables() == ["first", "second"]


def test_a_cli_that_would_apply_anything_else_is_not_let(here: Migrating, elsewhere: Path) -> None:
    real = (here.bin / "supabase").rename(here.bin / "real")
    (here.bin / "supabase").write_text(f'#!/bin/sh\ncd {elsewhere} && exec {real} "$@"\n')
    (here.bin / "supabase").chmod(0o755)
    ended = here.run("--yes")
    assert ended.returncode == 1
    assert ended.stderr.startswith("supabase db push would not apply just that; psql would: make migrate")
    assert " • 20250101000000_other.sql" in ended.stderr
    assert here.tables() == []


def test_what_was_shown_is_applied_though_a_file_changes_meanwhile(
    here: Migrating, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STAND_IN_VERSION", here.environment["STAND_IN_VERSION"])
    tool, plan = SupabaseCli(str(here.bin / "supabase"), target(here.url)), here.plan()
    tool.preview(plan)
    here.write("20260101000000_first.sql", "create table other (id int);")
    here.write("20260103000000_third.sql", "create table third (id int);")
    tool.apply(plan)
    assert here.tables() == ["first", "second"]


def test_what_contradicts_the_record_is_refused_before_the_cli_does_anything(here: Migrating) -> None:
    assert here.run("--yes").returncode == 0
    here.calls.write_text("")
    here.write("20260101000000_first.sql", "create table first (id bigint);")
    here.write("20260103000000_third.sql", "create table third (id int);")
    ended = here.run("--yes")
    assert ended.returncode == 1
    assert "20260101000000_first.sql is not the text that was applied." in ended.stderr
    assert " db push " not in here.calls.read_text()
    assert here.tables() == ["first", "second"]


def test_a_migration_that_fails_is_named_and_those_before_it_stay(here: Migrating) -> None:
    here.write("20260102000000_second.sql", "create table second (id int); insert into nowhere values (1);")
    ended = here.run("--yes")
    assert ended.returncode == 1
    assert "done     20260101000000_first.sql" in ended.stdout
    assert ended.stderr.startswith('20260102000000_second.sql failed: relation "nowhere" does not exist')
    assert (here.tables(), here.recorded()) == (["first"], ["20260101000000"])


@pytest.mark.parametrize("second", ["create table second (id int)", "insert into nowhere values (1)"])
def test_postgrest_is_told_also_when_only_the_first_are_applied(here: Migrating, second: str) -> None:
    here.write("20260102000000_second.sql", second)
    with psycopg.connect(here.dsn, autocommit=True) as listening:
        listening.execute("listen pgrst")
        assert here.run("--yes").returncode == int("nowhere" in second)
        assert [told.payload for told in listening.notifies(timeout=5, stop_after=1)] == ["reload schema"]


def test_its_command_line_says_nothing_about_the_connection(here: Migrating) -> None:
    assert here.run("--yes").returncode == 0
    calls = here.calls.read_text()
    assert "db push --yes" in calls
    assert "postgresql:///" in calls
    assert USER not in calls
    assert here.database not in calls
    assert not (ROOT / "supabase" / ".temp").exists()


def test_a_wrong_password_is_explained(here: Migrating, postgres: ThrowawayPostgres) -> None:
    ended = here.run(url=here.url_with("wrong", postgres.port))
    assert ended.returncode == 2
    assert f"The password in DATABASE_URL is not that of {USER}" in ended.stderr
    assert "wrong" not in ended.stderr


def test_a_missing_password_is_told_from_a_wrong_one(here: Migrating, postgres: ThrowawayPostgres) -> None:
    assert "There is no password in DATABASE_URL" in here.run(url=here.url_with("", postgres.port)).stderr


def test_a_program_that_is_none_is_named(here: Migrating) -> None:
    (here.bin / "supabase").write_text("not a program")
    ended = here.run()
    assert (ended.returncode, ended.stderr) == (2, f"{here.bin}/supabase cannot be run: Exec format error.\n")


def test_of_two_at_once_every_migration_is_applied_once(here: Migrating) -> None:
    both = [here.start("--yes"), here.start("--yes")]
    for one in both:
        one.communicate(timeout=60)
    assert 0 in [one.returncode for one in both]
    assert here.run("--yes").returncode == 0
    assert here.rows("select count(*) from first") == [{"count": 1}]
    assert here.recorded() == ["20260101000000", "20260102000000"]


def test_a_cli_that_is_too_old_is_told_so(postgres: ThrowawayPostgres, tmp_path: Path) -> None:
    ended = with_cli(postgres, tmp_path, "1.226.4").run("--yes")
    assert ended.returncode == 2
    assert ended.stderr.startswith("Supabase CLI 1.226.4 does not answer to `supabase db query`")
    assert '--tool psql"' in ended.stderr
