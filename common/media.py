"""The media host, behind one small interface: common/media_cloudinary.py and common/media_s3.py are the two."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import IO, Any, Protocol

from common import errors
from common.formats import Format
from common.logs import log
from common.quota import PLAYBACK_LIFETIME_SECONDS

PRIVATE_URL_SECONDS = PLAYBACK_LIFETIME_SECONDS  # how long an address that expires is good for


@dataclass(frozen=True)
class StoredMedia:
    """What the host says of a file that it has. `path` is relative to the delivery address."""

    path: str
    format: str
    size_bytes: int
    duration_seconds: float | None


@dataclass(frozen=True)
class DirectUpload:
    """A file that a client sends to the host itself, as reserved."""

    id: uuid.UUID
    media_id: str
    size_bytes: int
    format: Format
    expires_at: datetime


@dataclass(frozen=True)
class Addresses:
    """Where a file plays, where its picture is, and where it plays adaptively; None where the host has no such thing.

    `expires_at` is when private addresses stop working; None where they do not."""

    url: str
    poster_url: str | None
    hls_url: str | None
    expires_at: datetime | None = None


@dataclass(frozen=True)
class Listed:
    """One file in the host's own list; without a size it is an upload that was not finished."""

    media_id: str
    size_bytes: int | None


class MediaHost(Protocol):
    """What Reelay asks of a media host. A media id is chosen by us and names one file.

    Every method but `addresses` raises DependencyUnavailable when the host is slow, down or refuses our key.
    """

    def store(self, file: IO[bytes], media_id: str, video_format: Format) -> StoredMedia:
        """Takes a whole file. Raises NotAVideo (nothing is kept); after DependencyUnavailable it may be kept."""

    def destroy(self, media_id: str, resource_type: str | None = None) -> None:
        """Removes a file, its copies in the CDN and what has arrived of it; done already is success.

        A host that tells kinds of resources apart is told the kind (its own word), or finds out which it is.
        """

    def open_upload(self, upload: DirectUpload) -> Mapping[str, Any]:
        """What a client needs to send the file itself: the host's part of the ticket (docs/api.md). Safe to repeat: the
        same upload goes on, with signatures that end with it."""

    def finish_upload(self, upload: DirectUpload) -> StoredMedia:
        """The truth about what arrived. Safe to repeat, and to do twice at once.

        Raises UploadIncomplete while the file is not there whole, NotAVideo, LargerThanReserved.
        """

    def find(self, media_id: str) -> StoredMedia | None:
        """What the host has under this id."""

    def addresses(self, path: str) -> Addresses:
        """The addresses of a stored path. No I/O."""

    def list_files(self, prefix: str) -> Iterator[Listed]:
        """Every file, and every unfinished upload that the host tells of, whose media id begins with `prefix`."""


def unavailable(verb: str, media_id: str, reason: object) -> errors.DependencyUnavailable:
    """The error to raise, after a log line that says why."""
    log("WARNING", "media_host_unavailable", verb=verb, media_id=media_id, reason=str(reason))
    return errors.DependencyUnavailable()
