"""MEDIA_URL: which media host holds the files, and the account there. Its scheme is the one switch between hosts.

cloudinary://KEY:SECRET@CLOUD[?webhook_secret=OLD][&signature_algorithm=sha256][&upload_prefix=ADDRESS]
s3://KEY:SECRET@HOST[/ENDPOINT/PATH]/BUCKET?region=eu-central-1[&tls=off]
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import parse_qs

CLOUDINARY_EXAMPLE = "cloudinary://KEY:SECRET@CLOUD"
S3_EXAMPLE = "s3://KEY:SECRET@HOST/BUCKET?region=REGION"
_CLOUDINARY = re.compile(r"cloudinary://([^:@/?\s]+):([^:@/?\s]+)@([\w-]+)/?(?:\?(\S*))?")
# The secret runs to the last @: those of AWS hold / and +, and nobody should have to encode them.
_S3 = re.compile(r"s3://([^:@/?\s]+):(\S+)@([\w.-]+(?::\d+)?)((?:/[\w.-]+)*)/([\w.-]+)/?\?(\S+)")


@dataclass(frozen=True)
class CloudinaryAccount:
    """`webhook_secrets` sign notifications: the account's own secret, and those that webhook_secret adds, because
    Cloudinary signs with the oldest active key (https://cloudinary.com/documentation/notification_signatures)."""

    cloud_name: str
    api_key: str
    api_secret: str = field(repr=False)
    upload_prefix: str = "https://api.cloudinary.com"
    signature_algorithm: Literal["sha1", "sha256"] = "sha1"
    webhook_secrets: tuple[str, ...] = field(default=(), repr=False)

    @property
    def delivery_url(self) -> str:
        return f"https://res.cloudinary.com/{self.cloud_name}"


@dataclass(frozen=True)
class S3Account:
    """A bucket behind an S3-compatible endpoint, addressed by path."""

    access_key_id: str
    secret_access_key: str = field(repr=False)
    endpoint_url: str
    bucket: str
    region: str
    webhook_secrets: tuple[str, ...] = ()  # a bucket notifies nobody

    @property
    def delivery_url(self) -> str:
        return f"{self.endpoint_url}/{self.bucket}"


def parse(text: str) -> CloudinaryAccount | S3Account:
    """Raises ValueError saying what was expected, never what was given."""
    if text.startswith("s3:"):
        return _s3(text)
    match = _CLOUDINARY.fullmatch(text)
    if match is None:
        raise ValueError(f"must be {CLOUDINARY_EXAMPLE} or {S3_EXAMPLE}")
    key, secret, cloud, query = match.groups()
    options = _options(query, ("upload_prefix", "signature_algorithm", "webhook_secret"))
    algorithm = options.get("signature_algorithm", ["sha1"])[0]
    if algorithm not in ("sha1", "sha256"):
        raise ValueError("has a signature_algorithm other than sha1 and sha256")
    prefix = options.get("upload_prefix", [CloudinaryAccount.upload_prefix])[0].rstrip("/")
    secrets = (secret, *options.get("webhook_secret", []))
    return CloudinaryAccount(cloud, key, secret, prefix, "sha256" if algorithm == "sha256" else "sha1", secrets)


def _s3(text: str) -> S3Account:
    match = _S3.fullmatch(text)
    if match is None:
        raise ValueError(f"must be {S3_EXAMPLE} (the bucket is the last part of the path)")
    key, secret, host, path, bucket, query = match.groups()
    options = _options(query, ("region", "tls"))
    if "region" not in options:
        raise ValueError("names no region: add ?region=REGION (auto where the host has none)")
    if options.get("tls", ["on"]) not in (["on"], ["off"]):
        raise ValueError("has a tls other than on and off (which is for stand-ins on this machine)")
    scheme = "http" if options.get("tls") == ["off"] else "https"
    return S3Account(key, secret, f"{scheme}://{host}{path}", bucket, options["region"][0])


def _options(query: str | None, known: tuple[str, ...]) -> dict[str, list[str]]:
    options = parse_qs(query or "", keep_blank_values=True)
    if set(options) - set(known):
        raise ValueError(f"has an option that is not known; known are {', '.join(known)}")
    for name, values in options.items():
        if not all(values):  # an empty webhook_secret would let anybody sign
            raise ValueError(f"has an empty {name}: was a variable not set?")
    return options
