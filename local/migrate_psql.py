"""Applies migrations with psql, and keeps the Supabase CLI's record of them.

psql gets every migration as data of one `do` statement: nothing in a file is then a command of psql's, and `commit` in
a file is refused. The lock lasts as long as a migration's transaction, because Supabase's transaction pooler has no
sessions; in between, whoever comes second finds another record than the one planned for, and stops.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

from local.migrate_output import tell
from local.migrate_target import Target
from local.migrations import RELOAD, SPACE, Migration, MigrationFailure, Plan

LOCK = 7_264_035_163  # this project's own number
LOCK_SECONDS = 60
_MEANWHILE = "somebody else is migrating this database, or has done so meanwhile"


class Psql:
    """PostgreSQL's own client, 10 or newer."""

    name = "psql"

    def __init__(self, program: str, target: Target) -> None:
        self._command = [program, "--no-psqlrc", "--no-password", "-qAt", "-v", "ON_ERROR_STOP=1", "-f", "-"]
        self._target = target

    def rows(self, query: str) -> list[dict[str, Any]]:
        """What a query answers. Raises StartFailure when the database cannot be asked."""
        ended = self._run(f"select coalesce(json_agg(row_to_json(answer)), '[]') from ({query}) answer;")  # noqa: S608
        if ended.returncode != 0:
            raise self._target.refusal(ended.stderr)
        answer: list[dict[str, Any]] = json.loads(ended.stdout)
        return answer

    def preview(self, _plan: Plan) -> str:
        """psql has nothing to say about a plan."""
        return ""

    def apply(self, plan: Plan) -> None:
        """Apply what is pending and print each that is done. Raises MigrationFailure at the first that fails."""
        versions = [one.version for one in plan.recorded]
        for one in plan.pending:
            ended = self._run(transaction(one, versions))
            if ended.returncode != 0:
                raise MigrationFailure(f"{one.file} failed: {self._target.said(ended.stderr)}")
            if warnings := re.sub(r"^psql:<stdin>:\d+: ", "", ended.stderr, flags=re.MULTILINE).strip():
                print(self._target.masked(warnings), file=sys.stderr)
            tell(f"  done     {one.file}")
            versions.append(one.version)

    def _run(self, script: str) -> subprocess.CompletedProcess[str]:
        return self._target.run(self._command, script)


def transaction(migration: Migration, versions: Sequence[str]) -> str:
    """The script that applies and records one migration, if exactly `versions` are recorded by then.

    It is one statement to the server, so a limit for statements (Supabase's is two minutes) does not hold for it.
    """
    guard = f"""
declare recorded text;
begin
  begin
    perform pg_advisory_xact_lock({LOCK});
  exception when lock_not_available then
    raise exception '{_MEANWHILE}';
  end;
  create schema if not exists supabase_migrations;
  create table if not exists supabase_migrations.schema_migrations (version text not null primary key);
  alter table supabase_migrations.schema_migrations add column if not exists statements text[];
  alter table supabase_migrations.schema_migrations add column if not exists name text;
  select string_agg(version, ',' order by version collate "C") into recorded
    from supabase_migrations.schema_migrations;
  if coalesce(recorded, '') <> {_quoted(",".join(versions))} then
    raise exception '{_MEANWHILE}' using hint = 'Run it again: it shows what is applied now.';
  end if;
end"""  # noqa: S608 - every value is dollar-quoted
    values = f"{_quoted(migration.version)}, {_quoted(migration.name)}, array[{_quoted(migration.text.strip(SPACE))}]"
    return f"""
begin;
set local statement_timeout = 0;
set local client_min_messages = warning;
set local lock_timeout = '{LOCK_SECONDS}s';
do {_quoted(guard)};
set local lock_timeout to default;
do {_quoted(f"begin execute {_quoted(migration.text)}; end")};
insert into supabase_migrations.schema_migrations (version, name, statements) values ({values});
{RELOAD};
commit;
"""  # noqa: S608


def _quoted(text: str) -> str:
    """`text` as a dollar-quoted literal with a tag that it does not hold."""
    number, tag = 0, "$m$"
    while tag in text + tag[:-1]:
        number += 1
        tag = f"$m{number}$"
    return f"{tag}{text}{tag}"
