"""What the local S3 host has answered for is there after a stop and after a kill."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.local.s3_host_process import BUCKET, MOVIE, PART_BYTES, S3HostProcess, running_s3_host


def stop(host: S3HostProcess) -> None:
    assert host.stop() == 0


@pytest.fixture(params=[stop, S3HostProcess.kill], ids=["stopped", "killed"])
def end(request: pytest.FixtureRequest) -> Callable[[S3HostProcess], None]:
    way: Callable[[S3HostProcess], None] = request.param
    return way


def test_objects_are_as_they_were(tmp_path: Path, end: Callable[[S3HostProcess], None]) -> None:
    with running_s3_host(tmp_path / "state") as host:
        host.put("a/kept ü.mp4", b"old")
        host.put("a/kept ü.mp4", MOVIE, ContentType="video/mp4", Metadata={"owner": "me"})
        for name in ("gone", "gone too", "gone three"):
            host.put(name, MOVIE)
        host.s3.delete_object(Bucket=BUCKET, Key="gone")
        host.s3.delete_objects(Bucket=BUCKET, Delete={"Objects": [{"Key": "gone too"}, {"Key": "gone three"}]})
        before = host.s3.list_objects_v2(Bucket=BUCKET)["Contents"]
        end(host)
    with running_s3_host(tmp_path / "state") as host:
        assert host.s3.list_objects_v2(Bucket=BUCKET)["Contents"] == before
        assert [found["Key"] for found in before] == ["a/kept ü.mp4"]
        found = host.s3.get_object(Bucket=BUCKET, Key="a/kept ü.mp4")
        assert (found["Body"].read(), found["ContentType"], found["Metadata"]) == (MOVIE, "video/mp4", {"owner": "me"})


def test_an_upload_goes_on_where_it_was(tmp_path: Path, end: Callable[[S3HostProcess], None]) -> None:
    first, last = os.urandom(PART_BYTES), os.urandom(1000)
    with running_s3_host(tmp_path / "state") as host:
        upload_id = host.begin("big.mp4", ContentType="video/mp4")
        parts = [host.send_part("big.mp4", upload_id, 1, first)]
        before, aborted = host.uploads(), host.begin("aborted.mp4")
        host.s3.abort_multipart_upload(Bucket=BUCKET, Key="aborted.mp4", UploadId=aborted)
        end(host)
    with running_s3_host(tmp_path / "state") as host:
        assert host.uploads() == before
        parts.append(host.send_part("big.mp4", upload_id, 2, last))
        host.complete("big.mp4", upload_id, parts)
        etag = host.s3.head_object(Bucket=BUCKET, Key="big.mp4")["ETag"]
        end(host)
    with running_s3_host(tmp_path / "state") as host:
        assert (host.get("big.mp4"), host.uploads()) == (first + last, [])
        found = host.s3.head_object(Bucket=BUCKET, Key="big.mp4")
        assert (found["ETag"], found["ContentType"]) == (etag, "video/mp4")
        host.complete("big.mp4", upload_id, parts)  # the client did not hear of it: nothing to do, no error


def test_what_a_kill_left_half_written_is_cleared_away(tmp_path: Path) -> None:
    state = tmp_path / "state"
    with running_s3_host(state) as host:
        host.put("whole.mp4", MOVIE)
    (state / "objects" / "abc.new").write_bytes(b'{"key": "ha')
    (state / "uploads" / "begun").mkdir()
    with running_s3_host(state) as host:
        listed = host.s3.list_objects_v2(Bucket=BUCKET)["Contents"]
        assert ([found["Key"] for found in listed], host.uploads()) == (["whole.mp4"], [])
    assert (len(list((state / "objects").iterdir())), list((state / "uploads").iterdir())) == (1, [])


def test_a_directory_serves_one_host_at_a_time(tmp_path: Path) -> None:
    with running_s3_host(tmp_path / "state"), pytest.raises(RuntimeError, match="in use by another S3 host"):
        S3HostProcess(tmp_path / "state")


def test_a_port_in_use_is_one_line(tmp_path: Path) -> None:
    with running_s3_host(tmp_path / "state") as host:
        with pytest.raises(RuntimeError, match=f"S3 host: port {host.port} on 127.0.0.1 cannot be used"):
            S3HostProcess(tmp_path / "other", port=host.port)
        host.process.send_signal(signal.SIGINT)
        assert host.process.wait() == 0
