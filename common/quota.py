"""The limits, and the pure decisions about them. Reserving itself is SQL's job: see supabase/migrations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

MIB = 1024 * 1024  # "MB" on this API's wire, as in the predecessor

STORAGE_QUOTA_BYTES = 50 * MIB  # a user (design, section 3)
UPLOAD_BANDWIDTH_BYTES = 100 * MIB  # a user and UTC day
PLAYBACK_ALLOWANCE_BYTES = 0  # a user and UTC day; 0: none

REQUEST_LIMIT_BYTES = 32 * MIB  # Cloud Functions' own limit, https://cloud.google.com/functions/quotas
FORM_OVERHEAD_BYTES = 64 * 1024  # what boundaries, part headers and the title may add to a file in a form
DIRECT_FILE_LIMIT_BYTES = REQUEST_LIMIT_BYTES - FORM_OVERHEAD_BYTES

UPLOAD_LIFETIME_SECONDS = 300  # an upload older than this no longer holds the user's turn
OPEN_UPLOADS = 20  # direct uploads of one user at once
PLAYBACK_LIFETIME_SECONDS = 6 * 3600

# Failed logins; an office or a school shares one address.
LOGIN_LIMITS = {"account_limit": 10, "address_limit": 100, "window_seconds": 900}

Level = dict[str, Any]  # how full a quota is, as every answer shows it
Refusal = Literal["storage_quota_exceeded", "bandwidth_quota_exceeded", "upload_in_progress"]


@dataclass(frozen=True)
class Usage:
    """A user's totals and today's traffic, all in bytes, as SQL's account_usage returns them."""

    storage_used_bytes: int
    storage_reserved_bytes: int
    video_count: int
    uploading: bool
    upload_used_bytes: int
    upload_reserved_bytes: int
    playback_used_bytes: int
    playback_reserved_bytes: int
    resets_at: str

    def storage(self, limit_bytes: int) -> Level:
        return level(self.storage_used_bytes, self.storage_reserved_bytes, limit_bytes)

    def upload(self, limit_bytes: int) -> Level:
        """Today's upload bandwidth."""
        return level(self.upload_used_bytes, self.upload_reserved_bytes, limit_bytes, self.resets_at)

    def playback(self, limit_bytes: int) -> Level:
        """Today's playback allowance; a limit of 0 is none."""
        return level(self.playback_used_bytes, self.playback_reserved_bytes, limit_bytes or None, self.resets_at)


@dataclass(frozen=True)
class Fit:
    """Whether a file would be taken now, why not, and the largest file that would."""

    can_upload: bool
    reason: Refusal | None
    max_file_bytes: int


def fit(usage: Usage, size_bytes: int, *, storage_bytes: int, bandwidth_bytes: int) -> Fit:
    """The same decision that SQL's reserve_upload takes against these limits, without reserving."""
    storage_left: int = usage.storage(storage_bytes)["remaining_bytes"]
    bandwidth_left: int = usage.upload(bandwidth_bytes)["remaining_bytes"]
    reason: Refusal | None = None
    if usage.uploading and size_bytes <= DIRECT_FILE_LIMIT_BYTES:  # what is larger goes direct, without a turn
        reason = "upload_in_progress"
    elif size_bytes > storage_left:
        reason = "storage_quota_exceeded"
    elif size_bytes > bandwidth_left:
        reason = "bandwidth_quota_exceeded"
    return Fit(reason is None, reason, min(storage_left, bandwidth_left))


def level(used_bytes: int, reserved_bytes: int, limit_bytes: int | None, resets_at: str | None = None) -> Level:
    """Without a limit (None) nothing runs out: None remains. Never less than 0: a limit may have been lowered."""
    left = None if limit_bytes is None else max(0, limit_bytes - used_bytes - reserved_bytes)
    return {
        "used_bytes": used_bytes,
        "reserved_bytes": reserved_bytes,
        "limit_bytes": limit_bytes,
        "remaining_bytes": left,
        "resets_at": resets_at,
    }


def megabytes(size_bytes: int) -> float:
    """Bytes in the wire's MB, exact to the byte at these sizes."""
    return size_bytes / MIB
