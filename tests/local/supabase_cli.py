"""A stand-in for the Supabase CLI, run as a program: the few commands that `make migrate` uses, with the words and
exit codes that 2.122.1 and 3.1.0 were seen to use. STAND_IN_VERSION is the version that it says it has."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import psycopg

VERSION = os.environ["STAND_IN_VERSION"]


def main(arguments: list[str]) -> int:
    os.chdir(os.environ.get("SUPABASE_WORKDIR", "."))
    if arguments == ["--version"]:
        sys.stdout.write(f"{VERSION}\n")
        return 0
    if VERSION.startswith("1."):  # the help of `supabase db`, which knows no `query`
        sys.stdout.write("Manage Postgres databases\n\nUsage:\n  supabase db [command]\n")
        return 0
    address = "--db-url=" if VERSION.startswith("2.") else "--remote="
    if f"{address}postgresql:///" not in arguments:
        return _fail(f"Unrecognized flag in command supabase {' '.join(arguments[:2])}")
    Path("supabase/.temp").mkdir(exist_ok=True)
    try:
        with psycopg.connect("", autocommit=True) as connection:
            return _query(connection, arguments) if arguments[:2] == ["db", "query"] else _push(connection, arguments)
    except psycopg.OperationalError as refused:
        inner = str(refused).strip().splitlines()[0].partition("failed: ")[2]
        return _fail(
            f"failed to connect to postgres: failed to connect to `host={os.environ['PGHOST']}`: server error ({inner})"
        )


def _query(connection: psycopg.Connection, arguments: list[str]) -> int:
    confirmed = "--yes" in arguments or "--read-only" in arguments or VERSION.startswith("2.")
    if not confirmed:
        return _fail("Confirmation required: Run a SQL statement. Nothing was changed.")
    cursor = connection.execute(arguments[-1].encode())
    if cursor.description:
        names = [column.name for column in cursor.description]
        json.dump([dict(zip(names, row, strict=True)) for row in cursor.fetchall()], sys.stdout)
    return 0


def _push(connection: psycopg.Connection, arguments: list[str]) -> int:
    connection.execute("create schema if not exists supabase_migrations")
    connection.execute(
        "create table if not exists supabase_migrations.schema_migrations"
        " (version text primary key, statements text[], name text)"
    )
    there = {row[0] for row in connection.execute("select version from supabase_migrations.schema_migrations")}
    files = [file for file in sorted(Path("supabase/migrations").iterdir()) if file.name.split("_")[0] not in there]
    if "--dry-run" in arguments:
        sys.stderr.write("DRY RUN: migrations will *not* be pushed to the database.\nWould push these migrations:\n")
        sys.stderr.writelines(f" • {file.name}\n" for file in files)
    elif "--yes" in arguments:
        for file in files:
            sys.stderr.write(f"Applying migration {file.name}...\n")
            try:
                _apply(connection, file)
            except psycopg.Error as wrong:
                return _fail(f"ERROR: {wrong.diag.message_primary} (SQLSTATE {wrong.sqlstate})")
    sys.stdout.write("Finished supabase db push.\n")
    return 0


def _apply(connection: psycopg.Connection, file: Path) -> None:
    version, _, name = file.stem.partition("_")
    statements = [part.strip() for part in file.read_text().split(";") if part.strip()]
    with connection.transaction():
        for statement in statements:
            connection.execute(statement.encode())
        connection.execute(
            "insert into supabase_migrations.schema_migrations (version, name, statements) values (%s, %s, %s)",
            [version, name, statements],
        )


def _fail(message: str) -> int:
    sys.stderr.write(f"{message}\nTry rerunning the command with --debug to troubleshoot the error.\n")
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
