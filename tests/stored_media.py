"""What a media host holds, by its own list: of Cloudinary and of any bucket."""

from __future__ import annotations

from pathlib import Path

from common.media_account import CloudinaryAccount, S3Account, parse


def media_ids(url: str, path: str = "") -> list[str]:
    """The media ids that begin with `path`, of the account that the MEDIA_URL names."""
    account = parse(url)
    return _in_bucket(account, path) if isinstance(account, S3Account) else _in_cloudinary(account, path)


def _in_cloudinary(account: CloudinaryAccount, path: str) -> list[str]:
    """Through the Admin API: public files and private ones."""
    import cloudinary.api

    options = {"resource_type": "video", "prefix": path, "max_results": 500, "upload_prefix": account.upload_prefix}
    options |= {"cloud_name": account.cloud_name, "api_key": account.api_key, "api_secret": account.api_secret}
    found = [cloudinary.api.resources(type=kind, **options)["resources"] for kind in ("upload", "authenticated")]
    return [asset["public_id"] for kind in found for asset in kind]


def _in_bucket(account: S3Account, path: str) -> list[str]:
    """A key is a media id and an extension."""
    import boto3
    from botocore.config import Config

    client = boto3.session.Session().client(
        "s3",
        endpoint_url=account.endpoint_url,
        region_name=account.region,
        aws_access_key_id=account.access_key_id,
        aws_secret_access_key=account.secret_access_key,
        config=Config(signature_version="s3v4", s3={"addressing_style": "path"}),
    )
    pages = client.get_paginator("list_objects_v2").paginate(Bucket=account.bucket, Prefix=path)
    return [str(Path(found["Key"]).with_suffix("")) for page in pages for found in page.get("Contents", [])]
