"""What moto keeps in memory, on disk: one file each for an object, an unfinished upload, and a part of one.

A file is a line of JSON with the facts, and then the bytes. It is replaced in one step, so that after SIGKILL it is
whole, old or new.

    objects/<SHA-256 of the key>    uploads/<upload id>/upload    uploads/<upload id>/<part number>
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import shutil
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_UPLOAD = "upload"


@dataclass(frozen=True)
class Kept:
    """One file's content. `facts` is a JSON object."""

    facts: dict[str, Any]
    body: bytes


@dataclass(frozen=True)
class KeptUpload:
    """An unfinished upload; `parts` by their numbers."""

    id: str
    facts: dict[str, Any]
    parts: dict[int, Kept]


class Shelf:
    """One directory, used by one process at a time; its callers take turns."""

    def __init__(self, directory: Path) -> None:
        """Raises BlockingIOError when another process has it."""
        self._objects = directory / "objects"
        self._uploads = directory / "uploads"
        for path in (self._objects, self._uploads):
            path.mkdir(parents=True, exist_ok=True)
        self._lock = (directory / "lock").open("w")  # the kernel drops the lock with the process
        fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def put_object(self, key: str, kept: Kept) -> None:
        _write(self._object(key), kept)

    def drop_object(self, key: str) -> None:
        self._object(key).unlink(missing_ok=True)

    def drop_objects_but(self, keys: Collection[str]) -> None:
        known = {self._object(key) for key in keys}
        for path in self._objects.iterdir():
            if path not in known:
                path.unlink()

    def objects(self) -> Iterator[Kept]:
        """One at a time: together they need not fit in memory."""
        for path in self._objects.iterdir():
            if path.suffix:  # half-written when the last process was killed
                path.unlink()
            else:
                yield _read(path)

    def begin_upload(self, upload_id: str, facts: dict[str, Any]) -> None:
        (self._uploads / upload_id).mkdir()
        _write(self._uploads / upload_id / _UPLOAD, Kept(facts, b""))

    def put_part(self, upload_id: str, number: int, kept: Kept) -> None:
        _write(self._uploads / upload_id / str(number), kept)

    def drop_upload(self, upload_id: str) -> None:
        shutil.rmtree(self._uploads / upload_id, ignore_errors=True)

    def uploads(self) -> Iterator[KeptUpload]:
        for directory in self._uploads.iterdir():
            if not (directory / _UPLOAD).exists():  # killed between the two steps of its beginning: nobody knows it
                shutil.rmtree(directory)
                continue
            numbers = sorted(int(path.name) for path in directory.iterdir() if path.name.isdecimal())
            parts = {number: _read(directory / str(number)) for number in numbers}
            yield KeptUpload(directory.name, _read(directory / _UPLOAD).facts, parts)

    def _object(self, key: str) -> Path:
        """Not named by its key, which may hold slashes, dots and more characters than a file's name."""
        return self._objects / hashlib.sha256(key.encode()).hexdigest()


def _write(path: Path, kept: Kept) -> None:
    fresh = path.with_suffix(".new")
    with fresh.open("wb") as file:
        file.write(json.dumps(kept.facts).encode() + b"\n")
        file.write(kept.body)
    fresh.replace(path)


def _read(path: Path) -> Kept:
    with path.open("rb") as file:
        return Kept(json.loads(file.readline()), file.read())
