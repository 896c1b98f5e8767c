"""docs/examples/direct-upload.js in Node, as a page of one user runs it."""

from __future__ import annotations

import hashlib
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx

from tests.cloud import Account, Cloud

DRIVER = Path(__file__).with_name("upload_with_node.mjs")
Happening = dict[str, Any]


class Page:
    """A page of `account` that uploads `file`; what it remembers outlives a reload."""

    def __init__(self, host: Cloud, account: Account, directory: Path, file: bytes) -> None:
        self.host, self.account, self.file = host, account, file
        self.lines: dict[int, int] = {}
        self._path = directory / "clip.mp4"
        self._path.write_bytes(file)
        self._storage = directory / "storage.json"
        self.storage = {}

    @property
    def storage(self) -> dict[str, str]:
        stored: dict[str, str] = json.loads(self._storage.read_text())
        return stored

    @storage.setter
    def storage(self, stored: dict[str, str]) -> None:
        self._storage.write_text(json.dumps(stored))

    def start(self, action: str = "upload", **more: object) -> subprocess.Popen[str]:
        call = {"action": action, "api": self.host.base_url, "token": self.account.token, "title": "From a page"}
        call |= {"path": str(self._path), "storage": str(self._storage), "lines": self.lines, **more}  # type: ignore[dict-item]
        return subprocess.Popen(["node", str(DRIVER), json.dumps(call)], stdout=subprocess.PIPE, text=True)

    def run(self, action: str = "upload", **more: object) -> list[Happening]:
        """Everything that happened."""
        return list(happenings(self.start(action, **more)))

    def check(self, happened: list[Happening]) -> None:
        """It ended with the video: the row, the storage, and the very bytes."""
        assert happened[-1]["event"] == "done", happened[-1]
        video = happened[-1]["video"]
        assert (video["title"], video["size_bytes"]) == ("From a page", len(self.file))
        listed = self.host.get(f"/list_videos/{self.account.id}", self.account)["videos"]
        assert [row["id"] for row in listed] == [video["id"]]
        assert self.host.storage(self.account) == (len(self.file), 0)
        delivered = httpx.get(video["filepath"], trust_env=False, timeout=60).content
        assert hashlib.sha256(delivered).digest() == hashlib.sha256(self.file).digest()
        assert self.storage == {}


def happenings(process: subprocess.Popen[str]) -> Iterator[Happening]:
    """Each event as it happens."""
    with process:
        assert process.stdout is not None
        yield from map(json.loads, process.stdout)


def sent(happened: list[Happening]) -> list[int]:
    return [one["sentBytes"] for one in happened if one["event"] == "progress"]


def calls(happened: list[Happening], call: str) -> int:
    return sum(one.get("call") == call for one in happened)
