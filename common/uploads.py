"""Taking an upload in: a turn before the body, a reservation before the media host, a row after it.

Supabase and the media host cannot commit together. The order makes each half-failure harmless: what is reserved and not
settled is released here, or by its expiry; what the host may hold and no row names is queued for purging by SQL.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, Any, TypeVar

from common import errors, quota
from common.config import Config
from common.db import Database
from common.formats import SNIFF_BYTES, Format, sniff
from common.logs import log
from common.media import MediaHost

Answer = TypeVar("Answer")


@dataclass
class Upload:
    """An upload in flight. Its id becomes the video's; `media_absent` says that the host holds nothing of it."""

    id: uuid.UUID
    user_id: uuid.UUID
    media_id: str
    media_absent: bool = True

    @classmethod
    def begun(cls, user_id: uuid.UUID, folder: str) -> Upload:
        upload_id = uuid.uuid4()
        return cls(upload_id, user_id, f"{folder}/{user_id}/{upload_id}")


class Uploads:
    """The multipart path. Several instances of a function work on the same user without passing a limit."""

    def __init__(self, db: Database, media: MediaHost, config: Config) -> None:
        self._db = db
        self._media = media
        self._config = config

    @contextmanager
    def turn(self, user_id: uuid.UUID, at_least_bytes: int) -> Iterator[Upload]:
        """The user's turn to upload, given back when the block fails; settling ends it otherwise.

        `at_least_bytes` is what the file must have, judged by the request's length, so that what cannot fit is refused
        before its bytes are read. Raises UploadInProgress and the quota errors.
        """
        upload = Upload.begun(user_id, self._config.media_folder)
        with reserved(self._db, self._media, upload, lambda: self._reserve(upload, max(0, at_least_bytes))):
            yield upload

    def take(self, upload: Upload, file: IO[bytes], title: str) -> dict[str, Any]:
        """Reserves the file's exact size, hands it to the media host and settles; answers the video's row.

        Raises NotAVideo, InvalidFields for an empty file, FileTooLarge, the quota errors, DependencyUnavailable.
        """
        size_bytes, video_format = _checked(file)
        self._reserve(upload, size_bytes)
        upload.media_absent = False
        try:
            stored = self._media.store(file, upload.media_id, video_format)
        except errors.NotAVideo:
            upload.media_absent = True
            raise
        row: dict[str, Any] = self._db.call(
            "settle_upload",
            upload_id=upload.id,
            user_id=upload.user_id,
            size_bytes=stored.size_bytes,
            filename=f"{upload.id}.{stored.format}",
            filepath=stored.path,
            title=title,
            format=stored.format,
            duration_seconds=stored.duration_seconds,
        )
        return row

    def _reserve(self, upload: Upload, size_bytes: int) -> None:
        self._db.call(
            "reserve_upload",
            upload_id=upload.id,
            user_id=upload.user_id,
            kind="multipart",
            size_bytes=size_bytes,
            media_id=upload.media_id,
            storage_limit_bytes=self._config.storage_quota_bytes,
            bandwidth_limit_bytes=self._config.upload_bandwidth_bytes,
            lifetime_seconds=quota.UPLOAD_LIFETIME_SECONDS,
        )


@contextmanager
def reserved(db: Database, media: MediaHost, upload: Upload, reserve: Callable[[], Answer]) -> Iterator[Answer]:
    """What `reserve` answers; given back when the block fails, or when nobody knows whether it was reserved."""
    try:
        answer = reserve()
    except errors.DependencyUnavailable:  # SQL may have committed what it could not confirm
        release(db, media, upload)
        raise
    try:
        yield answer
    except BaseException:
        release(db, media, upload)
        raise


def release(db: Database, media: MediaHost, upload: Upload, refusal: errors.ApiError | None = None) -> None:
    """Gives back what an upload that came to nothing has reserved, and destroys what the host has of it. `refusal` is
    remembered: whoever asks what became of a direct upload is told the same again.

    Never raises: the failure that led here is the one to report, and expiry releases what this could not. SQL goes
    first and says what became of it: when settling succeeded and only its answer was lost, the file stays.
    """
    try:
        whose = {"upload_id": upload.id, "user_id": upload.user_id, "media_id": upload.media_id}
        if refusal:
            outcome = db.call("refuse_direct_upload", **whose, code=refusal.code)
        else:
            outcome = db.call("release_upload", **whose, media_absent=upload.media_absent)
        if outcome["state"] != "settled" and not upload.media_absent:
            # It stays queued all the same: a slow host may finish taking it in after this.
            media.destroy(upload.media_id)
    except errors.ApiError as failed:
        log("WARNING", "upload_release_deferred", upload_id=upload.id, code=failed.code)


def _checked(file: IO[bytes]) -> tuple[int, Format]:
    """The file's size in bytes, and what its first bytes say that it is."""
    size_bytes = file.seek(0, 2)
    file.seek(0)
    if size_bytes == 0:
        raise errors.InvalidFields({"video": ["The file is empty."]})
    if size_bytes > quota.DIRECT_FILE_LIMIT_BYTES:
        raise errors.FileTooLarge(limit_bytes=quota.DIRECT_FILE_LIMIT_BYTES)
    video_format = sniff(file.read(SNIFF_BYTES))
    if video_format is None:
        raise errors.NotAVideo
    return size_bytes, video_format
