"""Supabase commits and its answer is lost: whatever the step, nothing stays half-done and nothing is done twice."""

import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

import pytest
from werkzeug.test import TestResponse

from common.db import Database
from common.errors import DependencyUnavailable
from tests.cloud import Account, Cloud
from tests.conftest import Functions


@contextmanager
def losing_the_answer(function: str, time: int) -> Iterator[None]:
    """The `time`-th call of this SQL function works, and the caller never learns."""
    call, seen = Database.call, 0

    def lossy(self: Database, name: str, **parameters: Any) -> Any:
        nonlocal seen
        answer = call(self, name, **parameters)
        seen += name == function
        if name == function and seen == time:
            raise DependencyUnavailable
        return answer

    with mock.patch.object(Database, "call", lossy):
        yield


def upload(functions: Functions, user: Account, file: bytes) -> TestResponse:
    form = {"title": "t", "video": (io.BytesIO(file), "a.mp4")}
    return functions.client("upload_video").post("/", data=form, headers=user.headers)


@pytest.mark.parametrize(("function", "time"), [("reserve_upload", 1), ("reserve_upload", 2)])
def test_a_reservation_whose_answer_was_lost_is_given_back(
    functions: Functions, cloud: Cloud, user: Account, video: Callable[..., bytes], function: str, time: int
) -> None:
    with losing_the_answer(function, time):
        assert upload(functions, user, video()).status_code == 503
    assert cloud.storage(user) == (0, 0)
    assert cloud.media(f"reelay/{user.id}/") == []
    assert upload(functions, user, video()).status_code == 201


def test_a_video_that_was_settled_stays_although_nobody_was_told(
    functions: Functions, cloud: Cloud, user: Account, video: Callable[..., bytes]
) -> None:
    with losing_the_answer("settle_upload", 1):
        assert upload(functions, user, video()).status_code == 503
    assert cloud.storage(user) == (len(video()), 0)
    assert len(cloud.get(f"/list_videos/{user.id}", user)["videos"]) == 1
    assert len(cloud.media(f"reelay/{user.id}/")) == 1


def test_a_release_whose_answer_was_lost_was_a_release(
    functions: Functions, cloud: Cloud, user: Account, video: Callable[..., bytes]
) -> None:
    with losing_the_answer("release_upload", 1):
        assert upload(functions, user, b"no video at all").status_code == 415
    assert cloud.storage(user) == (0, 0)
    assert upload(functions, user, video()).status_code == 201
