"""Supabase on one machine: the npm package @supabase/lite over its built-in pglite, or over a PostgreSQL of one's own.

lite runs in the state directory, in a project written there at every start; secrets and the database's address reach
it through its environment (`env(...)` in config.toml), so that they stand in no file and on no command line.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
from pathlib import Path

from local.catalog import ROOT
from local.environment import base_environment
from local.failure import StartFailure
from local.keys import Keys
from local.migrations import MIGRATIONS
from local.settings import Settings
from local.state import State

LITE = ROOT / "node_modules" / ".bin" / "lite"
START = (str(LITE), "start", "--no-admin")  # without --no-admin, a request with no key at all would be service_role
# A table of the first migrations: a lite that answers for it has a working database beneath it.
PROBE = "/rest/v1/users?select=id&limit=1"
_STAMP = "migrated.json"
_CONFIG = """\
# Written by local/supabase.py at every start: changes made here are lost.
[api]
port = {port}

[db]
driver = "{driver}"
url = "env(REELAY_DATABASE)"

[auth]
enabled = false
publishable_key = "env(SUPABASE_PUBLISHABLE_KEY)"
secret_key = "env(SUPABASE_SECRET_KEY)"
"""


class LocalSupabase:
    """One project in one state directory."""

    def __init__(self, state: State, settings: Settings, keys: Keys, port: int) -> None:
        self._state = state
        self._data = state.path / "database"
        self._own_database = settings.database_url
        self._config = _CONFIG.format(port=port, driver="postgres" if settings.database_url else "pglite")
        self.environment = {
            **base_environment(state.path),
            "LITE_TELEMETRY": "0",
            "DO_NOT_TRACK": "1",
            "REELAY_DATABASE": settings.database_url or str(self._data),
            "SUPABASE_PUBLISHABLE_KEY": keys.supabase_publishable_key,
            "SUPABASE_SECRET_KEY": keys.supabase_secret_key,
        }

    @property
    def advice(self) -> str:
        """What to say when the database beneath lite does not work."""
        if self._own_database:
            return "DATABASE_URL: the PostgreSQL there does not answer."
        return str(self._state.broken(self._data, "does not start as a database"))

    def write_project(self) -> None:
        """Put lite's configuration, and a link to the repository's migrations, where lite looks for them."""
        project = self._state.path / "supabase"
        link = project / "migrations"
        with self._state.guarded(project):
            project.mkdir(mode=0o700, exist_ok=True)
            (project / "config.toml").write_text(self._config, encoding="utf-8")
            link.unlink(missing_ok=True)
            link.symlink_to(MIGRATIONS, target_is_directory=True)

    async def migrate(self) -> None:
        """Apply what is pending; raises StartFailure naming the migration that fails, and why.

        Asking lite costs a second. For pglite, which nobody else writes to, a fingerprint spares it.
        """
        if not self._own_database and self._state.read(_STAMP) == self._fingerprint():
            return
        code, output = await self._lite("migration", "up")
        if code != 0:
            raise await self._failed(output)
        self._state.write(_STAMP, self._fingerprint())

    def _fingerprint(self) -> dict[str, object]:
        """The migrations' names and contents, and which database directory they went into."""
        digest = hashlib.sha256()
        for path in sorted(MIGRATIONS.glob("*.sql")):
            digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
        exists = (self._data / "PG_VERSION").exists()
        return {"migrations": digest.hexdigest(), "directory": self._data.stat().st_ino if exists else None}

    async def _failed(self, output: str) -> StartFailure:
        """lite does not say which migration failed: it is the first of those that are still pending."""
        reason = _reason(output)
        code, pending = await self._lite("migration", "up", "--dry-run")
        names = re.findall(r"\d+_\w+\.sql", pending)
        if code != 0 or not names:
            return StartFailure(f"{self.advice} (lite: {reason})")
        return StartFailure(f"The migration supabase/migrations/{names[0]} failed: {reason}")

    async def _lite(self, *arguments: str) -> tuple[int, str]:
        """Exit code and output of one lite command."""
        process = await asyncio.create_subprocess_exec(
            str(LITE),
            *arguments,
            cwd=self._state.path,
            env=self.environment,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            output, _ = await process.communicate()
        except asyncio.CancelledError:
            process.kill()
            raise
        return process.returncode or 0, output.decode(errors="replace")


def _reason(output: str) -> str:
    """PostgreSQL's own words where lite shows them, otherwise lite's."""
    for pattern in (r"^\s*(?:Postgres)?[Ee]rror: (.+)", r"^Migration failed: (.+)"):
        if found := re.search(pattern, output, re.MULTILINE):
            return found[1]
    return "it gave no reason"


def missing() -> Path | None:
    """lite's command, if `make setup` did not install it."""
    return None if LITE.exists() else LITE
