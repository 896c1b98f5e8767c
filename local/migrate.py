"""Applies supabase/migrations to the database that DATABASE_URL names: `make migrate`, `make migrate ARGS=--yes`.

    python -m local.migrate [--yes | --dry-run] [--tool supabase|psql] [--migrations DIR]

With the Supabase CLI if it is installed, otherwise with psql; the record is the same, so both can be mixed. It shows
first what is applied and what will be, and asks for a `yes`. When files and record contradict each other, it says
where and changes nothing. A migration is applied and recorded in one transaction; one that fails leaves those before
it applied. Safe to repeat. DATABASE_URL reaches the tool through its environment, and stands in no message.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

from local import catalog, dotenv, migrations
from local.failure import StartFailure
from local.migrate_cli import SupabaseCli
from local.migrate_output import tell
from local.migrate_psql import Psql
from local.migrate_target import Target, target
from local.migrations import MIGRATIONS, Migration, MigrationFailure, Plan, Recorded

_TABLE = "supabase_migrations.schema_migrations"
_INSTALL = (
    "Neither the Supabase CLI nor psql is installed. The CLI: https://supabase.com/docs/guides/local-development/cli, "
    "or `brew install supabase/tap/supabase`. psql: `apt-get install postgresql-client`, or `brew install libpq`."
)
_ADVICE = """\
Nothing was changed. An applied file must stay as it is: put it back (git log), and make the change in a new, newer one.
A new file that is older than an applied one: give it a newer timestamp.
A version without a file comes from another checkout: update this one, or, if its changes are undone in the database,
strike it out: supabase migration repair --status reverted VERSION
or in SQL: delete from supabase_migrations.schema_migrations where version = 'VERSION';"""


class Tool(Protocol):
    """One way to ask a database and to change it."""

    @property
    def name(self) -> str: ...

    def rows(self, query: str) -> list[dict[str, Any]]:
        """What a query answers. Raises StartFailure when the database cannot be asked."""

    def preview(self, plan: Plan) -> str:
        """What the tool itself says about a plan; nothing is changed. Raises MigrationFailure if it refuses."""

    def apply(self, plan: Plan) -> None:
        """Apply what is pending and print each that is done. Raises MigrationFailure at the first that fails."""


# The first that is installed is taken.
TOOLS: dict[str, Callable[[str, Target], Tool]] = {"supabase": SupabaseCli, "psql": Psql}


def main() -> int:
    """0 when all is applied, or shown, as asked; 1 when it is refused or fails; 2 when it cannot begin."""
    options = _options()
    try:
        files = migrations.read(options.migrations)
        database = target(address(dotenv.load(catalog.ROOT / ".env"), os.environ))
        tool = choose(database, options.tool)
        return run(tool, database, files, options)
    except StartFailure as failure:
        print(failure, file=sys.stderr)
        return 2
    except MigrationFailure as failure:
        print(f"{failure}\nRun it again: it shows what is applied.", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nStopped. Run it again: it shows what is applied.", file=sys.stderr)
        return 1


def run(tool: Tool, database: Target, files: list[Migration], options: argparse.Namespace) -> int:
    """Show, ask, apply; answers the exit code."""
    recorded = history(tool)
    if contradictions := migrations.drift(files, recorded):
        print(f"The files do not fit the {database}:", *contradictions, _ADVICE, sep="\n", file=sys.stderr)
        return 1
    plan = Plan(tuple(files), tuple(recorded))
    for one in plan.pending:
        one.require_one_transaction()
    tell(f"Migrations of the {database} (with {tool.name}):")
    for one in files:
        tell(f"  {'to apply' if one in plan.pending else 'applied '}  {one.file}")
    tell(f"{len(recorded)} applied, {len(plan.pending)} to apply.")
    if not plan.pending:
        return 0
    if said := tool.preview(plan):
        tell(said)
    if options.dry_run:
        return 0
    if not (options.yes or confirmed()):
        print("Nothing was changed.", file=sys.stderr)
        return 1
    tool.apply(plan)
    tell(f"{len(plan.pending)} applied now.")
    return 0


def history(tool: Tool) -> list[Recorded]:
    """What the database has recorded, oldest first; nothing if it never did. Raises StartFailure."""
    if tool.rows(f"select to_regclass('{_TABLE}') is null as missing")[0]["missing"]:
        return []
    # As JSON, because a table that an old CLI made has fewer columns.
    rows = tool.rows(f'select to_jsonb(one) as row from {_TABLE} one order by version collate "C"')  # noqa: S608
    return [Recorded.of(row["row"]) for row in rows]


def confirmed() -> bool:
    """Whether somebody at a terminal types yes; without a terminal the answer is no."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        print("There is no terminal to ask at: make migrate ARGS=--yes", file=sys.stderr)
        return False
    print("Apply them? Type yes: ", end="", flush=True)  # input() would ask on stderr
    return sys.stdin.readline().strip().lower() == "yes"


def choose(database: Target, wanted: str | None) -> Tool:
    """The tool called so; otherwise the first that is installed. Raises StartFailure where there is none."""
    for name in (wanted,) if wanted else TOOLS:
        if program := shutil.which(name):
            return TOOLS[name](program, database)
    raise StartFailure(f"{wanted} is not installed." if wanted else _INSTALL)


def address(values: Mapping[str, str], environ: Mapping[str, str]) -> str | None:
    """DATABASE_URL; the environment wins over `.env`. Whether SUPABASE_URL is set beside it does not matter here."""
    return environ.get("DATABASE_URL") or values.get("DATABASE_URL")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m local.migrate", description="Apply the migrations.")
    asked = parser.add_mutually_exclusive_group()
    asked.add_argument("--yes", action="store_true", help="apply without asking")
    asked.add_argument("--dry-run", action="store_true", help="only show what would be done")
    parser.add_argument("--tool", choices=tuple(TOOLS), help="what to apply them with")
    parser.add_argument("--migrations", type=Path, default=MIGRATIONS, help="where the files are")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
