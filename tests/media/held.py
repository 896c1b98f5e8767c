"""What a media host really holds, by its own word, and losing it behind everybody's back."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any, Protocol

import httpx

from common.media_account import CloudinaryAccount, S3Account, parse


@dataclass(frozen=True)
class Holdings:
    """By media id, in bytes: `files` that are whole (each size), and what has arrived of those that are not."""

    files: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    parts: dict[str, int] = field(default_factory=lambda: defaultdict(int))


class Shelf(Protocol):
    """`folders` are the beginnings of media ids that count."""

    def holdings(self, folders: Collection[str]) -> Holdings: ...

    def lose(self, media_id: str) -> None:
        """The file is gone, and nobody was told."""

    def close(self) -> None: ...


class CloudinaryShelf:
    """Through the Admin API. What has arrived of a chunked upload is shown nowhere, and nobody is billed for it."""

    def __init__(self, account: CloudinaryAccount) -> None:
        self._client = httpx.Client(
            base_url=f"{account.upload_prefix}/v1_1/{account.cloud_name}/resources/video",
            auth=(account.api_key, account.api_secret),
            trust_env=False,
            timeout=60,
        )

    def holdings(self, folders: Collection[str]) -> Holdings:
        found = Holdings()
        for folder in folders:
            page = self._client.get("", params={"prefix": folder, "max_results": 500}).raise_for_status().json()
            assert "next_cursor" not in page
            for asset in page["resources"]:
                found.files[asset["public_id"]].append(asset["bytes"])
        return found

    def lose(self, media_id: str) -> None:
        self._client.request("DELETE", "/upload", json={"public_ids": [media_id]}).raise_for_status()

    def close(self) -> None:
        self._client.close()


class S3Shelf:
    """A key is a media id and an extension."""

    def __init__(self, account: S3Account) -> None:
        import boto3
        from botocore.config import Config

        self._bucket = account.bucket
        self._client = boto3.session.Session().client(
            "s3",
            endpoint_url=account.endpoint_url,
            region_name=account.region,
            aws_access_key_id=account.access_key_id,
            aws_secret_access_key=account.secret_access_key,
            config=Config(signature_version="s3v4", s3={"addressing_style": "path"}),
        )

    def holdings(self, folders: Collection[str]) -> Holdings:
        found = Holdings()
        for one in self._pages("list_objects_v2", "Contents", folders):
            found.files[_media_id(one["Key"])].append(one["Size"])
        for one in self._pages("list_multipart_uploads", "Uploads", folders):
            named = {"Bucket": self._bucket, "Key": one["Key"], "UploadId": one["UploadId"]}
            parts = self._client.list_parts(**named).get("Parts", [])
            found.parts[_media_id(one["Key"])] += sum(part["Size"] for part in parts)
        return found

    def lose(self, media_id: str) -> None:
        for one in self._pages("list_objects_v2", "Contents", [media_id]):
            self._client.delete_object(Bucket=self._bucket, Key=one["Key"])

    def close(self) -> None:
        self._client.close()

    def _pages(self, listing: str, of: str, folders: Collection[str]) -> Iterator[dict[str, Any]]:
        """All that is there, in one go: other tests' files are few."""
        for page in self._client.get_paginator(listing).paginate(Bucket=self._bucket):
            yield from (one for one in page.get(of, []) if one["Key"].startswith(tuple(folders)))


def shelf(media_url: str) -> Shelf:
    """The one of a MEDIA_URL."""
    account = parse(media_url)
    return S3Shelf(account) if isinstance(account, S3Account) else CloudinaryShelf(account)


def _media_id(key: str) -> str:
    return str(PurePosixPath(key).with_suffix(""))
