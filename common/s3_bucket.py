"""One bucket of an S3-compatible host, through boto3, imported at first use.

https://docs.aws.amazon.com/AmazonS3/latest/API/. The key needs s3:PutObject, s3:GetObject, s3:DeleteObject,
s3:AbortMultipartUpload, s3:ListMultipartUploadParts, s3:ListBucket and s3:ListBucketMultipartUploads on the bucket.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from functools import wraps
from typing import IO, Any, Concatenate, ParamSpec, TypeVar

from common.imports import VENDOR_IMPORTS, once
from common.media import unavailable
from common.media_account import S3Account

CONNECT_TIMEOUT_SECONDS = 2
READ_TIMEOUT_SECONDS = 10
_GONE = ("404", "NoSuchKey", "NoSuchUpload")

Arguments = ParamSpec("Arguments")
Answer = TypeVar("Answer")


class Gone(Exception):
    """There is no such object, or no such multipart upload (any more)."""


@dataclass(frozen=True)
class File:
    key: str
    size_bytes: int


@dataclass(frozen=True, order=True)
class Multipart:
    """A multipart upload under way; the oldest sorts first."""

    initiated_at: datetime
    id: str
    key: str


@dataclass(frozen=True)
class Part:
    """A part that has arrived whole."""

    number: int
    size_bytes: int
    etag: str


def _translated(
    ask: Callable[Concatenate[Bucket, Arguments], Answer],
) -> Callable[Concatenate[Bucket, Arguments], Answer]:
    """A bucket's method with boto3's errors as ours: Gone or DependencyUnavailable."""

    @wraps(ask)
    def asking(bucket: Bucket, /, *arguments: Arguments.args, **named: Arguments.kwargs) -> Answer:
        with VENDOR_IMPORTS:
            from botocore.exceptions import BotoCoreError, ClientError

        try:
            return ask(bucket, *arguments, **named)
        except ClientError as refused:
            if refused.response["Error"]["Code"] in _GONE:
                raise Gone from refused
            raise unavailable(ask.__name__, "", refused) from refused
        except BotoCoreError as failed:
            raise unavailable(ask.__name__, "", failed) from failed

    return asking


class Bucket:
    """Every method that asks the host raises DependencyUnavailable when it is slow, down or refuses our key."""

    def __init__(self, account: S3Account) -> None:
        self._account = account

    @_translated
    def put(self, key: str, file: IO[bytes], content_type: str) -> None:
        self._client.put_object(Bucket=self._account.bucket, Key=key, Body=file, ContentType=content_type)

    def size(self, key: str) -> int | None:
        """In bytes; None without such an object."""
        try:
            return self._head(key)
        except Gone:
            return None

    @_translated
    def read(self, key: str, offset: int, length: int) -> bytes:
        """Raises Gone."""
        answer = self._client.get_object(
            Bucket=self._account.bucket, Key=key, Range=f"bytes={offset}-{offset + length - 1}"
        )
        content: bytes = answer["Body"].read()
        return content

    @_translated
    def delete(self, key: str) -> None:
        """Nothing there is success."""
        self._client.delete_object(Bucket=self._account.bucket, Key=key)

    @_translated
    def files(self, prefix: str, after: str = "") -> list[File]:
        """The next 1,000 files whose key begins with `prefix`, in the order of their keys."""
        page = self._client.list_objects_v2(Bucket=self._account.bucket, Prefix=prefix, StartAfter=after)
        return [File(file["Key"], file["Size"]) for file in page.get("Contents", [])]

    @_translated
    def begin(self, key: str, content_type: str) -> None:
        """Begins a multipart upload; `multiparts` names it."""
        self._client.create_multipart_upload(Bucket=self._account.bucket, Key=key, ContentType=content_type)

    @_translated
    def multiparts(self, prefix: str) -> list[Multipart]:
        """Those under way whose key begins with `prefix`, the oldest first."""
        pages = self._client.get_paginator("list_multipart_uploads").paginate(
            Bucket=self._account.bucket, Prefix=prefix
        )
        found = [one for page in pages for one in page.get("Uploads", [])]
        return sorted(Multipart(one["Initiated"], one["UploadId"], one["Key"]) for one in found)

    @_translated
    def parts(self, multipart: Multipart) -> list[Part]:
        """Raises Gone. At most 1,000: a ticket has fewer."""
        page = self._client.list_parts(Bucket=self._account.bucket, Key=multipart.key, UploadId=multipart.id)
        return [Part(part["PartNumber"], part["Size"], part["ETag"]) for part in page.get("Parts", [])]

    @_translated
    def complete(self, multipart: Multipart, parts: Sequence[Part]) -> None:
        """Raises Gone."""
        listed = [{"PartNumber": part.number, "ETag": part.etag} for part in parts]
        self._client.complete_multipart_upload(
            Bucket=self._account.bucket, Key=multipart.key, UploadId=multipart.id, MultipartUpload={"Parts": listed}
        )

    def abort(self, multipart: Multipart) -> None:
        """Done already is success."""
        with suppress(Gone):
            self._abort(multipart)

    def signed_address(self, key: str, seconds: int) -> str:
        """An address to read an object from, for so long. No I/O."""
        return self._signed("get_object", {"Key": key}, seconds)

    def signed_part_address(self, multipart: Multipart, part: int, size_bytes: int, seconds: int) -> str:
        """An address to PUT one part to: its number and its exact length are signed. No I/O."""
        one = {"Key": multipart.key, "UploadId": multipart.id, "PartNumber": part, "ContentLength": size_bytes}
        return self._signed("upload_part", one, seconds)

    @_translated
    def _head(self, key: str) -> int:
        return int(self._client.head_object(Bucket=self._account.bucket, Key=key)["ContentLength"])

    @_translated
    def _abort(self, multipart: Multipart) -> None:
        self._client.abort_multipart_upload(Bucket=self._account.bucket, Key=multipart.key, UploadId=multipart.id)

    def _signed(self, operation: str, parameters: dict[str, Any], seconds: int) -> str:
        address: str = self._client.generate_presigned_url(
            operation, Params={"Bucket": self._account.bucket, **parameters}, ExpiresIn=seconds
        )
        return address

    @once
    def _client(self) -> Any:
        import boto3
        from botocore.config import Config

        # Hosts other than AWS know neither virtual host names nor the checksums that boto3 adds by default since 1.36.
        config = Config(
            signature_version="s3v4",
            s3={"addressing_style": "path"},
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
            connect_timeout=CONNECT_TIMEOUT_SECONDS,
            read_timeout=READ_TIMEOUT_SECONDS,
            retries={"mode": "standard", "total_max_attempts": 2},
        )
        return boto3.client(
            "s3",
            endpoint_url=self._account.endpoint_url,
            region_name=self._account.region,
            aws_access_key_id=self._account.access_key_id,
            aws_secret_access_key=self._account.secret_access_key,
            config=config,
        )
