"""`make migrate` with psql: what it shows, asks, applies and records, and that it can be repeated."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path

import psycopg
import pytest

from local.catalog import ROOT
from local.migrations import MIGRATIONS
from tests.cloud import Cloud, eventually
from tests.local.migrating import PASSWORD, Migrating
from tests.postgres import ThrowawayPostgres, free_port


@pytest.fixture
def here(postgres: ThrowawayPostgres, tmp_path: Path) -> Migrating:
    return Migrating(postgres, tmp_path)


@pytest.fixture
def two(here: Migrating) -> Migrating:
    """A database to which two small migrations can be applied."""
    here.write("20260101000000_first.sql", "create table first (id int);\ninsert into first values (1);\n")
    here.write("20260102000000_second.sql", "create table second (id int)")
    return here


def test_it_shows_what_it_will_do_does_it_in_order_and_records_it_as_the_supabase_cli_does(two: Migrating) -> None:
    ended = two.run("--yes")
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout.splitlines()[1:] == [
        "  to apply  20260101000000_first.sql",
        "  to apply  20260102000000_second.sql",
        "0 applied, 2 to apply.",
        "  done     20260101000000_first.sql",
        "  done     20260102000000_second.sql",
        "2 applied now.",
    ]
    assert two.rows("select version, name, statements from supabase_migrations.schema_migrations order by version") == [
        {"version": "20260101000000", "name": "first",
         "statements": ["create table first (id int);\ninsert into first values (1)"]},
        {"version": "20260102000000", "name": "second", "statements": ["create table second (id int)"]},
    ]  # fmt: skip


def test_a_second_run_finds_nothing_to_do_and_a_new_file_is_all_that_a_third_applies(two: Migrating) -> None:
    two.run("--yes")
    again = two.run()  # nothing is asked where there is nothing to do
    assert (again.returncode, again.stdout.splitlines()[-1]) == (0, "2 applied, 0 to apply.")
    two.write("20260103000000_third.sql", "create table third (id int);")
    assert "done     20260103000000_third.sql\n1 applied now." in two.run("--yes").stdout
    assert two.rows("select count(*) from first") == [{"count": 1}]


def test_a_dry_run_changes_nothing(two: Migrating) -> None:
    ended = two.run("--dry-run")
    assert (ended.returncode, ended.stdout.splitlines()[-1]) == (0, "0 applied, 2 to apply.")
    assert two.rows("select to_regnamespace('supabase_migrations')::text as there") == [{"there": None}]


def test_without_a_terminal_and_without_yes_it_shows_everything_and_changes_nothing(two: Migrating) -> None:
    ended = two.run()
    assert ended.returncode == 1
    assert "0 applied, 2 to apply." in ended.stdout
    assert ended.stderr == "There is no terminal to ask at: make migrate ARGS=--yes\nNothing was changed.\n"
    assert two.tables() == []


@pytest.mark.parametrize(("typed", "code"), [("yes\n", 0), ("y\n", 1), ("\n", 1), ("\x04", 1)])
def test_at_a_terminal_nothing_but_a_typed_yes_applies_them(two: Migrating, typed: str, code: int) -> None:
    terminal, its_end = pty.openpty()
    running = subprocess.Popen(two.command(), cwd=ROOT, env=two.environ(), stdin=its_end, stdout=its_end)
    os.close(its_end)
    try:
        shown = b""
        while b"Type yes: " not in shown:
            shown += os.read(terminal, 4096)
        assert two.tables() == []
        os.write(terminal, typed.encode())
        assert running.wait(30) == code
    finally:
        running.kill()
        running.wait()
        os.close(terminal)
    assert two.tables() == ([] if code else ["first", "second"])


def test_a_migration_that_fails_is_undone_whole_and_named_and_those_before_it_stay(two: Migrating) -> None:
    two.write("20260102000000_second.sql", "create table second (id int); insert into second values ('many');")
    two.write("20260103000000_third.sql", "create table third (id int);")
    ended = two.run("--yes")
    assert ended.returncode == 1
    reason = '20260102000000_second.sql failed: invalid input syntax for type integer: "many"\nLINE 1: '
    assert ended.stderr.startswith(reason)
    assert ended.stderr.endswith("Run it again: it shows what is applied.\n")
    assert (two.tables(), two.recorded()) == (["first"], ["20260101000000"])
    two.write("20260102000000_second.sql", "create table second (id int); insert into second values (2);")
    assert two.run("--yes").returncode == 0
    assert two.tables() == ["first", "second", "third"]


def test_the_password_is_masked_even_where_the_server_repeats_it(here: Migrating) -> None:
    here.write("20260101000000_first.sql", f"do $$ begin raise exception using message = '{PASSWORD}'; end $$")
    assert here.run("--yes").stderr.startswith("20260101000000_first.sql failed: [secret]\n")


def test_whoever_stops_reading_does_not_stop_it(two: Migrating) -> None:
    reads, its_end = os.pipe()
    os.close(reads)
    ended = subprocess.run(
        two.command("--yes"), cwd=ROOT, env=two.environ(), stdout=its_end, stderr=subprocess.PIPE, check=False
    )
    os.close(its_end)
    assert (ended.returncode, ended.stderr) == (0, b"")
    assert two.tables() == ["first", "second"]


def test_ctrl_c_undoes_what_is_under_way_and_says_what_to_do(two: Migrating) -> None:
    two.write("20260102000000_second.sql", "create table second (id int); select pg_sleep(60);")
    running = two.start("--yes")
    eventually(lambda: two.rows("select from pg_stat_activity where wait_event = 'PgSleep'"))
    os.killpg(running.pid, signal.SIGINT)
    _, stderr = running.communicate(timeout=30)
    assert (running.returncode, stderr) == (1, "\nStopped. Run it again: it shows what is applied.\n")
    eventually(lambda: not two.rows("select from pg_stat_activity where wait_event = 'PgSleep'"))
    assert (two.tables(), two.recorded()) == (["first"], ["20260101000000"])


def test_postgrest_is_told_when_a_migration_is_there(two: Migrating) -> None:
    with psycopg.connect(two.dsn, autocommit=True) as listening:
        listening.execute("listen pgrst")
        assert two.run("--yes").returncode == 0
        assert {told.payload for told in listening.notifies(timeout=5, stop_after=2)} == {"reload schema"}


def command_lines() -> set[str]:
    """What `ps` shows of everybody's processes; small Linux images have no `ps`."""
    if not Path("/proc/self/cmdline").exists():
        return set(subprocess.run(["ps", "-axww", "-o", "args="], capture_output=True, text=True).stdout.splitlines())
    seen = set()
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):  # it has ended meanwhile
            seen.add(file.read_text(errors="replace").replace("\0", " "))
    return seen


def test_the_password_is_in_no_process_list(two: Migrating) -> None:
    two.write("20260103000000_slow.sql", "select pg_sleep(1.5);")
    running = two.start("--yes")
    seen: set[str] = set()
    while running.poll() is None:
        seen |= command_lines()
        time.sleep(0.1)
    running.communicate()
    assert running.returncode == 0
    assert any("psql --no-psqlrc" in line for line in seen)
    assert not [line for line in seen if "w0rd" in line]


@pytest.mark.parametrize("first", ["make migrate", "make dev"])
def test_make_dev_and_it_take_each_others_work_for_their_own(here: Migrating, tmp_path: Path, first: str) -> None:
    here.migrations = MIGRATIONS
    if first == "make migrate":
        assert here.run("--yes").returncode == 0
    cloud = Cloud(tmp_path / "state", free_port(), {"DATABASE_URL": here.url, "BCRYPT_COST": "4"}, "--no-demo")
    try:
        cloud.start()
        assert cloud.register().id
    finally:
        assert cloud.stop() == 0
    count = len(list(MIGRATIONS.glob("*.sql")))
    ended = here.run()
    assert (ended.returncode, ended.stdout.splitlines()[-1]) == (0, f"{count} applied, 0 to apply.")
