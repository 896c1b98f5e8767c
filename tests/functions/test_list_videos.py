"""GET /list_videos[/<user_id>]."""

import uuid
from typing import Any

import pytest

from tests.cloud import Account
from tests.conftest import Functions
from tests.functions.answers import problem, success
from tests.supabase.scratch import Sql


@pytest.fixture
def videos(database: Sql, user: Account) -> list[str]:
    """The ids of twenty videos of `user`, the newest first."""
    owner = uuid.UUID(user.id)
    return [database.upload(owner, 10, f"Clip {number} of {user.id}")["id"] for number in range(20)][::-1]


def page(functions: Functions, user: Account, path: str = "/", **query: Any) -> dict[str, Any]:
    return success(functions.client("list_videos").get(path, query_string=query, headers=user.headers))


def ids(answer: dict[str, Any]) -> list[str]:
    return [row["id"] for row in answer["videos"]]


def test_everybodys_videos_come_newest_first_sixteen_at_a_time(
    functions: Functions, user: Account, videos: list[str]
) -> None:
    answer = page(functions, user)
    assert set(answer) == {"videos", "total", "total_is_exact", "next_cursor"}
    assert ids(answer) == videos[:16]
    assert answer["total"] >= 20
    assert set(answer["videos"][0]) >= {
        "id", "user_id", "filename", "filepath", "poster_url", "title", "uploaded_at", "size_mb", "size_bytes"
    }  # fmt: skip


def test_a_users_own_list_holds_theirs_alone(
    functions: Functions, database: Sql, user: Account, admin: Account, videos: list[str]
) -> None:
    other = database.upload(uuid.UUID(admin.id), 10)
    assert ids(page(functions, user))[0] == other["id"]
    own = page(functions, user, f"/{user.id}", limit=100)
    assert (ids(own), own["total"], own["next_cursor"]) == (videos, 20, None)


def test_somebody_elses_own_list_is_forbidden(functions: Functions, user: Account, admin: Account) -> None:
    problem(functions.client("list_videos").get(f"/{admin.id}", headers=user.headers), 403, "forbidden")


def test_limit_and_start_cut_the_list(functions: Functions, user: Account, videos: list[str]) -> None:
    own = f"/{user.id}"
    assert ids(page(functions, user, own, limit=1)) == videos[:1]
    assert ids(page(functions, user, own, limit=5, start=3)) == videos[3:8]
    assert ids(page(functions, user, own, limit=100, start=18)) == videos[18:]
    assert page(functions, user, own, start=20)["videos"] == []


def test_the_cursor_leads_through_the_list_while_it_grows(
    functions: Functions, database: Sql, user: Account, videos: list[str]
) -> None:
    found, query = [], {"limit": "7"}
    while True:
        answer = page(functions, user, f"/{user.id}", **query)
        found += ids(answer)
        if answer["next_cursor"] is None:
            break
        query["cursor"] = answer["next_cursor"]
        database.upload(uuid.UUID(user.id), 10)
    assert found == videos


def test_a_cursor_belongs_to_its_list(functions: Functions, user: Account, videos: list[str]) -> None:
    cursor = page(functions, user)["next_cursor"]
    for path, query in [(f"/{user.id}", {}), ("/", {"q": "clip"})]:
        answer = functions.client("list_videos").get(
            path, query_string={"cursor": cursor, **query}, headers=user.headers
        )
        assert "cursor" in problem(answer, 422, "invalid_fields")["errors"]


def test_a_search_finds_titles(functions: Functions, user: Account, videos: list[str]) -> None:
    found = page(functions, user, q=f"clip {user.id}")
    assert (ids(found), found["total"], found["total_is_exact"]) == (videos[:16], 20, True)
    assert ids(page(functions, user, q=f"7 {user.id}")) == [videos[12]]
    assert page(functions, user, q=uuid.uuid4().hex)["videos"] == []


def test_a_deleted_video_is_listed_nowhere(functions: Functions, user: Account, videos: list[str]) -> None:
    success(functions.client("delete_video").delete(f"/{videos[0]}.mp4", headers=user.headers))
    assert ids(page(functions, user, f"/{user.id}", limit=100)) == videos[1:]
    assert videos[0] not in ids(page(functions, user))
    assert page(functions, user, q=user.id)["total"] == 19
