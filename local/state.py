"""The state directory: what one local cloud generates, remembers and must not share with a second one.

- `secrets.json`: keys and passwords, made once; `oidc.pem`: the local token issuer's key
- `ports.json`: where the inner services listen; `demo.json`: addresses and demo accounts
- `database/`: pglite's data; `migrated.json`: a fingerprint of the migrations in it; `supabase/`: lite's project
- `media/`, `cloud_tasks.sqlite`, `scheduler/`: what the other stand-ins keep
- `lock`: held while a local cloud runs; `run/`: pid files, status, configurations
- `run/hold/<name>`: made by a test or a person, keeps the component of that name down once it died
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from local.catalog import ROOT
from local.failure import StartFailure
from local.files import write_private
from local.keys import Keys

DEFAULT = ROOT / ".local"
DEFAULT_S3 = ROOT / ".local-s3"  # a database and its media belong together: another media host is another directory


class State:
    """One state directory. Every method raises StartFailure, naming file and cure, where the directory is broken."""

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        self.run = self.path / "run"
        self.hold = self.run / "hold"
        self.oidc_key = self.path / "oidc.pem"

    def broken(self, path: Path, why: str) -> StartFailure:
        """The failure that names `path` and the cure."""
        cure = "make clean" if self.path in (DEFAULT, DEFAULT_S3) else f"rm -r {self.path}"
        return StartFailure(f"{path} {why}. Repair it, or remove the local cloud with all its data: {cure}")

    @contextmanager
    def guarded(self, path: Path) -> Iterator[None]:
        """Turn what the system says about `path` into StartFailure."""
        try:
            yield
        except FileExistsError as wrong:
            raise self.broken(path, "is in the way: it should be a directory") from wrong
        except OSError as refused:
            raise self.broken(path, f"cannot be used ({refused.strerror})") from refused

    def prepare(self) -> None:
        """Make the directory and its subdirectories, for the owner only."""
        for path in (self.path, self.run, self.hold):
            with self.guarded(path):
                path.mkdir(mode=0o700, parents=True, exist_ok=True)
        with self.guarded(self.path):
            self.path.chmod(0o700)

    def read(self, name: str) -> dict[str, Any]:
        """The JSON object in the file `name`; empty if there is no such file."""
        path = self.path / name
        try:
            with self.guarded(path):
                value = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
        except ValueError as broken:
            raise self.broken(path, "is not valid JSON") from broken
        if not isinstance(value, dict):
            raise self.broken(path, "does not hold a JSON object")
        return value

    def write(self, name: str, value: dict[str, Any]) -> Path:
        """Replace the JSON object in the file `name` (mode 0600, in one step)."""
        path = self.path / name
        with self.guarded(path):
            write_private(path, json.dumps(value, indent=2) + "\n")
        return path

    def keys(self) -> Keys:
        """The directory's secrets; what is missing is generated and kept."""
        known = self.read("secrets.json")
        fresh = Keys.generate()
        complete = {name: known.get(name, getattr(fresh, name)) for name in Keys.names()}
        for name, value in complete.items():
            if not isinstance(value, str) or not value:
                raise self.broken(self.path / "secrets.json", f"holds no usable {name}")
        if not complete.items() <= known.items():
            self.write("secrets.json", known | complete)
        return Keys(**complete)

    @contextmanager
    def locked(self, url: str) -> Iterator[None]:
        """Hold the directory's lock; the kernel drops it with the process, so that no stale lock can remain.

        Raises StartFailure with the holder's pid and address when a local cloud runs here already.
        """
        with self.guarded(self.path / "lock"):
            file = open(self.path / "lock", "a+", encoding="utf-8")  # noqa: SIM115 - closed below, outside the guard
        with file:
            self._take(file, url)
            yield

    def _take(self, file: IO[str], url: str) -> None:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as taken:
            file.seek(0)
            raise StartFailure(f"The local cloud is already running ({file.read().strip()}).") from taken
        file.truncate(0)
        file.write(f"pid {os.getpid()}, {url}\n")
        file.flush()
