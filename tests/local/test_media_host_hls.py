"""The local media host streams: HLS that plays, for whom it may play."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from local.demo_videos import make_video
from tests.local.media_host_process import (
    MediaHostProcess,
    addresses_in,
    ffmpeg,
    get,
    played_frames,
    running_host,
    stream_url,
    upload_video,
)


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MediaHostProcess]:
    with running_host(tmp_path_factory.mktemp("media") / "state") as host:
        yield host


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("videos") / "video.mp4"
    make_video(path, seconds=3)
    return path


def test_a_small_video_is_streamed_without_preparation(host: MediaHostProcess, video: Path) -> None:
    upload_video(video, public_id="users/u1/v1")
    url = stream_url(host, "users/u1/v1")
    master = get(url)
    [media_url] = addresses_in(url)
    [segment_url] = addresses_in(media_url)
    segment = get(segment_url)

    assert master.headers["Content-Type"] == "application/vnd.apple.mpegurl"
    assert "RESOLUTION=320x180" in master.text
    assert get(media_url).headers["Content-Type"] == "application/vnd.apple.mpegurl"
    assert "#EXT-X-ENDLIST" in get(media_url).text
    assert segment.headers["Content-Type"] == "video/mp2t"
    assert played_frames(url) == 30
    for answer in (master, segment):
        assert answer.headers["Access-Control-Allow-Origin"] == "*"
        part = get(str(answer.url), Range="bytes=1-5")
        assert (part.status_code, part.content) == (206, answer.content[1:6])


def test_every_address_of_an_authenticated_stream_has_its_own_signature(host: MediaHostProcess, video: Path) -> None:
    upload_video(video, public_id="a/b c~d", type="authenticated")
    url = stream_url(host, "a/b c~d", type="authenticated", sign_url=True)
    [media_url] = addresses_in(url)
    [segment_url] = addresses_in(media_url)
    signature = re.compile("s--(.*?)--/")

    assert played_frames(url) == 30
    assert len({signature.findall(address)[0] for address in (url, media_url, segment_url)}) == 3
    for address in (url, media_url, segment_url):
        assert get(address).status_code == 200
        assert get(signature.sub("", address)).status_code == 401
        assert get(signature.sub("s--AAAAAAAA--/", address)).status_code == 401


def test_a_long_video_is_cut_into_segments_of_about_four_seconds(host: MediaHostProcess, tmp_path: Path) -> None:
    path = tmp_path / "long.webm"
    source = ("-f", "lavfi", "-i", "testsrc2=size=101x77:rate=5", "-f", "lavfi", "-i", "sine")
    ffmpeg(*source, "-t", "10", "-c:v", "libvpx", "-b:v", "100k", "-c:a", "libopus", str(path))
    upload_video(path, public_id="long")
    url = stream_url(host, "long")
    [media_url] = addresses_in(url)

    lengths = [float(seconds) for seconds in re.findall(r"#EXTINF:([\d.]+)", get(media_url).text)]
    assert lengths == pytest.approx([4, 4, 2], abs=0.5)
    assert len(addresses_in(media_url)) == 3
    report = ffmpeg("-i", url, "-f", "null", "-")  # VP8 and odd sides are nothing that every player shows
    assert "Video: h264" in report
    assert "100x76" in report
    assert "Audio: aac" in report


def test_a_turned_video_is_streamed_upright(host: MediaHostProcess, video: Path, tmp_path: Path) -> None:
    turned = tmp_path / "turned.mp4"
    ffmpeg("-display_rotation", "90", "-i", str(video), "-c", "copy", str(turned))
    answer = upload_video(turned, public_id="turned")
    assert (answer["width"], answer["height"]) == (180, 320)
    assert "180x320" in ffmpeg("-i", stream_url(host, "turned"), "-f", "null", "-")


def test_a_copied_video_loses_no_quality(host: MediaHostProcess, video: Path, tmp_path: Path) -> None:
    upload_video(video, public_id="copied")
    streamed = tmp_path / "streamed.h264"
    original = tmp_path / "original.h264"
    ffmpeg("-i", stream_url(host, "copied"), "-c", "copy", "-f", "h264", str(streamed))
    ffmpeg("-i", str(video), "-map", "0:v", "-f", "framemd5", str(original))
    ffmpeg("-i", str(streamed), "-f", "framemd5", str(streamed) + ".md5")
    digest = re.compile(r"[0-9a-f]{32}$", re.MULTILINE)
    assert digest.findall(Path(str(streamed) + ".md5").read_text()) == digest.findall(original.read_text())


def test_a_transport_stream_is_delivered_as_it_is_and_as_a_stream(
    host: MediaHostProcess, video: Path, tmp_path: Path
) -> None:
    path = tmp_path / "source.ts"
    ffmpeg("-i", str(video), "-c", "copy", str(path))
    answer = upload_video(path, public_id="transport")
    assert get(answer["url"]).content == path.read_bytes()
    assert played_frames(stream_url(host, "transport")) == 30
