"""Whether a video's file is still the one that was counted.

Cloudinary's signatures are good for destroying, too: until its ticket ends, whoever has one can put another file, of
any size, in the place of the one that was counted. So each notification is compared with what was counted, and so is
each file once its ticket has ended.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from common import errors
from common.db import Database
from common.logs import log
from common.media import MediaHost, StoredMedia
from common.purge import PARALLEL

BATCH = 100


class UploadChecks:
    """Safe to repeat."""

    def __init__(self, db: Database, media: MediaHost) -> None:
        self._db = db
        self._media = media

    def is_replaced(self, row: Mapping[str, Any], media_id: str, stored: StoredMedia | None) -> bool:
        """Whether what the host has (None: no video) is another file than the row's; the video is deleted then."""
        if stored and (stored.path, stored.size_bytes) == (row["filepath"], row["size_bytes"]):
            return False
        log("WARNING", "media_replaced", media_id=media_id, size_bytes=stored and stored.size_bytes)
        self._db.call("delete_or_cancel", user_id=row["user_id"], filename=row["filename"])
        self._media.destroy(media_id)
        return True

    def run(self, budget_seconds: float) -> int:
        """Looks at the file of each video whose ticket has ended since the last run; answers how many were replaced.

        What the budget does not allow, or the host does not answer, is left to the next run.
        """
        deadline, replaced = time.monotonic() + budget_seconds, 0
        while time.monotonic() < deadline:
            videos = self._db.call("list_unchecked_uploads", limit=BATCH)["uploads"]
            with ThreadPoolExecutor(PARALLEL) as pool:
                outcomes = list(pool.map(self._look, videos))
            checked = [
                video["upload_id"] for video, outcome in zip(videos, outcomes, strict=True) if outcome is not None
            ]
            self._db.call("finish_upload_checks", upload_ids=checked)
            replaced += outcomes.count(True)
            if len(checked) < BATCH:
                break
        return replaced

    def _look(self, video: Mapping[str, Any]) -> bool | None:
        """Whether that one is replaced; None if nobody could tell."""
        try:
            try:
                stored = self._media.find(video["media_id"])
            except errors.NotAVideo:
                return self.is_replaced(video, video["media_id"], None)
            # A file that is lost takes up no room: `make reconcile` tells of it.
            return stored is not None and self.is_replaced(video, video["media_id"], stored)
        except errors.ApiError as failed:
            log("WARNING", "upload_check_deferred", media_id=video["media_id"], code=failed.code)
            return None
