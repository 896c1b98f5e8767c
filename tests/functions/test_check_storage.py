"""GET /check_storage[?size_bytes=]."""

import uuid
from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient

from common.quota import MIB, STORAGE_QUOTA_BYTES, UPLOAD_BANDWIDTH_BYTES
from tests.cloud import Account
from tests.conftest import Functions
from tests.functions.answers import success
from tests.supabase.scratch import Sql


def check(client: FlaskClient, user: Account, size_bytes: int | None = None) -> dict[str, Any]:
    query = {} if size_bytes is None else {"size_bytes": size_bytes}
    return success(client.get("/", query_string=query, headers=user.headers))


@pytest.fixture
def storage(functions: Functions) -> FlaskClient:
    return functions.client("check_storage")


def test_a_fresh_account_is_empty(storage: FlaskClient, user: Account) -> None:
    assert check(storage, user) == {
        "totalSizeMb": 0, "maxStorageMb": 50, "usagePercentage": 0, "video_count": 0, "used_bytes": 0,
        "reserved_bytes": 0, "limit_bytes": STORAGE_QUOTA_BYTES, "remaining_bytes": STORAGE_QUOTA_BYTES,
        "resets_at": None, "open_uploads": [],
    }  # fmt: skip


def test_the_figures_are_exact(storage: FlaskClient, database: Sql, user: Account) -> None:
    owner = uuid.UUID(user.id)
    database.upload(owner, 12 * MIB)
    database.upload(owner, MIB // 2)
    database.reserve(owner, MIB)
    answer = check(storage, user)
    assert (answer["totalSizeMb"], answer["usagePercentage"], answer["video_count"]) == (12.5, 25, 2)
    assert (answer["used_bytes"], answer["reserved_bytes"]) == (25 * MIB // 2, MIB)
    assert answer["remaining_bytes"] == STORAGE_QUOTA_BYTES - 27 * MIB // 2


@pytest.mark.parametrize("beyond", [-1, 0, 1])
def test_a_file_fits_to_the_byte(storage: FlaskClient, database: Sql, user: Account, beyond: int) -> None:
    owner = uuid.UUID(user.id)
    database.upload(owner, 10 * MIB)
    database.reserve(owner, 5)
    left = STORAGE_QUOTA_BYTES - 10 * MIB - 5
    answer = check(storage, user, left + beyond)
    assert answer["can_upload"] is (beyond <= 0)
    assert answer["reason"] == ("storage_quota_exceeded" if beyond > 0 else None)
    assert answer["max_file_bytes"] == answer["remaining_bytes"] == left


def test_the_days_bandwidth_counts_too(storage: FlaskClient, database: Sql, user: Account) -> None:
    owner = uuid.UUID(user.id)
    for _ in range(2):
        database.upload(owner, 45 * MIB)
        database.call("delete_videos", user_id=owner, filename=None)
    left = UPLOAD_BANDWIDTH_BYTES - 90 * MIB
    assert check(storage, user, left)["can_upload"] is True
    answer = check(storage, user, left + 1)
    assert (answer["can_upload"], answer["reason"]) == (False, "bandwidth_quota_exceeded")
    assert answer["max_file_bytes"] == left


def test_while_an_upload_is_in_flight_no_other_may_begin(storage: FlaskClient, database: Sql, user: Account) -> None:
    turn = database.reserve(uuid.UUID(user.id), 1, kind="multipart")
    assert check(storage, user, 1)["reason"] == "upload_in_progress"
    database.release(turn, uuid.UUID(user.id), media_absent=True)
    assert check(storage, user, 1)["can_upload"] is True


def test_a_limit_that_was_lowered_leaves_nothing_and_not_less(
    client_with: Callable[..., FlaskClient], database: Sql, user: Account
) -> None:
    database.upload(uuid.UUID(user.id), 100)
    answer = check(client_with("check_storage", STORAGE_QUOTA_BYTES=40), user, 1)
    assert (answer["remaining_bytes"], answer["max_file_bytes"], answer["usagePercentage"]) == (0, 0, 250)
    assert check(client_with("check_storage", STORAGE_QUOTA_BYTES=0), user)["remaining_bytes"] == 0
