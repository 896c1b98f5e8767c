"""The local media host collects large files in chunks and loses nothing that it has answered for, whatever kills it."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cloudinary.api
import cloudinary.exceptions
import cloudinary.uploader
import cloudinary.utils
import httpx
import pytest

from local.demo_videos import make_video
from tests.local.media_host_process import CLOUD, KEY, SECRET, MediaHostProcess, running_host

CHUNK_BYTES = 6_000_000
VIDEO_BYTES = 12_000_000


@pytest.fixture
def host(tmp_path: Path) -> Iterator[MediaHostProcess]:
    with running_host(tmp_path / "state") as host:
        yield host


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("videos") / "large.mp4"
    make_video(path, seconds=1, size_bytes=VIDEO_BYTES)
    return path


def send_chunk(host: MediaHostProcess, content: bytes, start: int, total: int = VIDEO_BYTES, **params: str) -> Any:
    """One chunk of the upload `u`; the answer's status and body."""
    signed = {"timestamp": str(int(time.time())), "public_id": "large", **params}
    form = {**signed, "api_key": KEY, "signature": cloudinary.utils.api_sign_request(signed, SECRET)}
    headers = {"X-Unique-Upload-Id": "u", "Content-Range": f"bytes {start}-{start + len(content) - 1}/{total}"}
    answer = httpx.post(
        f"{host.url}/v1_1/{CLOUD}/video/upload",
        data=form,
        files={"file": ("large.mp4", content)},
        headers=headers,
        trust_env=False,
        timeout=60,
    )
    return answer.status_code, answer.json()


def restarted(host: MediaHostProcess) -> MediaHostProcess:
    """The same state after SIGKILL, served by a new process. The caller ends it."""
    host.kill()
    return MediaHostProcess(host.state)


def test_the_sdk_uploads_a_large_file_in_chunks(host: MediaHostProcess, video: Path) -> None:
    answer = cloudinary.uploader.upload_large(
        str(video), resource_type="video", public_id="large", chunk_size=CHUNK_BYTES, filename="large.mp4"
    )
    assert (answer["done"], answer["public_id"], answer["bytes"]) == (True, "large", VIDEO_BYTES)
    assert httpx.get(answer["url"], trust_env=False).content == video.read_bytes()
    assert host.kept_files() == [f"{answer['version_id']}.mp4"]


def test_a_small_chunk_is_refused_unless_it_is_the_last(host: MediaHostProcess, video: Path) -> None:
    content = video.read_bytes()
    status, answer = send_chunk(host, content[:1_000_000], 0)
    assert status == 400
    assert answer["error"]["message"] == "All parts except EOF-chunk must be larger than 5mb"
    assert send_chunk(host, content[:11_500_000], 0)[1]["done"] is False
    assert send_chunk(host, content[11_500_000:], 11_500_000)[1]["done"] is True


def test_chunks_have_to_come_in_order_and_of_one_upload(host: MediaHostProcess, video: Path) -> None:
    content = video.read_bytes()
    assert send_chunk(host, content[CHUNK_BYTES:], CHUNK_BYTES)[0] == 400
    assert send_chunk(host, content[:CHUNK_BYTES], 0)[1]["bytes"] == CHUNK_BYTES
    assert send_chunk(host, content[CHUNK_BYTES:], CHUNK_BYTES, public_id="another")[0] == 400
    assert send_chunk(host, content[CHUNK_BYTES:-1], CHUNK_BYTES, total=VIDEO_BYTES - 1)[0] == 400


def test_the_signature_is_checked_at_each_chunk(host: MediaHostProcess, video: Path) -> None:
    content = video.read_bytes()
    send_chunk(host, content[:CHUNK_BYTES], 0)
    status, answer = send_chunk(host, content[CHUNK_BYTES:], CHUNK_BYTES, timestamp=str(int(time.time()) - 3700))
    assert status == 400
    assert answer["error"]["message"].startswith("Stale request")


def test_a_chunk_may_be_sent_again_when_its_answer_was_lost(host: MediaHostProcess, video: Path) -> None:
    content = video.read_bytes()
    for _ in range(2):
        assert send_chunk(host, content[:CHUNK_BYTES], 0)[1]["bytes"] == CHUNK_BYTES
    first, second = (send_chunk(host, content[CHUNK_BYTES:], CHUNK_BYTES)[1] for _ in range(2))
    assert first["done"] is True
    assert (second["version"], second["etag"]) == (first["version"], first["etag"])


def test_a_large_file_that_is_no_video_leaves_nothing(host: MediaHostProcess) -> None:
    content = bytes(VIDEO_BYTES)
    send_chunk(host, content[:CHUNK_BYTES], 0)
    assert send_chunk(host, content[CHUNK_BYTES:], CHUNK_BYTES)[0] == 400
    assert host.kept_files() == []


def test_an_upload_goes_on_after_the_host_was_killed(host: MediaHostProcess, video: Path) -> None:
    content = video.read_bytes()
    send_chunk(host, content[:CHUNK_BYTES], 0)
    survivor = restarted(host)
    try:
        assert send_chunk(survivor, content[CHUNK_BYTES:], CHUNK_BYTES)[1]["done"] is True
    finally:
        survivor.kill()


def test_assets_survive_the_host_being_killed(host: MediaHostProcess, video: Path) -> None:
    before = cloudinary.uploader.upload(str(video), resource_type="video", public_id="kept")
    survivor = restarted(host)
    try:
        after = cloudinary.api.resource("kept", resource_type="video")
        assert (after["asset_id"], after["version"]) == (before["asset_id"], before["version"])
        assert httpx.get(after["url"], trust_env=False).content == video.read_bytes()
    finally:
        survivor.kill()


def test_a_kill_in_the_middle_of_an_upload_leaves_nothing_visible(host: MediaHostProcess, video: Path) -> None:
    head = (
        f"POST /v1_1/{CLOUD}/video/upload HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/form-data; boundary=b\r\n"
        f'Content-Length: {VIDEO_BYTES}\r\n\r\n--b\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n'
    )
    with socket.create_connection(("127.0.0.1", host.port)) as half:
        half.sendall(head.encode() + video.read_bytes()[:CHUNK_BYTES])
        while not host.kept_files():
            time.sleep(0.01)
        survivor = restarted(host)
    try:
        assert cloudinary.api.resources(resource_type="video")["resources"] == []
        assert survivor.kept_files() == []
    finally:
        survivor.kill()
