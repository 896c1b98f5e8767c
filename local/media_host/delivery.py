"""GET /<cloud>/video/<type>/...: the videos themselves, in ranges, and their posters.

Source: cloudinary.com/documentation/transform-and-deliver-video, and the SDK's `cloudinary_url`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from urllib.parse import quote

from werkzeug.http import parse_range_header
from werkzeug.utils import send_file
from werkzeug.wrappers import Request, Response

from local.media_host import signatures, video
from local.media_host.assets import Asset
from local.media_host.errors import MediaError, not_found, unauthorized
from local.media_host.host import Host

CONTENT_TYPES = {
    **{"mp4": "video/mp4", "webm": "video/webm", "mov": "video/quicktime", "mkv": "video/x-matroska"},
    **{"avi": "video/x-msvideo", "flv": "video/x-flv", "ts": "video/mp2t", "mpg": "video/mpeg"},
    **{"ogv": "video/ogg", "wmv": "video/x-ms-wmv", "jpg": "image/jpeg"},
}
SIGNATURE = re.compile(r"s--([\w-]{8,32})--/(.+)", re.DOTALL)
TRANSFORMATION = re.compile(r"[a-z]{1,3}_[^/]+")
VERSION = re.compile(r"v\d+")


@dataclass(frozen=True)
class Address:
    """One way to read a delivery path: which part of it are transformations is told only by what exists."""

    transformations: str
    public_id: str
    extension: str

    @property
    def name(self) -> str:
        return f"{self.public_id}.{self.extension}" if self.extension else self.public_id

    @property
    def signed_path(self) -> str:
        """What the SDK signs: without the version, the id percent-encoded as in the address."""
        named = quote(self.name, safe="/:")
        return f"{self.transformations}/{named}" if self.transformations else named


def deliver(host: Host, request: Request, *, cloud: str, asset_type: str, path: str) -> Response:
    """The video, or with `.jpg` a picture of it. Raises 404, and 401 where a signature is missing or wrong."""
    signed = SIGNATURE.fullmatch(path)
    signature, plain_path = (signed[1], signed[2]) if signed else (None, path)
    address, asset = _find(host, cloud, asset_type, plain_path)
    if signature is None and asset.type == "authenticated":
        raise unauthorized("Missing signature")
    if signature is not None:
        _require_signature(host, address, signature)
    try:
        if address.extension == "jpg":
            return _send_poster(host, request, asset, address)
        if address.extension != asset.format:
            raise _missing(address)
        return _send(request, host.library.file_of(asset), asset, address, etag=asset.etag)
    except FileNotFoundError as gone:  # destroyed since it was looked up
        raise _missing(address) from gone


def _find(host: Host, cloud: str, asset_type: str, path: str) -> tuple[Address, Asset]:
    address = Address("", path, "")
    for address in _readings(path):
        asset = host.library.find(asset_type, address.public_id) if cloud == host.account.cloud else None
        if asset is not None:
            return address, asset
    raise _missing(address)


def _readings(path: str) -> Iterator[Address]:
    """Each reading of `[transformation/]*[v<version>/]<public_id>.<extension>`, the least stripped first."""
    segments = path.split("/")
    for index, segment in enumerate(segments):
        transformations = "/".join(segments[:index])
        if VERSION.fullmatch(segment) and index + 1 < len(segments):
            yield _address(transformations, segments[index + 1 :])
        yield _address(transformations, segments[index:])
        if not TRANSFORMATION.fullmatch(segment):
            return


def _address(transformations: str, segments: list[str]) -> Address:
    name = "/".join(segments)
    public_id, dot, extension = name.rpartition(".")
    if not dot or "/" in extension:
        return Address(transformations, name, "")
    return Address(transformations, public_id, extension)


def _missing(address: Address) -> MediaError:
    return not_found(f"Resource not found - {address.name}")


def _require_signature(host: Host, address: Address, signature: str) -> None:
    if not signatures.is_signed_delivery(address.signed_path, signature, host.account.secret):
        raise unauthorized("Invalid signature")


def _send_poster(host: Host, request: Request, asset: Asset, address: Address) -> Response:
    second = _poster_second(asset, address.transformations)
    poster = host.library.poster_of(asset, second)
    if not poster.exists():
        video.make_poster(host.library.file_of(asset), second, poster, scratch=host.incoming)
        if not host.library.file_of(asset).exists():
            # Destroyed while ffmpeg was at it: the poster came after the clearing up, and has to go too.
            poster.unlink(missing_ok=True)
    return _send(request, poster, asset, address, etag=poster.stem)


def _poster_second(asset: Asset, transformations: str) -> float:
    """The start offset `so_2.5` (seconds) or `so_50p` (percent), within the video; its middle if there is none."""
    offset = re.search(r"(?:^|[,/])so_(\d+(?:\.\d+)?)(p?)(?=[,/]|$)", transformations, re.ASCII)
    if offset is None:
        return asset.duration / 2
    second = float(offset[1]) * (asset.duration / 100 if offset[2] else 1)
    return min(second, asset.duration)


def _send(request: Request, file: Path, asset: Asset, address: Address, *, etag: str) -> Response:
    environ = dict(request.environ)
    asked = parse_range_header(environ.get("HTTP_RANGE"))
    if asked is None or asked.units != "bytes" or len(asked.ranges) > 1:
        # RFC 9110 section 14.2 lets a server ignore a Range that it cannot read or does not wish to serve.
        environ.pop("HTTP_RANGE", None)
    response = send_file(
        file,
        environ,
        mimetype=CONTENT_TYPES[address.extension],
        download_name=address.name.rpartition("/")[2],
        etag=etag,
        last_modified=datetime.fromisoformat(asset.created_at),
    )
    response.headers["Accept-Ranges"] = "bytes"
    return response
