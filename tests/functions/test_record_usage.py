"""GET /record_usage, and POST /record_usage with what a playback really used."""

import uuid
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from common import clock
from common.quota import MIB, UPLOAD_BANDWIDTH_BYTES
from tests.cloud import Account
from tests.conftest import Functions
from tests.functions.answers import problem, success
from tests.supabase.scratch import Sql


def usage(functions: Functions, user: Account) -> dict[str, Any]:
    return success(functions.client("record_usage").get("/", headers=user.headers))


def playback(functions: Functions, user: Account) -> tuple[int, int]:
    """(used, reserved) bytes of today."""
    level = usage(functions, user)["playback"]
    return level["used_bytes"], level["reserved_bytes"]


def report(functions: Functions, user: Account, token: str, used_bytes: int) -> TestResponse:
    body = {"playback_token": token, "used_bytes": used_bytes}
    return functions.client("record_usage").post("/", json=body, headers=user.headers)


@pytest.fixture
def token(functions: Functions, database: Sql, user: Account) -> str:
    """Of a playback of a video of 1,000 bytes."""
    filename = database.upload(uuid.UUID(user.id), 1000)["filename"]
    watched = success(functions.client("watch_video").get(f"/{filename}", headers=user.headers))
    return str(watched["playback_token"])


def test_a_fresh_account_has_used_nothing(functions: Functions, user: Account) -> None:
    answer = usage(functions, user)
    resets_at = answer.pop("resets_at")
    assert answer.pop("playback") == {
        "used_bytes": 0, "reserved_bytes": 0, "limit_bytes": None, "remaining_bytes": None, "resets_at": resets_at
    }  # fmt: skip
    assert answer == {
        "message": "Within the daily bandwidth limit", "totalUsageMb": 0, "dailyLimitMb": 100,
        "isThresholdExceeded": False, "used_bytes": 0, "reserved_bytes": 0, "limit_bytes": UPLOAD_BANDWIDTH_BYTES,
        "remaining_bytes": UPLOAD_BANDWIDTH_BYTES,
    }  # fmt: skip
    midnight = datetime.fromisoformat(resets_at)
    assert midnight.utcoffset() == timedelta(0)
    assert (midnight.hour, midnight.minute, midnight.second) == (0, 0, 0)
    assert timedelta(0) < midnight - clock.now() <= timedelta(days=1)


def test_uploads_count_even_after_they_are_deleted(functions: Functions, database: Sql, user: Account) -> None:
    owner = uuid.UUID(user.id)
    database.upload(owner, 3 * MIB // 2)
    database.call("delete_videos", user_id=owner, filename=None)
    database.reserve(owner, 7)
    answer = usage(functions, user)
    assert (answer["totalUsageMb"], answer["used_bytes"], answer["reserved_bytes"]) == (1.5, 3 * MIB // 2, 7)
    assert answer["remaining_bytes"] == UPLOAD_BANDWIDTH_BYTES - 3 * MIB // 2 - 7


@pytest.mark.parametrize(("limit", "is_exceeded"), [(99, True), (100, True), (101, False)])
def test_the_threshold_is_met_to_the_byte(
    client_with: Callable[..., FlaskClient], database: Sql, user: Account, limit: int, is_exceeded: bool
) -> None:
    database.upload(uuid.UUID(user.id), 100)
    client = client_with("record_usage", UPLOAD_BANDWIDTH_BYTES=limit)
    answer = success(client.get("/", headers=user.headers))
    assert answer["isThresholdExceeded"] is is_exceeded
    assert ("Exceeding daily bandwidth limit" in answer["message"]) is is_exceeded


def test_a_report_settles_what_watching_had_reserved(functions: Functions, user: Account, token: str) -> None:
    assert playback(functions, user) == (0, 1000)
    answer = success(report(functions, user, token, 300))
    assert (answer["playback"]["used_bytes"], answer["playback"]["reserved_bytes"]) == (300, 0)
    assert answer["used_bytes"] == 1000  # the upload's: playback stands in fields of its own


def test_the_highest_report_counts_once(functions: Functions, user: Account, token: str) -> None:
    for used_bytes in (300, 300, 100, 700, 0):
        success(report(functions, user, token, used_bytes))
    assert playback(functions, user) == (700, 0)


def test_another_users_token_is_refused(functions: Functions, user: Account, admin: Account, token: str) -> None:
    refused = problem(report(functions, admin, token, 300), 422, "invalid_fields")
    assert "playback_token" in refused["errors"]
    assert playback(functions, user) == (0, 1000)


def test_an_access_token_is_no_playback_token_nor_the_other_way_round(
    functions: Functions, user: Account, token: str
) -> None:
    assert "playback_token" in problem(report(functions, user, user.token, 1), 422, "invalid_fields")["errors"]
    answer = functions.client("record_usage").get("/", headers={"Authorization": f"Bearer {token}"})
    problem(answer, 401, "invalid_token")


def test_a_playback_that_was_forgotten_is_not_found(
    functions: Functions, database: Sql, user: Account, token: str
) -> None:
    success(report(functions, user, token, 1))
    database.run("delete from public.playbacks where user_id = %s", user.id)
    problem(report(functions, user, token, 300), 404, "playback_not_found")
