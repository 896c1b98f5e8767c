"""The local media host prepares what an upload orders, and says so when it is done, whatever kills it."""

from __future__ import annotations

import re
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import cloudinary.exceptions
import cloudinary.uploader
import httpx
import pytest

from local.demo_videos import make_video
from tests.local.media_host_process import (
    Calls,
    MediaHostProcess,
    next_call,
    running_host,
    webhook_receiver,
)

HLS = [{"streaming_profile": "hd", "format": "m3u8"}]
FINISHED = {"format": "m3u8", "transformation": "sp_hd", "status": "completed"}


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


def upload(path: Path, **options: Any) -> dict[str, Any]:
    options = {"public_id": "x", "eager": HLS, "eager_async": True, **options}
    answer: dict[str, Any] = cloudinary.uploader.upload(str(path), resource_type="video", **options)
    return answer


def orders_in(state: Path) -> int:
    with closing(sqlite3.connect(state / "media.db")) as database:
        count: int = database.execute("select count(*) from eager_orders").fetchone()[0]
        return count


def status_of(url: str) -> int:
    return httpx.get(url, trust_env=False, timeout=60).status_code


@pytest.mark.parametrize("asset_type", ["upload", "authenticated"])
def test_an_ordered_stream_is_announced_and_plays(
    host: MediaHostProcess, video: Path, webhook: tuple[str, Calls], asset_type: str
) -> None:
    url, received = webhook
    answer = upload(video, type=asset_type, eager_notification_url=url)
    [ordered] = answer["eager"]
    call = next_call(received)
    [made] = call["eager"]

    assert (ordered["status"], ordered["transformation"], ordered["format"]) == ("processing", "sp_hd", "m3u8")
    assert {name: made[name] for name in FINISHED} == FINISHED
    assert made["bytes"] > 10_000
    assert made["url"] == made["secure_url"] == ordered["url"]
    assert status_of(made["url"]) == 200
    expected = {"notification_type": "eager", "public_id": "x", "type": asset_type, "resource_type": "video"}
    assert {name: call[name] for name in expected} == expected
    assert call["batch_id"] == ordered["batch_id"]


def test_without_an_address_of_its_own_it_is_announced_where_the_upload_is(
    host: MediaHostProcess, video: Path, webhook: tuple[str, Calls]
) -> None:
    url, received = webhook
    upload(video, notification_url=url)
    assert {next_call(received)["notification_type"] for _ in range(2)} == {"upload", "eager"}


def test_whoever_waits_for_it_gets_it_with_the_answer(host: MediaHostProcess, video: Path) -> None:
    answer = upload(video, eager=[*HLS, {"start_offset": 0, "format": "jpg"}, {"width": 100}], eager_async=False)
    assert [(entry["status"], entry["format"]) for entry in answer["eager"]] == [
        *[("completed", "m3u8"), ("completed", "jpg"), ("completed", "mp4")]
    ]
    assert all(entry["bytes"] > 0 for entry in answer["eager"])
    assert [status_of(entry["url"]) for entry in answer["eager"]] == [200] * 3


def test_a_large_video_cannot_be_waited_for(host: MediaHostProcess, tmp_path: Path) -> None:
    large = tmp_path / "large.mp4"
    make_video(large, seconds=1, size_bytes=40_000_001)
    [entry] = upload(large, eager_async=False)["eager"]
    assert entry["status"] == "failed"
    assert entry["reason"].startswith("Video is too large to process synchronously")


@pytest.mark.parametrize("eager", ["sp_huge/m3u8", "sp_hd", "sp_hd/mpd"])
def test_a_profile_that_there_is_not_is_refused_with_the_upload(
    host: MediaHostProcess, video: Path, eager: str
) -> None:
    with pytest.raises(cloudinary.exceptions.BadRequest):
        upload(video, eager=eager)
    assert host.kept_files() == []


def test_a_failure_is_announced_as_one(host: MediaHostProcess, video: Path, webhook: tuple[str, Calls]) -> None:
    host.set_faults({"eager": {"status": 500, "times": 1}})
    url, received = webhook
    upload(video, notification_url=None, eager_notification_url=url)
    [entry] = next_call(received)["eager"]
    assert (entry["status"], entry["reason"]) == ("failed", "Injected fault - 500")


def test_an_order_survives_the_host_being_killed(
    host: MediaHostProcess, video: Path, webhook: tuple[str, Calls]
) -> None:
    host.set_faults({"eager": {"hang_seconds": 600}})
    url, received = webhook
    [ordered] = upload(video, eager_notification_url=url)["eager"]
    assert status_of(ordered["url"]) == 423
    host.kill()
    with running_host(host.state) as survivor:
        call = next_call(received)
        address = re.sub(r"//127\.0\.0\.1:\d+", f"//127.0.0.1:{survivor.port}", ordered["url"])
        assert (call["batch_id"], call["eager"][0]["status"]) == (ordered["batch_id"], "completed")
        assert status_of(address) == 200
        while orders_in(host.state):
            time.sleep(0.05)
    with running_host(host.state):
        upload(video, public_id="y", eager_notification_url=url)
        assert next_call(received)["public_id"] == "y"  # what has been announced is not announced at each start


def test_what_is_left_of_a_stream_without_its_video_is_swept_at_the_start(host: MediaHostProcess, video: Path) -> None:
    answer = upload(video, eager_async=False)
    host.kill()
    orphan = host.state / "renditions" / "0123-hd"
    orphan.mkdir()
    (orphan / "0.ts").write_bytes(b"left behind")
    with running_host(host.state) as survivor:
        assert survivor.kept_files() == [f"{answer['version_id']}-hd", f"{answer['version_id']}.mp4"]


def test_a_video_that_is_destroyed_meanwhile_leaves_no_order(
    host: MediaHostProcess, video: Path, webhook: tuple[str, Calls]
) -> None:
    host.set_faults({"eager": {"hang_seconds": 600, "times": 1}})
    url, received = webhook
    upload(video, eager_notification_url=url)
    cloudinary.uploader.destroy("x", resource_type="video")
    host.kill()
    with running_host(host.state) as survivor:
        upload(video, public_id="y", eager_notification_url=url)
        assert next_call(received)["public_id"] == "y"
        assert len([name for name in survivor.kept_files() if name.endswith("-hd")]) == 1


def test_a_video_that_is_there_is_not_prepared_again(
    host: MediaHostProcess, video: Path, webhook: tuple[str, Calls]
) -> None:
    upload(video, eager=None)
    url, received = webhook
    answer = upload(video, overwrite=False, notification_url=url)
    assert answer["existing"] is True
    assert "eager" not in answer
    assert next_call(received)["notification_type"] == "upload"
    assert not [name for name in host.kept_files() if name.endswith("-hd")]
