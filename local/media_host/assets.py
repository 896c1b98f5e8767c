"""The library: videos as files, their facts in SQLite, and the order of steps that makes SIGKILL harmless.

A file is in place and on disk before the row that names it is committed, and a row is gone before its file is. So the
worst that a kill leaves behind is a file that no row names; `sweep` removes those at the next start.
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Self

from local.media_host.database import Database


@dataclass(frozen=True)
class Asset:
    """One stored video. Its file is named by `version_id`, never by anything that a client chose."""

    asset_id: str
    version_id: str
    public_id: str
    type: str
    version: int  # unix seconds; grows with every overwrite
    format: str
    width: int
    height: int
    duration: float  # seconds
    bytes: int
    etag: str  # MD5 of the file
    created_at: str
    original_filename: str
    tags: tuple[str, ...] = ()
    context: Mapping[str, str] | None = None
    eager: str = ""

    @classmethod
    def from_json(cls, document: str) -> Self:
        values = json.loads(document)
        return cls(**values | {"tags": tuple(values["tags"])})

    def describe(self, base_url: str, cloud: str) -> dict[str, Any]:
        """The fields that Cloudinary's upload answer and its Admin API share. `url` has no TLS: this is a laptop."""
        url = f"{base_url}/{cloud}/video/{self.type}/v{self.version}/{self.public_id}.{self.format}"
        shared = asdict(self)
        del shared["eager"], shared["original_filename"], shared["context"]
        custom = {"context": {"custom": dict(self.context)}} if self.context else {}
        names = {"resource_type": "video", "is_audio": False, "url": url, "secure_url": url}
        return shared | {"tags": list(self.tags)} | custom | names


class Library:
    """Every stored asset, under `directory`. One process owns a directory; its threads share one Library."""

    def __init__(self, directory: Path, database: Database) -> None:
        self.files = directory / "files"
        self.posters = directory / "posters"
        self._database = database
        for folder in (self.files, self.posters):
            folder.mkdir(parents=True, exist_ok=True)

    def find(self, asset_type: str, public_id: str) -> Asset | None:
        with self._database.read() as connection:
            return _find(connection, asset_type, public_id)

    def page(self, *, asset_type: str | None, prefix: str, after: tuple[str, str], limit: int) -> list[Asset]:
        """At most `limit` assets in the order of (public_id, type), beginning after that pair."""
        with self._database.read() as connection:
            rows = connection.execute(
                "select document from assets where (:type is null or type = :type)"
                " and substr(public_id, 1, length(:prefix)) = :prefix"
                " and (public_id, type) > (:after_id, :after_type) order by public_id, type limit :limit",
                {"type": asset_type, "prefix": prefix, "after_id": after[0], "after_type": after[1], "limit": limit},
            ).fetchall()
        return [Asset.from_json(row["document"]) for row in rows]

    def store(self, source: Path, asset: Asset, *, overwrite: bool) -> tuple[Asset, bool]:
        """Move `source` in under the asset's name; answers (the asset that now stands there, whether it stood before).

        With `overwrite` an asset of this name keeps its asset_id and gets a later version; without, it wins.
        """
        _move_durably(source, self.file_of(asset))
        with self._database.write() as connection:
            present = _find(connection, asset.type, asset.public_id)
            if present is None or overwrite:
                asset = asset if present is None else _successor(asset, present)
                _save(connection, asset)
                surplus = present
            else:
                asset, surplus = present, asset
        if surplus is not None:
            self._discard_files(surplus)
        return asset, asset is present

    def remove(self, asset_type: str, public_id: str) -> bool:
        """Whether there was such an asset. Downloads that are under way keep their open file to the end."""
        with self._database.write() as connection:
            asset = _find(connection, asset_type, public_id)
            connection.execute("delete from assets where type = ? and public_id = ?", (asset_type, public_id))
        if asset is None:
            return False
        self._discard_files(asset)
        return True

    def file_of(self, asset: Asset) -> Path:
        return self.files / f"{asset.version_id}.{asset.format}"

    def poster_of(self, asset: Asset, second: float) -> Path:
        return self.posters / f"{asset.version_id}-{round(second * 10)}.jpg"

    def sweep(self) -> None:
        """Remove files that no row names: what a kill, or a poster that raced with its video's end, left behind."""
        with self._database.read() as connection:
            rows = connection.execute("select document from assets").fetchall()
        known = {Asset.from_json(row["document"]).version_id for row in rows}
        for folder in (self.files, self.posters):
            for path in folder.iterdir():
                if path.name.partition(".")[0].partition("-")[0] not in known:
                    path.unlink(missing_ok=True)

    def _discard_files(self, asset: Asset) -> None:
        self.file_of(asset).unlink(missing_ok=True)
        for poster in self.posters.glob(f"{asset.version_id}-*"):
            poster.unlink(missing_ok=True)


def _find(connection: sqlite3.Connection, asset_type: str, public_id: str) -> Asset | None:
    row = connection.execute(
        "select document from assets where type = ? and public_id = ?", (asset_type, public_id)
    ).fetchone()
    return Asset.from_json(row["document"]) if row else None


def _save(connection: sqlite3.Connection, asset: Asset) -> None:
    connection.execute(
        "insert or replace into assets (type, public_id, document) values (?, ?, ?)",
        (asset.type, asset.public_id, json.dumps(asdict(asset))),
    )


def _successor(asset: Asset, present: Asset) -> Asset:
    """`asset` as the next version of `present`, also when both came within the same second."""
    return replace(asset, asset_id=present.asset_id, version=max(asset.version, present.version + 1))


def _move_durably(source: Path, target: Path) -> None:
    """Rename within one file system, with the bytes and the new name on disk before it returns."""
    _sync(source)
    source.replace(target)
    _sync(target.parent)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
