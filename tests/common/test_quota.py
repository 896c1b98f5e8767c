"""Quota decisions at n - 1, n and n + 1."""

import pytest

from common.quota import MIB, Usage, fit, level, megabytes

LIMITS = {"storage_bytes": 50, "bandwidth_bytes": 100}


def usage(**changes: int | bool) -> Usage:
    empty = dict.fromkeys(Usage.__dataclass_fields__, 0) | {"uploading": False, "resets_at": "2026-01-02T00:00:00Z"}
    return Usage(**(empty | changes))  # type: ignore[arg-type]


@pytest.mark.parametrize(("size_bytes", "reason"), [(19, None), (20, None), (21, "storage_quota_exceeded")])
def test_a_file_fits_up_to_the_last_free_byte_of_storage(size_bytes: int, reason: str | None) -> None:
    decision = fit(usage(storage_used_bytes=25, storage_reserved_bytes=5), size_bytes, **LIMITS)
    assert (decision.reason, decision.can_upload) == (reason, reason is None)
    assert decision.max_file_bytes == 20


@pytest.mark.parametrize(("size_bytes", "reason"), [(9, None), (10, None), (11, "bandwidth_quota_exceeded")])
def test_a_file_fits_up_to_the_last_free_byte_of_the_days_bandwidth(size_bytes: int, reason: str | None) -> None:
    decision = fit(usage(upload_used_bytes=80, upload_reserved_bytes=10), size_bytes, **LIMITS)
    assert decision.reason == reason
    assert decision.max_file_bytes == 10


def test_nothing_fits_while_another_upload_is_in_flight() -> None:
    assert fit(usage(uploading=True), 1, **LIMITS).reason == "upload_in_progress"


def test_a_lowered_limit_leaves_nothing_rather_than_less_than_nothing() -> None:
    assert fit(usage(storage_used_bytes=60), 1, **LIMITS).max_file_bytes == 0
    assert level(60, 0, 50)["remaining_bytes"] == 0


def test_without_a_limit_nothing_remains_to_be_counted() -> None:
    assert level(60, 1, None) == {
        "used_bytes": 60,
        "reserved_bytes": 1,
        "limit_bytes": None,
        "remaining_bytes": None,
        "resets_at": None,
    }


def test_a_megabyte_is_1048576_bytes() -> None:
    assert megabytes(50 * MIB) == 50
    assert megabytes(1) * 1048576 == 1
