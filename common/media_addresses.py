"""Cloudinary's delivery addresses: the file, its poster and its adaptive rendition, signed where the file is private.

https://cloudinary.com/documentation/delivery_url_signatures
"""

from __future__ import annotations

import base64
import hashlib
import re

from common.media import Addresses
from common.media_account import CloudinaryAccount

STREAMING_PROFILE = "sp_hd"

_PATH = re.compile(r"video/(?P<type>upload|authenticated)/(?P<version>v\d+)/(?P<media_id>.+)\.(?P<format>\w+)")


def addresses(path: str, delivery_url: str, account: CloudinaryAccount) -> Addresses:
    """The addresses of a stored path. The path says whether a file is private, so that the setting may change."""
    parts = _PATH.fullmatch(path)
    if parts is None:
        return Addresses(f"{delivery_url}/{path}", None, None)
    media_id = parts["media_id"]

    def address(name: str, *transformation: str) -> str:
        between = list(transformation)
        if parts["type"] == "authenticated":
            between.insert(0, f"s--{_signature('/'.join([*transformation, name]), account)}--")
        return "/".join([delivery_url, "video", parts["type"], *between, parts["version"], name])

    return Addresses(
        url=address(f"{media_id}.{parts['format']}"),
        poster_url=address(f"{media_id}.jpg"),
        hls_url=address(f"{media_id}.m3u8", STREAMING_PROFILE),
    )


def _signature(name: str, account: CloudinaryAccount) -> str:
    """Of the transformation and the name; the version is not signed. Such an address works for whoever has it."""
    digest = hashlib.new(account.signature_algorithm, (name + account.api_secret).encode()).digest()
    return base64.urlsafe_b64encode(digest).decode()[:8]
