"""The local media host makes a stream when Cloudinary would make it, and keeps it as long as its video."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import cloudinary.uploader
import pytest

from local.demo_videos import make_video
from tests.local.media_host_process import (
    CLOUD,
    MediaHostProcess,
    addresses_in,
    explicit,
    get,
    played_frames,
    running_host,
    stream_url,
    upload_video,
)

LARGEST_ON_THE_FLY_BYTES = 40_000_000


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MediaHostProcess]:
    with running_host(tmp_path_factory.mktemp("media") / "state") as host:
        yield host


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("videos") / "video.mp4"
    make_video(path, seconds=3)
    return path


@pytest.fixture(autouse=True)
def without_faults(host: MediaHostProcess) -> None:
    host.set_faults({})


@pytest.mark.parametrize(
    ("more_bytes", "status", "error"),
    [
        (0, 200, None),
        (
            1,
            400,
            "Video is too large to process synchronously, please use an eager transformation with eager_async=true",
        ),
    ],
)
def test_a_large_video_has_to_be_prepared(
    host: MediaHostProcess, tmp_path: Path, more_bytes: int, status: int, error: str | None
) -> None:
    path = tmp_path / "large.mp4"
    make_video(path, seconds=1, size_bytes=LARGEST_ON_THE_FLY_BYTES + more_bytes)
    upload_video(path, public_id="large")

    answer = get(stream_url(host, "large"))
    assert (answer.status_code, answer.headers.get("X-Cld-Error")) == (status, error)
    if error:
        assert answer.json() == {"error": {"message": error}}

    explicit("large", eager="sp_hd/m3u8", eager_async=True)
    while (prepared := get(stream_url(host, "large"))).status_code == 423:
        assert prepared.headers["X-Cld-Error"] == "Processing"
        time.sleep(0.05)
    assert prepared.status_code == 200
    another = get(stream_url(host, "large", streaming_profile="sd"))
    assert another.status_code == status  # each profile is prepared for itself


def test_what_is_being_prepared_is_answered_with_423(host: MediaHostProcess, video: Path) -> None:
    host.set_faults({"eager": {"hang_seconds": 600, "times": 1}})
    answer = upload_video(video, public_id="busy", eager="sp_hd/m3u8", eager_async=True)
    assert answer["eager"][0]["status"] == "processing"

    busy = get(stream_url(host, "busy"))
    assert (busy.status_code, busy.headers["X-Cld-Error"]) == (423, "Processing")
    assert get(stream_url(host, "busy", streaming_profile="sd")).status_code == 200
    assert get(answer["url"]).status_code == 200


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("sp_huge/v1/x.m3u8", 400),
        ("v1/x.m3u8", 404),
        ("sp_hd/v1/nobody.m3u8", 404),
        ("sp_hd/v1/x.mpd", 404),
        ("sp_hd,sg_99/v1/x.ts", 404),
        ("sp_hd,sg_-1/v1/x.ts", 404),
        ("sp_hd,vr_1/v1/x.m3u8", 404),
        ("sp_..,sg_0/v1/x.ts", 404),
    ],
)
def test_what_is_no_part_of_a_stream_is_refused(host: MediaHostProcess, video: Path, path: str, status: int) -> None:
    upload_video(video, public_id="x", overwrite=False)
    assert get(f"{host.url}/{CLOUD}/video/upload/{path}").status_code == status


def test_a_stream_ends_with_its_video(host: MediaHostProcess, video: Path) -> None:
    answer = upload_video(video, public_id="gone")
    url = stream_url(host, "gone")
    addresses = [url, *addresses_in(url), *addresses_in(addresses_in(url)[0])]
    assert f"{answer['version_id']}-hd" in host.kept_files()

    cloudinary.uploader.destroy("gone", resource_type="video")
    assert [get(address).status_code for address in addresses] == [404] * 3
    assert not [name for name in host.kept_files() if name.startswith(answer["version_id"])]


def test_an_overwritten_video_streams_its_new_version(host: MediaHostProcess, video: Path, tmp_path: Path) -> None:
    shorter = tmp_path / "shorter.mp4"
    make_video(shorter, seconds=1)
    upload_video(video, public_id="changing")
    assert played_frames(stream_url(host, "changing")) == 30
    upload_video(shorter, public_id="changing")
    assert played_frames(stream_url(host, "changing")) == 10
