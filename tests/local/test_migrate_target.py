"""DATABASE_URL, and what of it the tools of `make migrate` are given."""

from __future__ import annotations

import pytest

from local.failure import StartFailure
from local.migrate import address
from local.migrate_target import target


@pytest.mark.parametrize(
    ("url", "complaint"),
    [
        (None, "Set DATABASE_URL, in the environment or in .env, to postgresql://.*Supabase dashboard: Connect"),
        ("postgresql://postgres:[YOUR-PASSWORD]@db.x.supabase.co:5432/postgres", r"still says \[YOUR-PASSWORD\]"),
        ("postgresql://postgres:hush#hush@db.x.supabase.co:5432/postgres", "does not look like .*# %23"),
        ("postgresql://postgres:hush/hush@db.x.supabase.co:5432/postgres", "does not look like .*/ %2F"),
        ("postgresql://postgres:123#hush@db.x.supabase.co:5432/postgres", "does not look like .*# %23"),
        ("postgresql://postgres:p@9/hush@db.x.supabase.co:5432/postgres", "does not look like .*@ is written %40"),
        ("postgresql://postgres:p@hu?hush@db.x.supabase.co:5432/postgres", "does not look like .*@ is written %40"),
        ("postgresql://postgres:p@h?hush=t@db.x.supabase.co:5432/postgres", "does not look like .*@ is written %40"),
        ("postgresql://postgres:a%00hush@db.x.supabase.co:5432/postgres", "does not look like"),
        ("postgresql://postgres:hush@[fe80::1%25eth0]:5432/postgres", "does not look like"),
        ("postgresql://postgres:hush@db.x.supabase.co./postgres?sslmode=prefer", "sslmode without encryption"),
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
    assert hosted.environment(
        {"PGPASSWORD": "old", "PGSERVICE": "other", "DATABASE_URL": "x", "SUPABASE_WORKDIR": "/other",
         "SUPABASE_ACCESS_TOKEN": "y", "LC_ALL": "de_DE.UTF-8", "HOME": "/h"}
    ) == {
        "HOME": "/h", "LC_ALL": "C", "SUPABASE_TELEMETRY_DISABLED": "1",
        "PGCONNECT_TIMEOUT": "15", "PGCLIENTENCODING": "UTF8", "PGSSLMODE": "require",
        "PGHOST": "aws-0-eu-central-1.pooler.supabase.com", "PGPORT": "5432", "PGUSER": "postgres.ref",
        "PGDATABASE": "postgres", "PGPASSWORD": "p@ss",
    }  # fmt: skip


def test_the_environment_wins_over_the_env_file_and_a_supabase_url_beside_it_does_not_matter() -> None:
    assert address({"DATABASE_URL": "file", "SUPABASE_URL": "https://x"}, {"DATABASE_URL": "environment"}) == (
        "environment"
    )
    assert address({"DATABASE_URL": "file"}, {"DATABASE_URL": ""}) == "file"


@pytest.mark.parametrize(
    ("stderr", "said"),
    [
        ('psql:<stdin>:24: ERROR:  type "a" does not exist\nQUERY:  begin\n', 'type "a" does not exist'),
        ("psql:<stdin>:24: FATAL:  terminating connection\n", "terminating connection"),
        ("Applying migration 1_a.sql...\nError: ERROR: no\nTry rerunning the command with --debug\n", "no"),
        ("", "no reason given"),
    ],
)
def test_a_tool_is_quoted_without_its_prefix(stderr: str, said: str) -> None:
    assert target("postgresql://u:hush@h/d").said(stderr) == said


def test_an_ipv6_address_has_its_brackets_in_a_message() -> None:
    assert str(target("postgresql://u:p@[::1]:5433/d")) == "database d on [::1]:5433, as u"


def test_space_around_the_address_does_not_matter() -> None:
    assert target(" postgresql://u:p@h/d \n") == target("postgresql://u:p@h/d")
