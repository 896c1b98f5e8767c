"""`make migrate` says no: files and record that contradict each other, and databases that cannot be asked."""

from __future__ import annotations

from pathlib import Path

import psycopg
import pytest

from tests.local.migrating import PASSWORD, USER, Migrating
from tests.postgres import ThrowawayPostgres, free_port


@pytest.fixture
def here(postgres: ThrowawayPostgres, tmp_path: Path) -> Migrating:
    """A database to which two migrations are applied."""
    made = Migrating(postgres, tmp_path)
    made.write("20260102000000_second.sql", "create table second (id int);")
    made.write("20260104000000_fourth.sql", "create table fourth (id int); -- the last one")
    assert made.run("--yes").returncode == 0
    return made


def test_each_contradiction_is_named_and_nothing_is_changed(here: Migrating) -> None:
    (here.migrations / "20260102000000_second.sql").unlink()
    here.write("20260103000000_third.sql", "create table third (id int);")
    here.write("20260104000000_fourth.sql", "create table fourth (id bigint); -- the last one")
    here.write("20260105000000_fifth.sql", "create table fifth (id int);")
    ended = here.run("--yes")
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr.splitlines()[1:5] == [
        "20260102000000 (second) is recorded as applied, but has no file.",
        "20260103000000_third.sql is not applied, but older than 20260104000000, which is.",
        "20260104000000_fourth.sql is not the text that was applied.",
        "Nothing was changed. An applied file must stay as it is: put it back (git log), and make the change in a new, "
        "newer one.",
    ]
    assert "A new file that is older than an applied one: give it a newer timestamp.\n" in ended.stderr
    assert (here.tables(), here.recorded()) == (["fourth", "second"], ["20260102000000", "20260104000000"])


def test_the_sql_that_it_advises_strikes_a_version_out(here: Migrating) -> None:
    (here.migrations / "20260104000000_fourth.sql").unlink()
    advised = here.run().stderr.partition("or in SQL: ")[2].replace("VERSION", "20260104000000")
    with psycopg.connect(here.dsn) as connection:
        connection.execute(advised.encode())
    assert here.run().stdout.endswith("1 applied, 0 to apply.\n")


def test_a_transaction_command_is_refused_unless_it_is_applied(here: Migrating) -> None:
    here.write("20260105000000_fifth.sql", "create table fifth (id int);\ncommit;")
    ended = here.run("--yes")
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr.startswith(
        "20260105000000_fifth.sql has a transaction command of its own, commit: take it out."
    )
    assert (here.tables(), here.recorded()) == (["fourth", "second"], ["20260102000000", "20260104000000"])
    here.execute("insert into supabase_migrations.schema_migrations (version) values ('20260105000000')")
    assert here.run().stdout.endswith("3 applied, 0 to apply.\n")


@pytest.mark.parametrize(
    ("file", "sql"),
    [
        (
            "20260102000000_second.sql",
            "create table second (id int) ;;\n",
        ),  # nothing but what stands between statements
        ("20260102000000_renamed.sql", "create table second (id int);"),  # the CLI goes by the version alone, too
        ("20260104000000_fourth.sql", "create table fourth (id int); -- the last one\r\n"),
    ],
)
def test_what_changes_nothing_is_no_contradiction(here: Migrating, file: str, sql: str) -> None:
    for old in here.migrations.glob(f"{file.partition('_')[0]}_*"):
        old.unlink()
    (here.migrations / file).write_text(sql, newline="")
    assert here.run().stdout.endswith("2 applied, 0 to apply.\n")


def test_a_record_of_an_old_cli_with_versions_alone_is_understood_and_gets_the_columns(here: Migrating) -> None:
    here.execute("alter table supabase_migrations.schema_migrations drop column statements, drop column name")
    here.write("20260105000000_fifth.sql", "create table fifth (id int);")
    assert here.run("--yes").returncode == 0
    rows = here.rows("select name, statements from supabase_migrations.schema_migrations order by version")
    assert [row["name"] for row in rows] == [None, None, "fifth"]


def test_a_wrong_password_is_told_from_a_server_that_does_not_answer(
    here: Migrating, postgres: ThrowawayPostgres
) -> None:
    wrong = here.run(url=here.url_with("wrong", postgres.port))
    assert (wrong.returncode, wrong.stdout) == (2, "")
    assert f"The password in DATABASE_URL is not that of {USER}" in wrong.stderr
    assert "wrong" not in wrong.stderr
    port = free_port()
    silent = here.run(url=here.url_with(PASSWORD, port))
    assert (silent.returncode, silent.stdout) == (2, "")
    assert f"Nothing answers at 127.0.0.1:{port}" in silent.stderr
    assert "Traceback" not in silent.stderr + wrong.stderr


def test_without_a_tool_it_says_how_to_install_one(here: Migrating) -> None:
    (here.bin / "psql").unlink()
    ended = here.run()
    assert ended.returncode == 2
    assert ended.stderr.startswith("Neither the Supabase CLI nor psql is installed.")
    assert "apt-get install postgresql-client" in ended.stderr
    assert here.run("--tool", "supabase").stderr == "supabase is not installed.\n"
