"""The real media host as a child process, and the fixtures around it."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import cloudinary
import httpx

from local.catalog import ROOT

CLOUD, KEY, SECRET = "demo", "123456", "media-host-test-secret"
READY = re.compile(r"media host ready on 127\.0\.0\.1:(\d+)")


class MediaHostProcess:
    """A started host; `log` is what it printed. The SDK's global configuration points at it."""

    def __init__(self, state: Path, *, port: int = 0) -> None:
        self.state = state
        self._log_path = state.with_suffix(".log")
        command = [sys.executable, "-m", "local.media_host", "--port", str(port), "--state", str(state), "--faults"]
        command += ["--cloudinary-url", f"cloudinary://{KEY}:{SECRET}@{CLOUD}"]
        with self._log_path.open("w") as log:
            self.process = subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=subprocess.STDOUT)
        self.port = self._await_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.use()

    def use(self) -> None:
        """Point the SDK at this host."""
        cloudinary.reset_config()
        cloudinary.config(cloud_name=CLOUD, api_key=KEY, api_secret=SECRET, upload_prefix=self.url)

    @property
    def log(self) -> str:
        return self._log_path.read_text()

    def set_faults(self, faults: dict[str, object]) -> None:
        httpx.put(f"{self.url}/_local/faults", json=faults, trust_env=False).raise_for_status()

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def stop(self) -> int:
        self.process.terminate()
        return self.process.wait()

    def kept_files(self) -> list[str]:
        """Names of everything that takes room: videos, posters, bodies that are arriving, collected chunks."""
        folders = ("files", "posters", "incoming", "chunked")
        return sorted(path.name for folder in folders for path in (self.state / folder).iterdir())

    def _await_port(self) -> int:
        while self.process.poll() is None:
            if ready := READY.search(self.log):
                return int(ready[1])
            time.sleep(0.02)
        raise RuntimeError(f"the media host did not start: {self.log}")


@contextmanager
def running_host(state: Path) -> Iterator[MediaHostProcess]:
    """A host on `state`, ended at the end whatever became of it."""
    host = MediaHostProcess(state)
    try:
        yield host
    finally:
        host.kill()
        cloudinary.reset_config()
