"""The SQL of direct uploads as Python calls."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Any

from tests.supabase.scratch import BANDWIDTH, STORAGE, Sql

HOUR = 3600


@dataclass(frozen=True)
class Tickets:
    """The direct uploads of one user as the functions call for them."""

    sql: Sql
    user: uuid.UUID

    def open(self, size_bytes: int, upload_id: uuid.UUID | None = None, **options: Any) -> uuid.UUID:
        """The upload's id. Options: title, format and the limits."""
        upload_id = upload_id or uuid.uuid4()
        limits = {"storage_limit_bytes": STORAGE, "bandwidth_limit_bytes": BANDWIDTH, "open_limit": 20}
        self.sql.call(
            "reserve_direct_upload", upload_id=upload_id, user_id=self.user, size_bytes=size_bytes,
            media_id=media_id(upload_id), **{"title": "A & B", "format": "mp4", "lifetime_seconds": HOUR, **limits}
            | options,
        )  # fmt: skip
        return upload_id

    def find(self, upload_id: uuid.UUID) -> Any:
        return self.sql.call("find_direct_upload", upload_id=upload_id, user_id=self.user)

    def settle(self, upload_id: uuid.UUID, size_bytes: int, **options: Any) -> Any:
        """The video's row."""
        facts = {"filepath": f"video/{upload_id}.mp4", "format": "mp4", "duration_seconds": 1.5} | options
        return self.sql.call(
            "settle_direct_upload", upload_id=upload_id, user_id=self.user, size_bytes=size_bytes, **facts
        )

    def release(self, upload_id: uuid.UUID) -> str:
        return self.sql.release(upload_id, self.user)

    def delete(self, filename: str | uuid.UUID | None) -> Any:
        """{deleted, cancelled, media_ids}"""
        filename = None if filename is None else str(filename)
        return self.sql.call("delete_or_cancel", user_id=self.user, filename=filename)

    def opened(self) -> list[Any]:
        """What check_storage shows of the uploads under way."""
        overview = self.sql.call("storage_overview", user_id=self.user)
        listed: list[Any] = overview["open_uploads"]
        return listed

    @property
    def levels(self) -> tuple[int, int, int, int]:
        return self.sql.levels(self.user)


def media_id(upload_id: uuid.UUID) -> str:
    return f"reelay/{upload_id}"
