"""A browser that goes on with an upload after a break finds at the local media host what it left there."""

from __future__ import annotations

import os
import socket
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import cloudinary.uploader
import httpx
import pytest

from local.demo_videos import make_video
from tests.local.media_host_process import CLOUD, MediaHostProcess, running_host, signed_form

CHUNK_BYTES = 5 * 1024 * 1024
VIDEO_BYTES = 3 * CHUNK_BYTES - 1000
STARTS = (0, CHUNK_BYTES, 2 * CHUNK_BYTES)
TICKET = {"public_id": "users/u1/v1", "type": "authenticated", "overwrite": "0", "allowed_formats": "mp4,webm"}


@pytest.fixture
def host(tmp_path: Path) -> Iterator[MediaHostProcess]:
    with running_host(tmp_path / "state") as host:
        yield host


@pytest.fixture(scope="module")
def content(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("videos") / "large.mp4"
    make_video(path, seconds=1, size_bytes=VIDEO_BYTES)
    return path.read_bytes()


def send(host: MediaHostProcess, content: bytes, start: int, *, age_seconds: int = 0, **changed: str) -> dict[str, Any]:
    """The answer to the chunk at `start`, with a ticket signed so many seconds ago."""
    chunk = content[start : start + CHUNK_BYTES]
    ticket = TICKET | changed | {"timestamp": str(int(time.time()) - age_seconds)}
    answer = httpx.post(
        f"{host.url}/v1_1/{CLOUD}/video/upload",
        data=signed_form(ticket),
        files={"file": ("blob", chunk)},
        headers={"X-Unique-Upload-Id": "u", "Content-Range": f"bytes {start}-{start + len(chunk) - 1}/{len(content)}"},
        trust_env=False,
        timeout=60,
    )
    assert answer.status_code == 200, answer.text
    document: dict[str, Any] = answer.json()
    return document


def delivered(answer: dict[str, Any]) -> bytes:
    return httpx.get(answer["url"], trust_env=False, timeout=60).content


def test_each_chunk_may_come_with_a_new_ticket(host: MediaHostProcess, content: bytes) -> None:
    answers = [send(host, content, start, age_seconds=age) for start, age in zip(STARTS, (3590, 60, 0), strict=True)]
    assert [answer["done"] for answer in answers] == [False, False, True]
    assert delivered(answers[-1]) == content


def test_every_chunk_may_come_twice(host: MediaHostProcess, content: bytes) -> None:
    for start in STARTS[:2]:
        first, again = (send(host, content, start) for _ in range(2))
        assert first == again
    first, again = (send(host, content, STARTS[2]) for _ in range(2))
    assert first == again
    assert send(host, content, 0)["bytes"] == VIDEO_BYTES  # it has come already, too
    assert delivered(again) == content


def test_an_upload_may_begin_anew_under_its_id(host: MediaHostProcess, content: bytes) -> None:
    for start in STARTS[:2]:
        send(host, content, start)
    assert delivered([send(host, content, start) for start in STARTS][-1]) == content


@pytest.mark.parametrize("cut", STARTS)
def test_a_chunk_whose_connection_broke_counts_for_nothing(host: MediaHostProcess, content: bytes, cut: int) -> None:
    for start in STARTS[: STARTS.index(cut)]:
        send(host, content, start)
    before = host.kept_files()
    head = (
        f"POST /v1_1/{CLOUD}/video/upload HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/form-data; boundary=b\r\n"
        f"X-Unique-Upload-Id: u\r\nContent-Range: bytes {cut}-{cut + CHUNK_BYTES - 1}/{VIDEO_BYTES}\r\n"
        f'Content-Length: {CHUNK_BYTES}\r\n\r\n--b\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n'
    )
    with socket.create_connection(("127.0.0.1", host.port)) as half:
        half.sendall(head.encode() + content[cut : cut + 1_000_000])
        while host.kept_files() == before:
            time.sleep(0.01)
    while host.kept_files() != before:
        time.sleep(0.01)
    answers = [send(host, content, start) for start in STARTS[STARTS.index(cut) :]]
    assert delivered(answers[-1]) == content


def test_an_upload_goes_on_after_a_kill_at_each_chunk(tmp_path: Path, content: bytes) -> None:
    answers = []
    for start in (*STARTS, STARTS[-1]):
        with running_host(tmp_path / "state") as host:
            answers.append(send(host, content, start))
            if start == STARTS[-1]:
                assert delivered(answers[-1]) == content
    assert answers[-1]["version_id"] == answers[-2]["version_id"]


def test_a_kill_before_the_upload_was_finished_loses_nothing(host: MediaHostProcess, content: bytes) -> None:
    """Every chunk had arrived; what the host had begun to make of them did not become valid any more."""
    for start in STARTS[:2]:
        send(host, content, start)
    host.kill()
    [collected] = (host.state / "chunked").iterdir()
    collected.write_bytes(content)
    with closing(sqlite3.connect(host.state / "media.db")) as database, database:
        database.execute("update chunked_uploads set received_bytes = ?", (VIDEO_BYTES,))
    os.link(collected, host.state / "files" / "0123.mp4")
    with running_host(host.state) as survivor:
        answer = send(survivor, content, STARTS[-1])
        assert delivered(answer) == content
        assert survivor.kept_files() == [f"{answer['version_id']}.mp4"]


def test_overwrite_0_leaves_the_video_that_is_there_also_in_chunks(
    host: MediaHostProcess, content: bytes, tmp_path: Path
) -> None:
    path = tmp_path / "first.mp4"
    make_video(path, seconds=1)
    named = {"public_id": TICKET["public_id"], "type": TICKET["type"]}
    first = cloudinary.uploader.upload(str(path), resource_type="video", **named)

    answers = [send(host, content, start) for start in (*STARTS, STARTS[-1])]
    for answer in answers[2:]:
        assert (answer["done"], answer["existing"]) == (True, True)
        assert (answer["version_id"], answer["etag"]) == (first["version_id"], first["etag"])
    assert delivered(first) == path.read_bytes()
    assert host.kept_files() == [f"{first['version_id']}.mp4"]


def test_an_order_is_answered_again_with_the_last_chunk(host: MediaHostProcess, content: bytes) -> None:
    host.set_faults({"eager": {"hang_seconds": 600}})
    answers = [send(host, content, start, eager="sp_hd/m3u8", eager_async="1") for start in (*STARTS, STARTS[-1])]
    assert answers[2]["eager"] == answers[3]["eager"]
    assert answers[3]["eager"][0]["status"] == "processing"


def test_a_state_from_before_is_opened(host: MediaHostProcess, content: bytes) -> None:
    send(host, content, 0)
    host.kill()
    with closing(sqlite3.connect(host.state / "media.db")) as database, database:
        database.execute("alter table chunked_uploads drop column existed")
        database.execute("drop table eager_orders")
    with running_host(host.state) as survivor:
        assert send(survivor, content, STARTS[1])["bytes"] == 2 * CHUNK_BYTES
