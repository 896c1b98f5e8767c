"""The library: videos as files, their facts in SQLite, and the order of steps that makes SIGKILL harmless.

A file is in place and on disk before the row that names it is committed, and a row is gone before its file is. So the
worst that a kill leaves behind is a file that no row names; `sweep` removes those at the next start.
"""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Self, TypeAlias

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
    eager_batch_id: str = ""

    @classmethod
    def from_json(cls, document: str) -> Self:
        values = json.loads(document)
        return cls(**values | {"tags": tuple(values["tags"])})

    def describe(self, url: str) -> dict[str, Any]:
        """The fields that Cloudinary's upload answer and its Admin API share. `url` has no TLS: this is a laptop."""
        shared = asdict(self)
        for inner in ("eager", "eager_batch_id", "original_filename", "context"):
            del shared[inner]
        custom = {"context": {"custom": dict(self.context)}} if self.context else {}
        names = {"resource_type": "video", "is_audio": False, "url": url, "secure_url": url}
        return shared | {"tags": list(self.tags)} | custom | names


# (connection, the asset that now stands under the name, whether it stood there before)
AlsoCommit: TypeAlias = Callable[[sqlite3.Connection, Asset, bool], None]


class Library:
    """Every stored asset, under `directory`. One process owns a directory; its threads share one Library.

    `scratch` is where things are made that are moved in when they are whole: on the same file system.
    """

    def __init__(self, directory: Path, database: Database, *, scratch: Path) -> None:
        self.scratch = scratch
        self.files = directory / "files"
        self.posters = directory / "posters"
        self.renditions = directory / "renditions"
        self._database = database
        for folder in (self.files, self.posters, self.renditions):
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

    def store(self, source: Path, asset: Asset, *, overwrite: bool, also: AlsoCommit) -> tuple[Asset, bool]:
        """Take `source` in under the asset's name; answers (the asset that now stands there, whether it stood before).

        With `overwrite` an asset of this name keeps its asset_id and gets a later version; without, it wins. `also`
        writes what must be committed with it. `source` stays for the caller to remove: until the commit it is all that
        a client which sends its last chunk again can build on.
        """
        _link_durably(source, self.file_of(asset))
        with self._database.write() as connection:
            present = _find(connection, asset.type, asset.public_id)
            if present is None or overwrite:
                asset = asset if present is None else _successor(asset, present)
                _save(connection, asset)
                surplus = present
            else:
                asset, surplus = present, asset
            also(connection, asset, asset is present)
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

    def rendition_of(self, asset: Asset, profile: str) -> Path:
        """The directory of an HLS rendition."""
        return self.renditions / f"{asset.version_id}-{profile}"

    def sweep(self) -> None:
        """Remove what belongs to no row: left behind by a kill, or by a poster that raced with its video's end."""
        with self._database.read() as connection:
            rows = connection.execute("select document from assets").fetchall()
        known = {Asset.from_json(row["document"]).version_id for row in rows}
        for folder in (self.files, self.posters, self.renditions):
            for path in folder.iterdir():
                if path.name.partition(".")[0].partition("-")[0] not in known:
                    _discard(path)

    def _discard_files(self, asset: Asset) -> None:
        self.file_of(asset).unlink(missing_ok=True)
        for folder in (self.posters, self.renditions):
            for path in folder.glob(f"{asset.version_id}-*"):
                _discard(path)


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


def _discard(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def _link_durably(source: Path, target: Path) -> None:
    """A second name within one file system, with it and the bytes on disk before it returns."""
    _sync(source)
    target.hardlink_to(source)
    _sync(target.parent)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
