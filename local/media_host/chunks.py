"""Uploads that arrive in several requests: bytes collected in order, across breaks and restarts.

Source: cloudinary.com/documentation, "chunked asset upload", and the SDK's `upload_large`.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Self

from werkzeug.datastructures import Headers

from local.media_host.database import Database
from local.media_host.errors import bad_request

# "5mb" in the service's own message; read as mebibytes, so that what passes here passes there in either reading.
SMALLEST_CHUNK_BYTES = 5 * 1024 * 1024
LARGEST_VIDEO_BYTES = 2 * 1024 * 1024 * 1024
EXPIRY_SECONDS = 24 * 3600
COPY_BYTES = 1024 * 1024


@dataclass(frozen=True)
class Chunk:
    """Bytes `start` to `end` (inclusive) of `total_bytes`."""

    upload_id: str
    start: int
    end: int
    total_bytes: int

    @classmethod
    def from_headers(cls, headers: Headers) -> Self | None:
        """None for an upload in one piece. Raises 400 for headers that contradict themselves or lack the id."""
        content_range = headers.get("Content-Range")
        if content_range is None:
            return None
        upload_id = headers.get("X-Unique-Upload-Id", "")
        numbers = re.fullmatch(r"bytes (\d{1,15})-(\d{1,15})/(\d{1,15})", content_range, re.ASCII)
        if not upload_id or numbers is None:
            raise bad_request("Invalid Content-Range or missing X-Unique-Upload-Id")
        start, end, total_bytes = (int(number) for number in numbers.groups())
        if not start <= end < total_bytes:
            raise bad_request(f"Invalid Content-Range - {content_range}")
        return cls(upload_id, start, end, total_bytes)

    @property
    def is_last(self) -> bool:
        return self.end + 1 == self.total_bytes

    def require_size(self, actual_bytes: int) -> None:
        """Raises 400 unless the body is what Content-Range says, and neither too small nor of a too large video."""
        if actual_bytes != self.end - self.start + 1:
            raise bad_request("Content-Range does not match the size of the chunk")
        if actual_bytes < SMALLEST_CHUNK_BYTES and not self.is_last:
            raise bad_request("All parts except EOF-chunk must be larger than 5mb")
        if self.total_bytes > LARGEST_VIDEO_BYTES:
            raise bad_request(f"File size too large. Got {self.total_bytes}. Maximum is {LARGEST_VIDEO_BYTES}.")


@dataclass(frozen=True)
class Progress:
    """`version_id` names the finished asset (`existed`: it was there before), `path` the collected bytes until then."""

    public_id: str
    received_bytes: int
    path: Path
    version_id: str | None = None
    existed: bool = False

    def is_complete(self, chunk: Chunk) -> bool:
        return chunk.is_last and self.received_bytes == chunk.total_bytes


class ChunkedUploads:
    """Collected bytes under `directory`; how many of them count stands in the database."""

    def __init__(self, directory: Path, database: Database) -> None:
        self._directory = directory
        self._database = database
        # Striped, so that any number of upload ids needs no more than these.
        self._locks = [Lock() for _ in range(64)]
        directory.mkdir(parents=True, exist_ok=True)

    @contextmanager
    def turn(self, upload_id: str) -> Iterator[None]:
        """One request of an upload at a time, from its chunk to the finished asset."""
        with self._locks[hash(upload_id) % len(self._locks)]:
            yield

    def append(self, chunk: Chunk, body: Path, *, public_id: str) -> Progress:
        """Add a chunk, or see that it is there already: a client that lost the answer may send it again.

        Raises 400 for a chunk out of order, another total, or another public id than the first chunk's.
        """
        known = self._progress(chunk)
        if known is None:
            self.expire()
            known = Progress(public_id, 0, self._path(chunk.upload_id))
        if public_id and public_id != known.public_id:
            raise bad_request("public_id differs from the first chunk's")
        if chunk.end < known.received_bytes or known.version_id is not None:
            return known
        if chunk.start != known.received_bytes:
            raise bad_request(f"Chunk out of order - expected byte {known.received_bytes}, got {chunk.start}")
        _write_at(known.received_bytes, body, known.path)
        self._save(chunk, known.public_id)
        return Progress(known.public_id, chunk.end + 1, known.path)

    @staticmethod
    def finish(connection: sqlite3.Connection, upload_id: str, version_id: str, *, existed: bool) -> None:
        """Remember for a day what came of it, so that a repeated last chunk gets the same answer."""
        connection.execute(
            "update chunked_uploads set version_id = ?, existed = ? where upload_id = ?",
            (version_id, existed, upload_id),
        )

    def discard_bytes(self, upload_id: str) -> None:
        self._path(upload_id).unlink(missing_ok=True)

    def forget(self, upload_id: str) -> None:
        with self._database.write() as connection:
            connection.execute("delete from chunked_uploads where upload_id = ?", (upload_id,))
        self.discard_bytes(upload_id)

    def expire(self) -> None:
        """Forget uploads that were not touched for a day, and files that no row names."""
        with self._database.write() as connection:
            connection.execute("delete from chunked_uploads where touched_at < ?", (int(time.time()) - EXPIRY_SECONDS,))
            rows = connection.execute("select upload_id from chunked_uploads").fetchall()
            kept = {self._path(row["upload_id"]) for row in rows}
        oldest = time.time() - EXPIRY_SECONDS
        for path in self._directory.iterdir():
            # The age spares a first chunk that another thread is writing right now, before its row exists.
            if path not in kept and path.stat().st_mtime < oldest:
                path.unlink(missing_ok=True)

    def _progress(self, chunk: Chunk) -> Progress | None:
        with self._database.read() as connection:
            row = connection.execute("select * from chunked_uploads where upload_id = ?", (chunk.upload_id,)).fetchone()
        if row is None:
            return None
        if row["total_bytes"] != chunk.total_bytes:
            raise bad_request(f"Total size differs from the first chunk's {row['total_bytes']}")
        path = self._path(chunk.upload_id)
        return Progress(row["public_id"], row["received_bytes"], path, row["version_id"], bool(row["existed"]))

    def _save(self, chunk: Chunk, public_id: str) -> None:
        with self._database.write() as connection:
            connection.execute(
                "insert or replace into chunked_uploads (upload_id, public_id, received_bytes, total_bytes, touched_at)"
                " values (?, ?, ?, ?, ?)",
                (chunk.upload_id, public_id, chunk.end + 1, chunk.total_bytes, int(time.time())),
            )

    def _path(self, upload_id: str) -> Path:
        """A hash: the id is the client's, and must not become part of a path."""
        return self._directory / hashlib.sha256(upload_id.encode()).hexdigest()


def _write_at(offset_bytes: int, body: Path, collected: Path) -> None:
    """Bytes behind the offset are the rest of an attempt that was killed before its count was committed: they go."""
    with body.open("rb") as source, collected.open("r+b" if collected.exists() else "wb") as target:
        target.seek(offset_bytes)
        shutil.copyfileobj(source, target, COPY_BYTES)
        target.truncate()
        target.flush()
        os.fsync(target.fileno())
