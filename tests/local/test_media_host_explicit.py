"""`explicit` at the local media host, and what else is asked about a video that is there: by its type and public id."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import cloudinary.api
import cloudinary.exceptions
import cloudinary.uploader
import cloudinary.utils
import pytest

from local.demo_videos import make_video
from tests.local.media_host_process import (
    Calls,
    MediaHostProcess,
    explicit,
    get,
    next_call,
    running_host,
    upload_video,
    webhook_receiver,
)


@pytest.fixture
def host(tmp_path: Path) -> Iterator[MediaHostProcess]:
    with running_host(tmp_path / "state") as host:
        yield host


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("videos") / "video.mp4"
    make_video(path, seconds=1)
    return path


@pytest.fixture
def webhook() -> Iterator[tuple[str, Calls]]:
    with webhook_receiver() as receiver:
        yield receiver


@pytest.mark.parametrize("asset_type", ["upload", "authenticated"])
def test_explicit_answers_what_the_upload_answered(host: MediaHostProcess, video: Path, asset_type: str) -> None:
    uploaded = upload_video(video, public_id="x", type=asset_type, tags=["a"])
    answer = explicit("x", type=asset_type)

    del uploaded["request_id"]  # the SDK takes it from a header
    assert {name: answer[name] for name in uploaded} == uploaded
    assert cloudinary.utils.verify_api_response_signature("x", answer["version"], answer["signature"])


def test_explicit_orders_what_an_upload_can_order(
    host: MediaHostProcess, video: Path, webhook: tuple[str, Calls]
) -> None:
    upload_video(video, public_id="x")
    url, received = webhook
    [ordered] = explicit("x", eager="sp_hd/m3u8", eager_async=True, eager_notification_url=url)["eager"]
    call = next_call(received)
    assert (call["batch_id"], call["eager"][0]["url"]) == (ordered["batch_id"], ordered["url"])
    assert get(ordered["url"]).status_code == 200


def test_explicit_knows_type_and_public_id_apart(host: MediaHostProcess, video: Path) -> None:
    upload_video(video, public_id="x", type="authenticated")
    with pytest.raises(cloudinary.exceptions.NotFound, match="Resource not found - x"):
        explicit("x")
    with pytest.raises(cloudinary.exceptions.AuthorizationRequired, match="Invalid Signature"):
        explicit("x", type="authenticated", api_secret="wrong")


def test_explicit_fails_as_ordered(host: MediaHostProcess, video: Path) -> None:
    upload_video(video, public_id="x")
    host.set_faults({"explicit": {"status": 503, "times": 1}})
    with pytest.raises(cloudinary.exceptions.GeneralError, match="Injected fault - 503"):
        explicit("x")
    assert explicit("x")["public_id"] == "x"


def test_an_authenticated_video_is_listed_and_destroyed_by_its_type(host: MediaHostProcess, video: Path) -> None:
    answer = upload_video(video, public_id="x", type="authenticated")
    listed = cloudinary.api.resources(resource_type="video", type="authenticated")["resources"]
    assert [asset["url"] for asset in listed] == [answer["url"]]
    assert re.search("/s--[A-Za-z0-9_-]{8}--/v[0-9]+/x.mp4$", answer["url"])
    assert cloudinary.uploader.destroy("x", resource_type="video")["result"] == "not found"
    assert cloudinary.uploader.destroy("x", resource_type="video", type="authenticated")["result"] == "ok"
    assert host.kept_files() == []
