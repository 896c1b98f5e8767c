"""The media host, behind one small interface, and Cloudinary, the default.

Cloudinary needs an API key of a product environment whose upload and destroy calls are signed (no preset).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import IO, Any, Protocol
from urllib.parse import parse_qs, urlsplit

from common import errors
from common.imports import once
from common.logs import log

UPLOAD_TIMEOUT_SECONDS = 60  # a chunk
DESTROY_TIMEOUT_SECONDS = 10
CHUNK_BYTES = 6 * 1024 * 1024  # Cloudinary refuses chunks below 5 MB, except the last; one is held in memory at a time
SNIFF_BYTES = 512

_URL_OPTIONS = ("upload_prefix", "signature_algorithm")  # what CLOUDINARY_URL may carry after the ?
_NOT_VIDEO_BRANDS = (b"heic", b"heix", b"mif1", b"msf1", b"avif", b"avis", b"M4A ", b"M4B ", b"crx ")


@dataclass(frozen=True)
class StoredMedia:
    """What the host says of a file that it has taken. `path` is relative to the delivery address."""

    path: str
    format: str
    size_bytes: int
    duration_seconds: float | None


class MediaHost(Protocol):
    """What Reelay asks of a media host. A media id is chosen by us and names one file."""

    def store(self, file: IO[bytes], media_id: str, filename: str) -> StoredMedia:
        """Takes a whole file. Raises NotAVideo (nothing is kept) or DependencyUnavailable (it may be kept)."""

    def destroy(self, media_id: str) -> None:
        """Removes a file and its copies in the CDN; done already is success. Raises DependencyUnavailable."""


def looks_like_video(head: bytes) -> bool:
    """Whether the first SNIFF_BYTES of a file are those of a video container: MP4/MOV, WebM/Matroska, AVI, Ogg,
    MPEG-TS, MPEG-PS, FLV. The name and Content-Type that came with it prove nothing."""
    if head[4:8] == b"ftyp":  # ISO/IEC 14496-12; images and audio use the same box with brands of their own
        return head[8:12] not in _NOT_VIDEO_BRANDS
    is_transport_stream = head[:1] == b"G" and len(head) > 376 and head[188:189] == b"G" and head[376:377] == b"G"
    is_avi = head[:4] == b"RIFF" and head[8:12] == b"AVI "
    known = (b"\x1a\x45\xdf\xa3", b"OggS", b"\x00\x00\x01\xba", b"FLV\x01")
    return is_transport_stream or is_avi or head.startswith(known)


class Cloudinary:
    """https://cloudinary.com/documentation/image_upload_api_reference, through its own SDK, imported at first use."""

    def __init__(self, url: str) -> None:
        self._url = url

    def store(self, file: IO[bytes], media_id: str, filename: str) -> StoredMedia:
        uploader, exceptions = self._sdk
        file.seek(0)
        try:
            answer = uploader.upload_large(
                file,
                public_id=media_id,
                filename=filename,
                overwrite=False,
                chunk_size=CHUNK_BYTES,
                timeout=UPLOAD_TIMEOUT_SECONDS,
                **self._account,
            )
        except exceptions.BadRequest as refused:
            log("WARNING", "media_refused", media_id=media_id, reason=str(refused))
            raise errors.NotAVideo from refused
        except exceptions.Error as failed:
            raise _unavailable("store", media_id, failed) from failed
        return StoredMedia(
            path=f"video/upload/v{answer['version']}/{answer['public_id']}.{answer['format']}",
            format=answer["format"],
            size_bytes=int(answer["bytes"]),
            duration_seconds=answer.get("duration"),
        )

    def destroy(self, media_id: str) -> None:
        uploader, exceptions = self._sdk
        try:
            # Without invalidate, copies in the CDN live for up to 30 days.
            answer = uploader.destroy(media_id, invalidate=True, timeout=DESTROY_TIMEOUT_SECONDS, **self._account)
        except exceptions.Error as failed:
            raise _unavailable("destroy", media_id, failed) from failed
        if answer.get("result") not in ("ok", "not found"):
            raise _unavailable("destroy", media_id, answer.get("result"))

    @once
    def _sdk(self) -> tuple[Any, Any]:
        """The SDK's uploader and its exceptions."""
        import cloudinary.uploader
        from cloudinary import exceptions

        return cloudinary.uploader, exceptions

    @once
    def _account(self) -> dict[str, Any]:
        url = urlsplit(self._url)
        chosen = {key: values[0] for key, values in parse_qs(url.query).items() if key in _URL_OPTIONS}
        cloud_name = url.netloc.rpartition("@")[2]  # not url.hostname, which is lower case
        account = {"cloud_name": cloud_name, "api_key": url.username, "api_secret": url.password}
        return chosen | account | {"resource_type": "video"}


def _unavailable(verb: str, media_id: str, reason: object) -> errors.DependencyUnavailable:
    log("WARNING", "media_host_unavailable", verb=verb, media_id=media_id, reason=str(reason))
    return errors.DependencyUnavailable()


def poster_path(path: str) -> str:
    """The poster's address: the video's, with .jpg (the media host takes a frame)."""
    return re.sub(r"\.[A-Za-z0-9]+$", ".jpg", path)
