"""The local cloud as `make dev` starts it, on a state directory that outlives it, and one that gives up."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from local.catalog import ROOT
from tests.cloud import Account, Cloud, eventually
from tests.postgres import free_port

OWN_ORIGIN = "http://localhost:4200"


class Dev:
    """One state directory, and the local cloud that runs on it at the moment."""

    def __init__(self, state: Path, **environ: str) -> None:
        self.state = state
        self._environ = {"ALLOWED_ORIGINS": OWN_ORIGIN, **environ}
        self.port = free_port()
        self._log = state.with_suffix(".log")
        self.start()

    def start(self) -> None:
        """Returns once the banner is printed: what is left of a killed run might answer the health address, too."""
        before = self.log.count("Reelay is ready")
        self.cloud = Cloud(self.state, self.port, self._environ)
        self.cloud.start()
        eventually(lambda: self.log.count("Reelay is ready") > before)

    def kill(self) -> None:
        """SIGKILL to the supervisor alone."""
        self.cloud.process.kill()
        self.cloud.process.wait()
        self.cloud.client.close()
        self.cloud.log.close()

    @property
    def log(self) -> str:
        return self._log.read_text() if self._log.exists() else ""

    @property
    def demo(self) -> dict[str, Any]:
        document: dict[str, Any] = json.loads((self.state / "demo.json").read_text())
        return document

    def account(self, role: str) -> Account:
        """The demo account of this role, logged in."""
        known = next(account for account in self.demo["accounts"] if account["role"] == role)
        return self.cloud.log_in(known["email"], known["password"])

    def videos(self) -> list[dict[str, Any]]:
        listed: list[dict[str, Any]] = self.cloud.get("/list_videos", self.account("user"))["videos"]
        return listed

    def children(self) -> dict[str, int]:
        """The pid of each component's process, which leads a group of its own."""
        return {file.stem: int(file.read_text()) for file in (self.state / "run").glob("*.pid")}


def runs(group: int) -> bool:
    """Whether any process of the group is left."""
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


def start_another(state: Path, port: int) -> subprocess.CompletedProcess[str]:
    """A local cloud that is expected to give up."""
    command = [sys.executable, "-m", "local", "--state", str(state), "--port", str(port)]
    environment = {"PATH": os.environ["PATH"]}
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=60)
