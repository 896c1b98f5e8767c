"""Who may do what at the local S3 host: what a presigned address is good for, and what needs no signature."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from botocore.exceptions import ClientError

from tests.cloud import eventually
from tests.local.s3_host_process import BUCKET, MOVIE, S3HostProcess, code, running_s3_host


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3HostProcess]:
    with running_s3_host(tmp_path_factory.mktemp("s3") / "state") as host:
        yield host


@pytest.mark.parametrize(
    ("old", "new", "length"),
    [
        ("mine.mp4", "other.mp4", 9),
        ("partNumber=1", "partNumber=2", 9),
        ("", "", 8),
        ("", "", 10),
        ("X-Amz-Expires=600", "X-Amz-Expires=6000", 9),
    ],
    ids=["another key", "another part", "less", "more", "a longer life"],
)
def test_a_presigned_part_is_good_for_nothing_else(host: S3HostProcess, old: str, new: str, length: int) -> None:
    upload_id = host.begin("mine.mp4")
    values: dict[str, Any] = {"UploadId": upload_id, "PartNumber": 1, "ContentLength": 9}
    url = host.presign("upload_part", "mine.mp4", **values).replace(old, new)
    assert code(httpx.put(url, content=b"x" * length, trust_env=False)) == (403, "SignatureDoesNotMatch")
    assert "Parts" not in host.s3.list_parts(Bucket=BUCKET, Key="mine.mp4", UploadId=upload_id)


def test_an_upload_id_is_good_for_its_own_key_alone(host: S3HostProcess) -> None:
    upload_id = host.begin("mine.mp4")
    url = host.presign("upload_part", "other.mp4", UploadId=upload_id, PartNumber=1)
    assert code(httpx.put(url, content=b"x", trust_env=False)) == (404, "NoSuchUpload")
    with pytest.raises(ClientError, match="NoSuchUpload"):
        host.complete("mine.mp4", "unknown", [{"PartNumber": 1, "ETag": "x"}])


def test_a_presigned_address_takes_no_header_that_was_not_signed(host: S3HostProcess) -> None:
    host.put("secret.mp4", MOVIE)
    url = host.presign("put_object", "copy.mp4")
    copied = httpx.put(url, headers={"x-amz-copy-source": f"/{BUCKET}/secret.mp4"}, trust_env=False)
    assert code(copied) == (403, "AccessDenied")


def test_a_presigned_address_expires(host: S3HostProcess) -> None:
    host.put("brief.mp4", MOVIE)
    url = host.presign("get_object", "brief.mp4", seconds=1)
    answer = eventually(lambda: refused if (refused := httpx.get(url, trust_env=False)).status_code != 200 else None)
    assert code(answer) == (403, "AccessDenied")
    assert "Request has expired" in answer.text


def test_nothing_is_answered_without_a_signature(host: S3HostProcess) -> None:
    host.put("private.mp4", MOVIE)
    address = f"{host.url}/{BUCKET}/private.mp4"
    answers = [httpx.request(method, address, trust_env=False) for method in ("GET", "HEAD", "PUT", "POST", "DELETE")]
    answers.append(httpx.get(f"{host.url}/{BUCKET}", trust_env=False))
    assert {answer.status_code for answer in answers} == {403}
    assert code(answers[0]) == (403, "AccessDenied")
    assert host.get("private.mp4") == MOVIE


@pytest.mark.parametrize(
    ("credentials", "refusal"),
    [
        ({"aws_secret_access_key": "wrong"}, "SignatureDoesNotMatch"),
        ({"aws_access_key_id": "AKIAOTHER"}, "InvalidAccessKeyId"),
        ({"region_name": "us-east-2"}, "AuthorizationHeaderMalformed"),
    ],
)
def test_other_credentials_are_refused(host: S3HostProcess, credentials: dict[str, str], refusal: str) -> None:
    with pytest.raises(ClientError, match=refusal):
        host.client(**credentials).list_objects_v2(Bucket=BUCKET)


@pytest.mark.parametrize("authorization", ["Basic eDp5", "AWS4-HMAC-SHA256 Credential=x"])
def test_a_malformed_authorization_is_the_clients_fault(host: S3HostProcess, authorization: str) -> None:
    answer = httpx.get(f"{host.url}/{BUCKET}/x", headers={"Authorization": authorization}, trust_env=False)
    assert code(answer) == (400, "AuthorizationHeaderMalformed")


def test_another_bucket_does_not_exist(host: S3HostProcess) -> None:
    with pytest.raises(ClientError, match="NoSuchBucket"):
        host.s3.list_objects_v2(Bucket="another")


def test_a_public_bucket_is_read_by_everybody_and_written_by_nobody_else(tmp_path: Path) -> None:
    with running_s3_host(tmp_path / "state", "--public-read") as host:
        host.put("public.mp4", MOVIE)
        address = f"{host.url}/{BUCKET}/public.mp4"
        assert httpx.get(address, headers={"Range": "bytes=4-7"}, trust_env=False).content == b"ftyp"
        assert httpx.head(address, trust_env=False).headers["content-length"] == str(len(MOVIE))
        refused = [httpx.put(address, content=b"x", trust_env=False), httpx.delete(address, trust_env=False)]
        refused += [httpx.get(f"{host.url}/{BUCKET}?{query}", trust_env=False) for query in ("", "uploads")]
        assert {code(answer) for answer in refused} == {(403, "AccessDenied")}
        assert host.get("public.mp4") == MOVIE
