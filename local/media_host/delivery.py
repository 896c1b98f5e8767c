"""GET /<cloud>/video/<type>/...: the videos themselves, in ranges, their posters, and HLS.

Source: cloudinary.com/documentation/transform-and-deliver-video, and the SDK's `cloudinary_url`.
"""

from __future__ import annotations

import re
from datetime import datetime
from io import BytesIO
from pathlib import Path

from werkzeug.http import parse_range_header
from werkzeug.utils import send_file
from werkzeug.wrappers import Request, Response

from local.media_host import posters, streaming
from local.media_host.addresses import Address, is_signed, readings
from local.media_host.assets import Asset
from local.media_host.errors import MediaError, not_found, unauthorized
from local.media_host.host import Host

CONTENT_TYPES = {
    **{"mp4": "video/mp4", "webm": "video/webm", "mov": "video/quicktime", "mkv": "video/x-matroska"},
    **{"avi": "video/x-msvideo", "flv": "video/x-flv", "ts": "video/mp2t", "mpg": "video/mpeg"},
    **{"ogv": "video/ogg", "wmv": "video/x-ms-wmv", "jpg": "image/jpeg", "m3u8": "application/vnd.apple.mpegurl"},
}
SIGNATURE = re.compile(r"s--([\w-]{8,32})--/(.+)", re.DOTALL)


def deliver(host: Host, request: Request, *, cloud: str, asset_type: str, path: str) -> Response:
    """The video, with `.jpg` a picture of it, with `sp_<profile>` and `.m3u8` a stream.

    Raises 404, 401 where a signature is missing or wrong, and what `Renditions.ready` raises.
    """
    signed = SIGNATURE.fullmatch(path)
    signature, plain_path = (signed[1], signed[2]) if signed else (None, path)
    address, asset = _find(host, cloud, asset_type, plain_path)
    if signature is None and asset.type == "authenticated":
        raise unauthorized("Missing signature")
    if signature is not None and not is_signed(address, signature, host.account):
        raise unauthorized("Invalid signature")
    try:
        return _send_what_is_named(host, request, asset, address)
    except FileNotFoundError as gone:  # destroyed since it was looked up
        raise _missing(address) from gone


def _find(host: Host, cloud: str, asset_type: str, path: str) -> tuple[Address, Asset]:
    address = Address("", path, "")
    for address in readings(path):
        asset = host.library.find(asset_type, address.public_id) if cloud == host.account.cloud else None
        if asset is not None:
            return address, asset
    raise _missing(address)


def _send_what_is_named(host: Host, request: Request, asset: Asset, address: Address) -> Response:
    part = streaming.part_of(address)
    if part is not None:
        content = streaming.content_of(host, asset, part)
        return _send(request, content, asset, address, etag=f"{asset.version_id}-{address.transformations}")
    if address.extension == "jpg":
        poster = posters.poster(host.library, asset, address.transformations)
        return _send(request, poster, asset, address, etag=poster.stem)
    if address.extension != asset.format:
        raise _missing(address)
    return _send(request, host.library.file_of(asset), asset, address, etag=asset.etag)


def _missing(address: Address) -> MediaError:
    return not_found(f"Resource not found - {address.name}")


def _send(request: Request, file: Path | BytesIO, asset: Asset, address: Address, *, etag: str) -> Response:
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
