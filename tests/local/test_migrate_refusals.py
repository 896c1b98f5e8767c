"""`make migrate` says no: files and record that contradict each other, and databases that cannot be asked."""

from __future__ import annotations

from pathlib import Path

import pytest

from local.failure import StartFailure
from local.migrate import address
from local.migrate_target import target
from local.migrations import Recorded, drift, read
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
    assert (here.tables(), here.recorded()) == (["fourth", "second"], ["20260102000000", "20260104000000"])


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


def test_a_record_of_an_old_cli_with_versions_alone_is_understood_and_gets_the_columns(here: Migrating) -> None:
    here.execute("alter table supabase_migrations.schema_migrations drop column statements, drop column name")
    here.write("20260105000000_fifth.sql", "create table fifth (id int);")
    assert here.run("--yes").returncode == 0
    rows = here.rows("select name, statements from supabase_migrations.schema_migrations order by version")
    assert [row["name"] for row in rows] == [None, None, "fifth"]


@pytest.mark.parametrize(
    ("files", "complaint"),
    [
        ([], "There are no migrations in"),
        (["20260101000000.sql"], "20260101000000.sql in .* must be named TIMESTAMP_name.sql"),
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
    ("url", "complaint"),
    [
        (None, "Set DATABASE_URL, in the environment or in .env, to postgresql://.*Supabase dashboard: Connect"),
        ("postgresql://postgres:[YOUR-PASSWORD]@db.x.supabase.co:5432/postgres", r"still says \[YOUR-PASSWORD\]"),
        ("postgresql://postgres:hush#hush@db.x.supabase.co:5432/postgres", "does not look like .*# %23"),
        ("postgresql://postgres:hush/hush@db.x.supabase.co:5432/postgres", "does not look like .*/ %2F"),
        ("postgresql://postgres:123#hush@db.x.supabase.co:5432/postgres", "does not look like .*# %23"),
        ("https://hush.supabase.co", "does not look like"),
        ("postgresql://postgres:hush@db.x.supabase.co:5432/postgres?pgbouncer=true", r"understood here \(pgbouncer\)"),
    ],
)
def test_an_address_that_cannot_be_used_is_explained_and_never_repeated(url: str | None, complaint: str) -> None:
    with pytest.raises(StartFailure, match=complaint) as refused:
        target(url)
    assert "hush" not in str(refused.value)


def test_a_hosted_project_is_never_spoken_to_in_plain_text_nor_mixed_up_with_another_database() -> None:
    hosted = target("postgresql://postgres.ref:p%40ss@aws-0-eu-central-1.pooler.supabase.com:5432/postgres")
    assert hosted.environment({"PGPASSWORD": "old", "PGSERVICE": "other", "DATABASE_URL": "x", "HOME": "/h"}) == {
        "HOME": "/h", "PGCONNECT_TIMEOUT": "15", "PGCLIENTENCODING": "UTF8", "PGSSLMODE": "require",
        "PGHOST": "aws-0-eu-central-1.pooler.supabase.com", "PGPORT": "5432", "PGUSER": "postgres.ref",
        "PGDATABASE": "postgres", "PGPASSWORD": "p@ss",
    }  # fmt: skip


def test_the_environment_wins_over_the_env_file_and_a_supabase_url_beside_it_does_not_matter() -> None:
    assert address({"DATABASE_URL": "file", "SUPABASE_URL": "https://x"}, {"DATABASE_URL": "environment"}) == (
        "environment"
    )
    assert address({"DATABASE_URL": "file"}, {"DATABASE_URL": ""}) == "file"


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
