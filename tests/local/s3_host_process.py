"""The local S3 host as a process of its own, and boto3's clients of it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
import httpx
from botocore.config import Config

from local.catalog import ROOT

BUCKET, KEY, SECRET, REGION = "reelay", "AKIALOCALTEST", "s3/host+test/secret", "eu-central-1"
MOVIE = b"\0\0\0\x18ftypmp42 and the rest of it"
READY = re.compile(r"S3 host ready on 127\.0\.0\.1:(\d+)")
PART_BYTES = 5 * 1024 * 1024  # the smallest that S3 takes, but for the last one


class S3HostProcess:
    """A started host; `log` is what it printed, `s3` boto3's client with its account."""

    def __init__(self, state: Path, *options: str, port: int = 0) -> None:
        self.state = state
        self._log_path = state.with_suffix(".log")
        command = [sys.executable, "-m", "local.s3_host", "--port", str(port), "--state", str(state), "--faults"]
        environ = {"PATH": os.environ["PATH"], "MEDIA_URL": f"s3://{KEY}:{SECRET}@host/{BUCKET}?region={REGION}"}
        with self._log_path.open("a") as log:
            before = self._log_path.stat().st_size
            self.process = subprocess.Popen([*command, *options], cwd=ROOT, env=environ, stdout=log, stderr=log)
        self.port = self._await_port(before)
        self.url = f"http://127.0.0.1:{self.port}"
        self.s3 = self.client()

    def client(self, **credentials: str) -> Any:
        """boto3's client as Reelay makes it, with other credentials if any are given."""
        config = Config(
            signature_version="s3v4",
            s3={"addressing_style": "path"},
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
            retries={"total_max_attempts": 1},
        )
        account = {"aws_access_key_id": KEY, "aws_secret_access_key": SECRET, "region_name": REGION} | credentials
        return boto3.session.Session().client("s3", endpoint_url=self.url, config=config, **account)

    def presign(self, operation: str, key: str, seconds: int = 600, **parameters: Any) -> str:
        """An address that allows one operation."""
        values = {"Bucket": BUCKET, "Key": key, **parameters}
        return str(self.s3.generate_presigned_url(operation, Params=values, ExpiresIn=seconds))

    def put(self, key: str, body: bytes, **options: Any) -> None:
        self.s3.put_object(Bucket=BUCKET, Key=key, Body=body, **options)

    def get(self, key: str) -> bytes:
        body: bytes = self.s3.get_object(Bucket=BUCKET, Key=key)["Body"].read()
        return body

    def begin(self, key: str, **options: Any) -> str:
        """The id of a new multipart upload."""
        return str(self.s3.create_multipart_upload(Bucket=BUCKET, Key=key, **options)["UploadId"])

    def send_part(self, key: str, upload_id: str, number: int, body: bytes) -> dict[str, Any]:
        """Sends a part as a browser does; answers what completing the upload has to say of it."""
        values: dict[str, Any] = {"UploadId": upload_id, "PartNumber": number, "ContentLength": len(body)}
        answer = httpx.put(self.presign("upload_part", key, **values), content=body, trust_env=False)
        assert answer.status_code == 200, answer.text
        return {"PartNumber": number, "ETag": answer.headers["ETag"]}

    def complete(self, key: str, upload_id: str, parts: list[dict[str, Any]]) -> None:
        self.s3.complete_multipart_upload(Bucket=BUCKET, Key=key, UploadId=upload_id, MultipartUpload={"Parts": parts})

    def uploads(self) -> list[dict[str, Any]]:
        listed: list[dict[str, Any]] = self.s3.list_multipart_uploads(Bucket=BUCKET).get("Uploads", [])
        return listed

    @property
    def log(self) -> str:
        return self._log_path.read_text()

    def set_faults(self, faults: dict[str, object]) -> None:
        httpx.put(f"{self.url}/_local/faults", json=faults, trust_env=False).raise_for_status()

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def stop(self) -> int:
        self.process.terminate()
        return self.process.wait()

    def _await_port(self, before: int) -> int:
        while self.process.poll() is None:
            if ready := READY.search(self.log[before:]):
                return int(ready[1])
            time.sleep(0.02)
        raise RuntimeError(f"the S3 host did not start: {self.log}")


def code(answer: httpx.Response) -> tuple[int, str]:
    """The status, and S3's code in the document."""
    return answer.status_code, answer.text.partition("<Code>")[2].partition("</Code>")[0]


@contextmanager
def running_s3_host(state: Path, *options: str) -> Iterator[S3HostProcess]:
    """A host on `state`, ended at the end whatever became of it."""
    host = S3HostProcess(state, *options)
    try:
        yield host
    finally:
        host.kill()
