"""`make migrate` as a person runs it, on a database of its own whose user needs a password."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import uuid
from pathlib import Path
from typing import Any, LiteralString
from urllib.parse import quote

import psycopg
from psycopg.rows import dict_row

from local.catalog import ROOT
from local.migrations import Plan, read
from tests.postgres import ThrowawayPostgres

USER = "migrator"
PASSWORD = "pa/ss w0rd%#?"
# Writes down how it was called, then does what the real one does.
_RECORDER = """#!/bin/sh
printf '%s\\n' "$0 $*" >> {log}
exec {program} "$@"
"""


class Migrating:
    """One empty database, one empty directory of migrations, and a PATH with the chosen tools alone."""

    def __init__(self, server: ThrowawayPostgres, directory: Path) -> None:
        self.migrations = directory / "migrations"
        self.bin = directory / "bin"
        self.calls = directory / "calls"
        for one in (self.migrations, self.bin):
            one.mkdir()
        self.calls.touch()
        _require_a_password(server)
        self.database = f"migrate_{uuid.uuid4().hex}"
        self.dsn = server.create_database(self.database)
        self.url = self.url_with(PASSWORD, server.port)
        self.environment: dict[str, str] = {}
        psql = shutil.which("psql")
        assert psql, "these tests need psql (apt-get install postgresql-client)"
        self.install("psql", psql)

    def url_with(self, password: str, port: int) -> str:
        return f"postgresql://{USER}:{quote(password, safe='')}@127.0.0.1:{port}/{self.database}?sslmode=disable"

    def install(self, name: str, program: str | Path) -> None:
        """Put a program on the PATH, under this name, in front of a recorder."""
        (self.bin / name).write_text(_RECORDER.format(log=self.calls, program=program))
        (self.bin / name).chmod(0o755)

    def write(self, file: str, sql: str) -> None:
        (self.migrations / file).write_text(sql)

    def plan(self) -> Plan:
        """All files, for a database that has none of them."""
        return Plan(tuple(read(self.migrations)), ())

    def command(self, *options: str) -> list[str]:
        return [sys.executable, "-m", "local.migrate", "--migrations", str(self.migrations), *options]

    def environ(self, url: str | None = None) -> dict[str, str]:
        path = f"{self.bin}:/usr/bin:/bin" if (self.bin / "supabase").exists() else str(self.bin)
        return {"PATH": path, "HOME": os.environ.get("HOME", "/"), "DATABASE_URL": url or self.url, **self.environment}

    def start(self, *options: str) -> subprocess.Popen[str]:
        """Start it without a terminal, in a process group of its own."""
        return subprocess.Popen(
            self.command(*options), cwd=ROOT, env=self.environ(), text=True, start_new_session=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip

    def run(self, *options: str, url: str | None = None) -> subprocess.CompletedProcess[str]:
        """Run it without a terminal, and see to it that the password shows up nowhere."""
        ended = subprocess.run(
            self.command(*options), cwd=ROOT, env=self.environ(url), text=True,
            stdin=subprocess.DEVNULL, capture_output=True, check=False,
        )  # fmt: skip
        for text in (ended.stdout, ended.stderr, self.calls.read_text()):
            assert PASSWORD not in text
            assert quote(PASSWORD, safe="") not in text
        return ended

    def rows(self, sql: LiteralString) -> list[dict[str, Any]]:
        with psycopg.connect(self.dsn, row_factory=dict_row) as connection:
            return connection.execute(sql).fetchall()

    def execute(self, sql: LiteralString) -> None:
        with psycopg.connect(self.dsn) as connection:
            connection.execute(sql)

    def recorded(self) -> list[str]:
        """The versions that the database says it has."""
        return [
            row["version"]
            for row in self.rows("select version from supabase_migrations.schema_migrations order by version")
        ]

    def tables(self) -> list[str]:
        return [
            row["relname"]
            for row in self.rows(
                "select relname from pg_class where relkind = 'r' and relnamespace = 'public'::regnamespace order by 1"
            )
        ]


def _require_a_password(server: ThrowawayPostgres) -> None:
    """The server trusts everybody else."""
    rules = server.directory / "data" / "pg_hba.conf"
    if USER in rules.read_text():
        return
    rules.write_text(f"host all {USER} 127.0.0.1/32 scram-sha-256\n{rules.read_text()}")
    with psycopg.connect(server.dsn(), autocommit=True) as connection:
        connection.execute(f"create role {USER} superuser login password '{PASSWORD}'".encode())
        connection.execute("select pg_reload_conf()")
