"""Orders for eager transformations as typed values: what an upload or `explicit` wants prepared.

Source: cloudinary.com/documentation/eager_and_incoming_transformations, and the SDK's `build_eager`.
"""

from __future__ import annotations

import json
import sqlite3
from dataclasses import asdict, dataclass
from typing import Self

from local.media_host.errors import bad_request
from local.media_host.renditions import require_profile


@dataclass(frozen=True)
class Eager:
    """One transformation with the format that it ends in; without one, the asset's own."""

    transformation: str
    format: str = ""

    @property
    def profile(self) -> str:
        """Of an HLS rendition; empty for everything else."""
        return self.transformation.removeprefix("sp_") if self.transformation.startswith("sp_") else ""


def parse_eager(value: str) -> tuple[Eager, ...]:
    """`sp_hd/m3u8|so_1/jpg`, as the SDK's `build_eager` writes it.

    Raises 400 for a streaming profile that is unknown or ends in anything but HLS.
    """
    wanted = tuple(_parse_one(piece.strip()) for piece in value.split("|") if piece.strip())
    for eager in wanted:
        if eager.profile:
            require_profile(eager.profile)
            if eager.format != "m3u8":
                raise bad_request(f"Invalid eager transformation {eager.transformation}/{eager.format}")
    return wanted


@dataclass(frozen=True)
class Order:
    """What is to be prepared of the version `version_id` of an asset. `is_async`: its uploader does not wait."""

    batch_id: str
    type: str
    public_id: str
    version_id: str
    eager: tuple[Eager, ...]
    is_async: bool
    notification_url: str

    @classmethod
    def from_json(cls, document: str) -> Self:
        values = json.loads(document)
        return cls(**values | {"eager": tuple(Eager(**eager) for eager in values["eager"])})

    def save(self, connection: sqlite3.Connection) -> None:
        connection.execute(
            "insert or replace into eager_orders (batch_id, document) values (?, ?)",
            (self.batch_id, json.dumps(asdict(self))),
        )


def _parse_one(piece: str) -> Eager:
    """The part behind the last `/` is a format if it cannot be a transformation: those have an underscore."""
    transformation, slash, last = piece.rpartition("/")
    return Eager(transformation, last) if slash and "_" not in last else Eager(piece)
