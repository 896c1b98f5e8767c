"""POST /write_log: what Cloud Tasks delivers, at least once."""

import uuid
from typing import Any

import pytest
from werkzeug.test import TestResponse

from tests.cloud import Account, Cloud
from tests.conftest import Functions
from tests.functions.answers import as_account, problem, success


def event(user: Account, **changes: Any) -> dict[str, Any]:
    return {
        "id": str(uuid.uuid4()), "user_id": user.id, "action_type": "LOGIN", "description": "Logged in 😀 (200)",
        "service_name": "login", "created_at": "2026-03-01T10:00:00.123456+00:00", **changes,
    }  # fmt: skip


def deliver(functions: Functions, cloud: Cloud, *events: object) -> TestResponse:
    headers = as_account(cloud.granted()["TASKS_SERVICE_ACCOUNT"])
    return functions.client("write_log").post("/", json={"events": events}, headers=headers)


def stored(functions: Functions, user: Account) -> list[dict[str, Any]]:
    """The user's events of this test: not those of what the test itself did."""
    logs = success(functions.client("list_logs").get("/", headers=user.headers))["logs"]
    return [row for row in logs if row["created_at"] < "2026-04-01"]


def test_a_batch_is_stored_as_it_was_sent(functions: Functions, cloud: Cloud, user: Account) -> None:
    events = [event(user, action_type=f"ACTION_{number}") for number in range(5)]
    assert success(deliver(functions, cloud, *events)) == {"inserted": 5}
    rows = sorted(stored(functions, user), key=lambda row: str(row["action_type"]))
    assert rows == events


def test_a_batch_that_is_delivered_again_changes_nothing(functions: Functions, cloud: Cloud, user: Account) -> None:
    first, second, third = (event(user) for _ in range(3))
    assert success(deliver(functions, cloud, first, second))["inserted"] == 2
    assert success(deliver(functions, cloud, second, first, third))["inserted"] == 1
    assert success(deliver(functions, cloud, first | {"description": "changed"}))["inserted"] == 0
    assert {row["id"] for row in stored(functions, user)} == {first["id"], second["id"], third["id"]}


def test_an_event_without_a_user_is_stored_and_its_zone_understood(
    functions: Functions, cloud: Cloud, admin: Account
) -> None:
    anonymous = event(admin, user_id=None, created_at="2001-02-03T01:30:00+02:00")  # older than all: the last row
    assert success(deliver(functions, cloud, anonymous)) == {"inserted": 1}
    client = functions.client("list_logs")
    total = success(client.get("/all", headers=admin.headers))["total"]
    page = success(client.get("/all", query_string={"start": total - 5}, headers=admin.headers))
    (row,) = [row for row in page["logs"] if row["id"] == anonymous["id"]]
    assert (row["user_id"], row["created_at"]) == (None, "2001-02-02T23:30:00+00:00")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("id", "7"),
        ("id", None),
        ("user_id", "nobody"),
        ("action_type", "x" * 65),
        ("action_type", ""),
        ("description", "x" * 1001),
        ("description", "a\x00b"),
        ("service_name", 7),
        ("created_at", "2026-03-01T10:00:00"),  # no zone
        ("created_at", "yesterday"),
        ("password", "x"),
    ],
)
def test_a_bad_event_is_named_and_its_batch_not_stored(
    functions: Functions, cloud: Cloud, user: Account, field: str, value: object
) -> None:
    answer = deliver(functions, cloud, event(user), event(user, **{field: value}))
    assert list(problem(answer, 422, "invalid_fields")["errors"]) == [f"events.1.{field}"]
    assert stored(functions, user) == []


@pytest.mark.parametrize("field", ["id", "user_id", "action_type", "description", "service_name", "created_at"])
def test_a_missing_field_is_named(functions: Functions, cloud: Cloud, user: Account, field: str) -> None:
    incomplete = {key: value for key, value in event(user).items() if key != field}
    answer = deliver(functions, cloud, incomplete)
    assert list(problem(answer, 422, "invalid_fields")["errors"]) == [f"events.0.{field}"]


def test_a_batch_of_nothing_too_much_or_something_else_is_named(
    functions: Functions, cloud: Cloud, user: Account
) -> None:
    assert "events" in problem(deliver(functions, cloud), 422, "invalid_fields")["errors"]
    assert "events.0" in problem(deliver(functions, cloud, "text"), 422, "invalid_fields")["errors"]


@pytest.mark.parametrize("which", ["SCHEDULER_SERVICE_ACCOUNT", "a user", "nobody"])
def test_nobody_but_the_tasks_account_writes(functions: Functions, cloud: Cloud, user: Account, which: str) -> None:
    others = {"a user": user.headers, "nobody": {}}
    headers = others[which] if which in others else as_account(cloud.granted()[which])
    answer = functions.client("write_log").post("/", json={"events": [event(user)]}, headers=headers)
    problem(answer, 403, "forbidden")
    assert stored(functions, user) == []
