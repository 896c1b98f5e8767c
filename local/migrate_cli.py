"""Applies migrations with the Supabase CLI: `supabase db push`. Verified with its versions 2.122.1 and 3.1.0."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from local.catalog import ROOT
from local.failure import StartFailure
from local.migrate_output import tell
from local.migrate_target import Target
from local.migrations import RELOAD, Migration, MigrationFailure, Plan

_PSQL = 'make migrate ARGS="--tool psql"'


class SupabaseCli:
    """`supabase`, with `db query`. It takes no lock: of two at once, one fails and changes nothing."""

    def __init__(self, program: str, target: Target) -> None:
        self._program = program
        self._target = target
        version = self._run("--version").stdout.strip()
        self.name = f"Supabase CLI {version}"
        major = re.match(r"v?(\d+)", version)
        self._remote = bool(major and int(major[1]) >= 3)  # 3 renamed --db-url; it warns that 4 will not know it
        # Nothing of the connection stands in the address: all of it is in libpq's variables.
        self._address = f"{'--remote' if self._remote else '--db-url'}=postgresql:///"

    def rows(self, query: str) -> list[dict[str, Any]]:
        """What a query answers. Raises StartFailure when the database cannot be asked."""
        read_only = ("--read-only",) if self._remote else ()
        ended = self._run("db", "query", "-o", "json", "--agent=no", *read_only, self._address, query)
        if ended.returncode != 0 and re.search(r"failed to (connect|execute)", ended.stderr):
            raise self._target.refusal(ended.stderr)
        try:
            answer: list[dict[str, Any]] = json.loads(ended.stdout)
        except ValueError as other:
            raise StartFailure(
                f"{self.name} does not answer to `supabase db query` as 2.122 and 3.1 do: update it, or use psql: "
                f"{_PSQL}. ({self._target.said(ended.stderr)})"
            ) from other
        return answer

    def preview(self, plan: Plan) -> str:
        """What the CLI itself would do. Raises MigrationFailure if it refuses, or would do anything else."""
        ended = self._push(plan, "--dry-run")
        if ended.returncode != 0:
            raise MigrationFailure(f"supabase db push refuses: {self._target.said(ended.stderr)}")
        shown = self._target.masked(ended.stderr).strip()
        if re.findall(r"^ • (.+)$", shown, re.MULTILINE) != [one.file for one in plan.pending]:
            raise MigrationFailure(f"supabase db push would not apply just that; psql would: {_PSQL}\n{shown}")
        return shown

    def apply(self, plan: Plan) -> None:
        """Apply what is pending and print each that is done. Raises MigrationFailure at the first that fails."""
        ended = self._push(plan, "--yes")
        begun = re.findall(r"^Applying migration (\S+?)\.\.\.", ended.stderr, re.MULTILINE)
        for file in begun[:-1] if ended.returncode else begun:
            tell(f"  done     {file}")
        if begun:  # also before a failure, for those that are done
            self._reload()
        if ended.returncode != 0:
            failed = begun[-1] if begun else "supabase db push"
            raise MigrationFailure(f"{failed} failed: {self._target.said(ended.stderr)}")

    def _reload(self) -> None:
        if self._run("db", "query", "--yes", self._address, RELOAD).returncode != 0:
            print(f"PostgREST could not be told; if it serves the old schema, run: {RELOAD};", file=sys.stderr)

    def _push(self, plan: Plan, option: str) -> subprocess.CompletedProcess[str]:
        return self._run("db", "push", option, "--agent=no", self._address, migrations=plan.files)

    def _run(self, *arguments: str, migrations: Sequence[Migration] = ()) -> subprocess.CompletedProcess[str]:
        """Run the CLI in a project of its own: it leaves files there, and must apply the texts that were read."""
        with tempfile.TemporaryDirectory(prefix="reelay-migrate-") as directory:
            project = Path(directory, "supabase")
            (project / "migrations").mkdir(parents=True)
            shutil.copy(ROOT / "supabase" / "config.toml", project)
            for one in migrations:
                (project / "migrations" / one.file).write_text(one.text, encoding="utf-8", newline="")
            return self._target.run([self._program, *arguments], directory=directory)
