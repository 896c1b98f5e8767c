"""Destroying media that nothing names any more. SQL queues what must go (media_purges) before anybody tries."""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from common import errors
from common.db import Database
from common.logs import log
from common.media import MediaHost

PARALLEL = 8
BUDGET_SECONDS = 20.0  # what a request spends; the daily job has the rest of its timeout
JOB_BUDGET_SECONDS = 240.0
BATCH = 100


class Purge:
    """Safe to repeat: the host answers for a file that is gone as for one that it destroys."""

    def __init__(self, db: Database, media: MediaHost) -> None:
        self._db = db
        self._media = media

    def destroy(self, media_ids: Sequence[str], *, budget_seconds: float = BUDGET_SECONDS) -> int:
        """Destroys what it can within the budget and takes that off the queue; answers how many. Never raises: what
        failed stays queued."""
        if not media_ids:
            return 0
        deadline = time.monotonic() + budget_seconds
        with ThreadPoolExecutor(min(PARALLEL, len(media_ids))) as pool:
            outcomes = list(pool.map(lambda media_id: self._destroy_one(media_id, deadline), media_ids))
        gone = [media_id for media_id, is_gone in zip(media_ids, outcomes, strict=True) if is_gone]
        try:
            if gone:
                self._db.call("finish_purges", media_ids=gone)
        except errors.ApiError as failed:
            log("WARNING", "purge_bookkeeping_deferred", count=len(gone), code=failed.code)
        return len(gone)

    def run(self) -> tuple[int, int]:
        """Works the queue off, oldest first; answers (purged, failed). Needs Supabase: raises DependencyUnavailable."""
        deadline = time.monotonic() + JOB_BUDGET_SECONDS
        purged = failed = 0
        while time.monotonic() < deadline:
            media_ids = self._db.call("claim_purges", batch=BATCH)["media_ids"]
            if not media_ids:
                break
            gone = self.destroy(media_ids, budget_seconds=deadline - time.monotonic())
            purged, failed = purged + gone, failed + len(media_ids) - gone
        return purged, failed

    def _destroy_one(self, media_id: str, deadline: float) -> bool:
        if time.monotonic() > deadline:
            return False
        try:
            self._media.destroy(media_id)
        except errors.DependencyUnavailable:
            return False
        return True
