"""Direct uploads: a ticket reserves, the client sends the file to the media host itself, and whoever says first that it
is there, the client or the host, makes the video of it.

What either of them says is not believed: the host is asked, or has signed what it says, and SQL settles to the true
size once. The order makes each half-failure harmless: a reservation that nobody settles expires.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from common import errors, quota
from common.config import Config
from common.db import Database
from common.formats import FORMATS, Format
from common.media import DirectUpload, MediaHost, StoredMedia
from common.upload_checks import UploadChecks
from common.uploads import Upload, release, reserved

Truth = Callable[[], StoredMedia]  # raises NotAVideo, UploadIncomplete, DependencyUnavailable

# After these the file is destroyed and nothing is reserved.
REFUSALS = (errors.NotAVideo, errors.LargerThanReserved, errors.UploadExpired, errors.VideoNotFound)
_UUID = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"


class DirectUploads:
    """Several of one user may be open at once, as long as their reservations fit."""

    def __init__(self, db: Database, media: MediaHost, checks: UploadChecks, config: Config) -> None:
        self._db = db
        self._media = media
        self._checks = checks
        self._config = config

    def open(self, user_id: uuid.UUID, title: str, size_bytes: int, video_format: Format) -> dict[str, Any]:
        """Reserves and answers the ticket (docs/api.md). Raises TooManyUploads and the quota errors."""
        upload = Upload.begun(user_id, self._config.media_folder)

        def reserve() -> datetime:
            return self._reserve(upload, title, size_bytes, video_format)

        with reserved(self._db, self._media, upload, reserve) as expires_at:
            upload.media_absent = False
            return self._ticket(DirectUpload(upload.id, upload.media_id, size_bytes, video_format, expires_at))

    def again(self, user_id: uuid.UUID, upload_id: uuid.UUID) -> dict[str, Any]:
        """The ticket of an open upload once more: fresh signatures, and what has arrived, where the host says that.

        Raises UploadNotFound, UploadExpired, and UploadComplete for what is a video already.
        """
        found = self._find(upload_id, user_id)
        if found["video"]:
            raise errors.UploadComplete
        if found["state"] != "open" or found["is_expired"]:
            raise errors.UploadExpired
        return self._ticket(_reserved(found))

    def complete(self, user_id: uuid.UUID, upload_id: uuid.UUID) -> Mapping[str, Any]:
        """The row of the video, made now or before. Safe to repeat.

        Raises UploadNotFound, UploadExpired, VideoNotFound for one that was deleted since; UploadIncomplete while the
        reservation stays; NotAVideo and LargerThanReserved after the file was destroyed and the reservation released.
        """
        found = self._find(upload_id, user_id)
        if found["video"]:
            row: Mapping[str, Any] = found["video"]
            return row
        if found["state"] != "open":
            release(self._db, self._media, _upload(found, user_id))
            raise _outcome(found)
        try:
            return self._settled(found, user_id, lambda: self._media.finish_upload(_reserved(found)))
        except errors.UploadIncomplete as incomplete:
            if not found["is_expired"]:
                raise
            release(self._db, self._media, _upload(found, user_id))  # nothing more can be sent
            raise errors.UploadExpired from incomplete

    def arrived(self, media_id: str, resource_type: str, truth: Truth) -> tuple[uuid.UUID | None, str]:
        """The media host says that it has a file: (whose it is, what became of it). Safe to repeat.

        What is no direct upload of ours is left alone: others may use the same account. Another kind of resource is
        destroyed and changes nothing: the ticket is for a video, and still good.
        """
        named = re.fullmatch(f"{re.escape(self._config.media_folder)}/({_UUID})/({_UUID})", media_id)
        if named is None:
            return None, "No upload of ours"
        user_id, upload_id = uuid.UUID(named[1]), uuid.UUID(named[2])
        try:
            found = self._find(upload_id, user_id)
        except (errors.UploadNotFound, errors.InvalidToken):
            return None, "No direct upload"
        if resource_type != "video":
            self._media.destroy(media_id, resource_type)
            return user_id, f"Upload {upload_id} was sent something else: destroyed"
        if found["video"]:
            return user_id, self._again(found, truth)
        if found["state"] != "open":
            release(self._db, self._media, _upload(found, user_id))
            return user_id, f"Upload {upload_id} is given up: what came of it is destroyed"
        try:
            row = self._settled(found, user_id, truth)
        except REFUSALS as refused:
            return user_id, f"Upload {upload_id} refused and destroyed: {refused.code}"
        return user_id, f"Video {row['id']} uploaded, {row['size_bytes']} bytes"

    def _reserve(self, upload: Upload, title: str, size_bytes: int, video_format: Format) -> datetime:
        """When the reservation ends."""
        reserved = self._db.call(
            "reserve_direct_upload",
            upload_id=upload.id,
            user_id=upload.user_id,
            size_bytes=size_bytes,
            media_id=upload.media_id,
            title=title,
            format=video_format.extension,
            storage_limit_bytes=self._config.storage_quota_bytes,
            bandwidth_limit_bytes=self._config.upload_bandwidth_bytes,
            lifetime_seconds=self._config.upload_ticket_seconds,
            open_limit=quota.OPEN_UPLOADS,
        )
        return datetime.fromisoformat(reserved["expires_at"])

    def _again(self, found: Mapping[str, Any], truth: Truth) -> str:
        """What became of a video that the host tells of once more."""
        try:
            stored: StoredMedia | None = truth()
        except errors.NotAVideo:
            stored = None
        is_replaced = self._checks.is_replaced(found["video"], found["media_id"], stored)
        return "The file was replaced after it was counted: deleted" if is_replaced else "The video is known"

    def _settled(self, found: Mapping[str, Any], user_id: uuid.UUID, truth: Truth) -> Mapping[str, Any]:
        try:
            stored = truth()
            row: Mapping[str, Any] = self._db.call(
                "settle_direct_upload",
                upload_id=found["upload_id"],
                user_id=user_id,
                size_bytes=stored.size_bytes,
                filepath=stored.path,
                format=stored.format,
                duration_seconds=stored.duration_seconds,
            )
        except REFUSALS as refused:
            release(self._db, self._media, _upload(found, user_id), refused)
            raise
        return row

    def _find(self, upload_id: uuid.UUID, user_id: uuid.UUID) -> dict[str, Any]:
        found: dict[str, Any] = self._db.call("find_direct_upload", upload_id=upload_id, user_id=user_id)
        return found

    def _ticket(self, upload: DirectUpload) -> dict[str, Any]:
        return {
            "upload_id": str(upload.id),
            "expires_at": upload.expires_at.isoformat(),
            "size_bytes": upload.size_bytes,
            "content_type": upload.format.content_type,
            **self._media.open_upload(upload),
            "complete": {"method": "POST", "path": "/complete_upload", "body": {"upload_id": str(upload.id)}},
            "resume": {"method": "POST", "path": "/upload_video", "body": {"upload_id": str(upload.id)}},
            "cancel": {"method": "DELETE", "path": f"/delete_video/{upload.id}"},
        }


def _upload(found: Mapping[str, Any], user_id: uuid.UUID) -> Upload:
    return Upload(uuid.UUID(found["upload_id"]), user_id, found["media_id"], media_absent=False)


def _outcome(found: Mapping[str, Any]) -> errors.ApiError:
    """What to tell of an upload that is over and no video."""
    if found["state"] == "settled":
        return errors.VideoNotFound()
    refusal = errors.from_code(found["refusal"] or "") or errors.UploadExpired
    return refusal()


def _reserved(found: Mapping[str, Any]) -> DirectUpload:
    expires_at = datetime.fromisoformat(found["expires_at"])
    upload_id, video_format = uuid.UUID(found["upload_id"]), FORMATS[found["format"]]
    return DirectUpload(upload_id, found["media_id"], found["size_bytes"], video_format, expires_at)
