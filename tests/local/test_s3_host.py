"""The local S3 host through boto3 and through presigned addresses; who may do what is in test_s3_host_access.py."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from botocore.exceptions import ClientError, HTTPClientError

from local.catalog import ROOT
from tests.local.s3_host_process import BUCKET, KEY, MOVIE, PART_BYTES, SECRET, S3HostProcess, code, running_s3_host


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3HostProcess]:
    with running_s3_host(tmp_path_factory.mktemp("s3") / "state") as host:
        yield host


@pytest.fixture
def host(shared: S3HostProcess) -> S3HostProcess:
    shared.set_faults({})
    return shared


def test_an_object_comes_back_as_it_was_put(host: S3HostProcess) -> None:
    host.put("a/b c+d.mp4", MOVIE, ContentType="video/mp4", CacheControl="max-age=60", Metadata={"owner": "me"})
    found = host.s3.get_object(Bucket=BUCKET, Key="a/b c+d.mp4")
    assert (found["Body"].read(), found["ContentType"], found["CacheControl"]) == (MOVIE, "video/mp4", "max-age=60")
    assert found["Metadata"] == {"owner": "me"}
    assert host.s3.head_object(Bucket=BUCKET, Key="a/b c+d.mp4")["ContentLength"] == len(MOVIE)


def test_a_range_is_answered_with_that_part(host: S3HostProcess) -> None:
    host.put("ranged.mp4", MOVIE)
    part = httpx.get(host.presign("get_object", "ranged.mp4"), headers={"Range": "bytes=4-7"}, trust_env=False)
    assert (part.status_code, part.content) == (206, b"ftyp")
    assert part.headers["content-range"] == f"bytes 4-7/{len(MOVIE)}"


def test_a_file_is_uploaded_in_parts_by_presigned_addresses(host: S3HostProcess) -> None:
    first, last = os.urandom(PART_BYTES), os.urandom(1000)
    upload_id = host.begin("parts.mp4", ContentType="video/mp4")
    parts = [host.send_part("parts.mp4", upload_id, number, body) for number, body in [(1, first), (2, last)]]
    listed = host.s3.list_parts(Bucket=BUCKET, Key="parts.mp4", UploadId=upload_id)["Parts"]
    assert [(part["PartNumber"], part["Size"]) for part in listed] == [(1, PART_BYTES), (2, 1000)]
    host.complete("parts.mp4", upload_id, parts)
    assert host.get("parts.mp4") == first + last
    assert host.s3.head_object(Bucket=BUCKET, Key="parts.mp4")["ContentType"] == "video/mp4"


def test_an_unfinished_upload_is_listed_with_the_time_of_its_beginning(host: S3HostProcess) -> None:
    began = datetime.now(UTC) - timedelta(milliseconds=1)
    upload_id = host.begin("unfinished.mp4")
    found = next(upload for upload in host.uploads() if upload["UploadId"] == upload_id)
    assert found["Key"] == "unfinished.mp4"
    assert began <= found["Initiated"] <= datetime.now(UTC)
    host.s3.abort_multipart_upload(Bucket=BUCKET, Key="unfinished.mp4", UploadId=upload_id)
    assert upload_id not in [upload["UploadId"] for upload in host.uploads()]


def test_pages_of_any_origin_may_upload_and_play(host: S3HostProcess) -> None:
    origin = {"Origin": "https://app.example"}
    asked = {"Access-Control-Request-Method": "PUT", "Access-Control-Request-Headers": "content-type,x-amz-meta-a"}
    preflight = httpx.options(f"{host.url}/{BUCKET}/page.mp4", headers=origin | asked, trust_env=False)
    assert (preflight.status_code, preflight.headers["access-control-allow-origin"]) == (200, "*")
    assert "PUT" in preflight.headers["access-control-allow-methods"]
    assert preflight.headers["access-control-allow-headers"] == "content-type,x-amz-meta-a"
    put = httpx.put(host.presign("put_object", "page.mp4"), content=b"x", headers=origin, trust_env=False)
    assert (put.status_code, put.headers["access-control-allow-origin"]) == (200, "*")
    assert "ETag" in put.headers["access-control-expose-headers"]


def test_faults_strike_the_operation_they_are_set_for(host: S3HostProcess) -> None:
    host.put("faulty.mp4", MOVIE)
    host.set_faults({"upload": {"status": 503, "times": 1}, "destroy": {"status": 500}, "admin": {"status": 403}})
    with pytest.raises(ClientError, match="ServiceUnavailable"):
        host.put("faulty.mp4", b"new")
    host.put("faulty.mp4", b"new")
    with pytest.raises(ClientError, match="InternalServerError"):
        host.s3.delete_object(Bucket=BUCKET, Key="faulty.mp4")
    with pytest.raises(ClientError, match="Forbidden"):
        host.s3.list_objects_v2(Bucket=BUCKET)
    assert host.get("faulty.mp4") == b"new"
    host.set_faults({"delivery": {"status": 500}})
    assert code(httpx.get(host.presign("get_object", "faulty.mp4"), trust_env=False)) == (500, "InternalServerError")


def test_an_upload_whose_answer_is_lost_has_happened(host: S3HostProcess) -> None:
    host.set_faults({"upload": {"lose_answer": True, "times": 1}})
    with pytest.raises(HTTPClientError):
        host.put("lost.mp4", MOVIE)
    assert host.get("lost.mp4") == MOVIE


def test_a_misspelt_fault_is_refused(host: S3HostProcess) -> None:
    answer = httpx.put(f"{host.url}/_local/faults", json={"uplaod": {}}, trust_env=False)
    assert (answer.status_code, "uplaod" in answer.text) == (400, True)


def test_half_a_body_is_no_object(host: S3HostProcess) -> None:
    url = httpx.URL(host.presign("put_object", "half.mp4"))
    with socket.create_connection(("127.0.0.1", host.port)) as client:
        head = f"PUT {url.raw_path.decode()} HTTP/1.1\r\nHost: 127.0.0.1:{host.port}\r\nContent-Length: 10\r\n\r\n"
        client.sendall(head.encode() + b"half")
        client.shutdown(socket.SHUT_WR)
        assert b"IncompleteBody" in client.makefile("rb").read()
    assert "Contents" not in host.s3.list_objects_v2(Bucket=BUCKET, Prefix="half.mp4")


def test_the_log_shows_paths_without_signatures(host: S3HostProcess) -> None:
    httpx.get(host.presign("get_object", "logged.mp4"), trust_env=False)
    assert f"GET /{BUCKET}/logged.mp4 404 " in host.log
    assert not [secret for secret in ("X-Amz-Signature", SECRET, KEY) if secret in host.log]


@pytest.mark.parametrize("url", ["", "cloudinary://key:hunter2@cloud", "s3://key:hunter2@host/bucket"])
def test_a_host_without_an_account_of_its_own_does_not_start(url: str, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "local.s3_host", "--port", "0", "--state", str(tmp_path)]
    environ = {"PATH": os.environ["PATH"], "MEDIA_URL": url}
    done = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert done.stderr.startswith("S3 host: MEDIA_URL ")
    assert "hunter2" not in done.stderr
