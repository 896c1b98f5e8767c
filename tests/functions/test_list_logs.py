"""GET /list_logs[/<user_id>|/all]."""

import json
import uuid
from typing import Any

import pytest

from tests.cloud import Account, eventually
from tests.conftest import Functions
from tests.functions.answers import problem, success
from tests.supabase.scratch import Sql


def page(functions: Functions, user: Account, path: str = "/", **query: Any) -> dict[str, Any]:
    return success(functions.client("list_logs").get(path, query_string=query, headers=user.headers))


@pytest.fixture
def events(database: Sql) -> tuple[Account, list[str]]:
    """An account that did nothing yet, but for 120 events of long ago: their ids, the newest first."""
    user_id = database.user()
    ids = [str(uuid.uuid4()) for _ in range(120)]
    rows = [
        {"id": event_id, "user_id": str(user_id), "action_type": "LOGIN", "description": "x", "service_name": "login",
         "created_at": f"2020-01-01T{number // 60:02}:{number % 60:02}:00Z"}
        for number, event_id in enumerate(ids)
    ]  # fmt: skip
    database.call("insert_logs", events=json.dumps(rows))
    return Account(str(user_id), "", ""), ids[::-1]


def test_what_a_user_does_can_be_read_in_their_log(
    functions: Functions, user: Account, uploaded: dict[str, Any]
) -> None:
    path = f"/{uploaded['filename']}"
    success(functions.client("list_videos").get("/", headers=user.headers))
    success(functions.client("list_videos").get(f"/{user.id}", headers=user.headers))
    success(functions.client("watch_video").get(path, headers=user.headers))
    success(functions.client("check_storage").get("/", headers=user.headers))
    success(functions.client("record_usage").get("/", headers=user.headers))
    success(functions.client("delete_video").delete(path, headers=user.headers))
    success(functions.client("delete_video").delete("/all", headers=user.headers))
    problem(functions.client("delete_video").delete(path, headers=user.headers), 404, "video_not_found")
    expected = {
        "REGISTER", "LOGIN", "UPLOAD_VIDEO", "FETCH_VIDEOS", "FETCH_USER_VIDEOS", "STREAM_VIDEO", "CHECK_STORAGE",
        "CHECK_BANDWIDTH", "DELETE_VIDEO", "DELETE_ALL_VIDEOS",
    }  # fmt: skip
    eventually(lambda: {row["action_type"] for row in page(functions, user)["logs"]} >= expected)
    eventually(lambda: "Refused: video_not_found (404)" in [
        row["description"] for row in page(functions, user)["logs"]])  # fmt: skip
    for row in page(functions, user)["logs"]:
        assert set(row) == {"id", "user_id", "action_type", "description", "service_name", "created_at"}
        assert row["user_id"] == user.id
        assert user.token not in row["description"]


def test_a_page_holds_a_hundred_and_the_cursor_leads_on(
    functions: Functions, admin: Account, events: tuple[Account, list[str]]
) -> None:
    user, ids = events
    first = page(functions, admin, f"/{user.id}")
    assert set(first) == {"logs", "total", "next_cursor"}
    second = page(functions, admin, f"/{user.id}", cursor=first["next_cursor"])
    assert [row["id"] for row in first["logs"]] == ids[:100]
    assert [row["id"] for row in second["logs"]] == ids[100:]
    assert (first["total"], second["total"], second["next_cursor"]) == (120, 120, None)


def test_limit_and_start_cut_the_list(functions: Functions, admin: Account, events: tuple[Account, list[str]]) -> None:
    user, ids = events
    cut = page(functions, admin, f"/{user.id}", limit=3, start=10)["logs"]
    assert [row["id"] for row in cut] == ids[10:13]


def test_a_cursor_belongs_to_its_list(functions: Functions, admin: Account, events: tuple[Account, list[str]]) -> None:
    user, _ = events
    cursor = page(functions, admin, f"/{user.id}")["next_cursor"]
    answer = functions.client("list_logs").get("/all", query_string={"cursor": cursor}, headers=admin.headers)
    assert "cursor" in problem(answer, 422, "invalid_fields")["errors"]


def test_an_admin_reads_everybodys_and_anybodys(
    functions: Functions, admin: Account, events: tuple[Account, list[str]]
) -> None:
    user, _ = events
    for path in ("/", "/all"):
        everybodys = page(functions, admin, path)
        assert everybodys["total"] >= 120
        assert everybodys["total"] > page(functions, admin, f"/{user.id}")["total"]


def test_nobody_else_reads_more_than_their_own(functions: Functions, user: Account, admin: Account) -> None:
    for path in ("/all", f"/{admin.id}", f"/{uuid.uuid4()}"):
        problem(functions.client("list_logs").get(path, headers=user.headers), 403, "forbidden")
    assert {row["user_id"] for row in page(functions, user)["logs"]} <= {user.id}
