"""GET /watch_video/<filename>."""

import uuid
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from flask.testing import FlaskClient

from tests.cloud import Account
from tests.conftest import Functions
from tests.functions.answers import problem, success


def test_a_video_plays_from_its_address(
    functions: Functions, user: Account, uploaded: dict[str, Any], video: Callable[..., bytes]
) -> None:
    answer = success(functions.client("watch_video").get(f"/{uploaded['filename']}", headers=user.headers))
    assert set(answer) == {
        "url", "hls_url", "poster_url", "url_expires_at", "video", "playback_token", "allowance",
    }  # fmt: skip
    assert answer["video"] == uploaded
    part = httpx.get(answer["url"], headers={"Range": "bytes=10-29"})
    assert (part.status_code, part.content) == (206, video()[10:30])
    assert part.headers["Content-Range"] == f"bytes 10-29/{len(video())}"
    assert httpx.get(answer["url"]).content == video()


def test_the_poster_is_a_jpeg_at_the_same_address(
    functions: Functions, user: Account, uploaded: dict[str, Any]
) -> None:
    answer = success(functions.client("watch_video").get(f"/{uploaded['filename']}", headers=user.headers))
    assert answer["poster_url"] == answer["url"].removesuffix(".mp4") + ".jpg"
    poster = httpx.get(answer["poster_url"])
    assert poster.headers["Content-Type"] == "image/jpeg"
    assert poster.content.startswith(b"\xff\xd8")


def test_anybody_with_an_account_may_watch(functions: Functions, admin: Account, uploaded: dict[str, Any]) -> None:
    answer = success(functions.client("watch_video").get(f"/{uploaded['filename']}", headers=admin.headers))
    assert answer["video"]["id"] == uploaded["id"]


def test_without_an_allowance_nothing_runs_out(functions: Functions, user: Account, uploaded: dict[str, Any]) -> None:
    answer = success(functions.client("watch_video").get(f"/{uploaded['filename']}", headers=user.headers))
    allowance = answer["allowance"]
    assert set(allowance) == {"used_bytes", "reserved_bytes", "limit_bytes", "remaining_bytes", "resets_at"}
    assert (allowance["limit_bytes"], allowance["remaining_bytes"]) == (None, None)
    assert (allowance["used_bytes"], allowance["reserved_bytes"]) == (0, uploaded["size_bytes"])


def test_a_video_must_fit_what_is_left_of_the_days_allowance(
    client_with: Callable[..., FlaskClient], user: Account, uploaded: dict[str, Any]
) -> None:
    size_bytes, path = uploaded["size_bytes"], f"/{uploaded['filename']}"
    too_small = client_with("watch_video", PLAYBACK_ALLOWANCE_BYTES=size_bytes - 1)
    refused = problem(too_small.get(path, headers=user.headers), 429, "playback_quota_exceeded")
    assert (refused["limit_bytes"], refused["remaining_bytes"], refused["used_bytes"]) == (
        size_bytes - 1, size_bytes - 1, 0
    )  # fmt: skip
    assert refused["resets_at"]
    fitting = client_with("watch_video", PLAYBACK_ALLOWANCE_BYTES=size_bytes)
    for _ in range(2):  # a second look costs nothing more
        allowance = success(fitting.get(path, headers=user.headers))["allowance"]
        assert (allowance["limit_bytes"], allowance["remaining_bytes"]) == (size_bytes, 0)


@pytest.mark.parametrize("which", ["unknown", "deleted"])
def test_what_is_not_there_is_not_found(
    functions: Functions, user: Account, uploaded: dict[str, Any], which: str
) -> None:
    filename = uploaded["filename"] if which == "deleted" else f"{uuid.uuid4()}.mp4"
    if which == "deleted":
        success(functions.client("delete_video").delete(f"/{filename}", headers=user.headers))
    problem(functions.client("watch_video").get(f"/{filename}", headers=user.headers), 404, "video_not_found")
