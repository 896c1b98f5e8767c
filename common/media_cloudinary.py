"""Cloudinary as the media host, through its own SDK, imported at first use.

https://cloudinary.com/documentation/image_upload_api_reference. Needs an API key of a product environment; uploads are
signed, so no preset is needed.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from math import isfinite
from typing import IO, Any

from common import clock, errors
from common.config import Access
from common.formats import Format, relatives
from common.imports import once
from common.logs import log
from common.media import Addresses, DirectUpload, Listed, StoredMedia, unavailable
from common.media_account import CloudinaryAccount
from common.media_addresses import STREAMING_PROFILE, addresses

STORE_TIMEOUT_SECONDS = 60  # a chunk
TIMEOUT_SECONDS = 10
CONNECT_TIMEOUT_SECONDS = 2
STORE_CHUNK_BYTES = 6 * 1024 * 1024  # Cloudinary refuses chunks below 5 MB, except the last; one is held in memory
TICKET_CHUNK_BYTES = 8 * 1024 * 1024
SIGNATURE_SECONDS = 3600  # how long Cloudinary takes a signed upload for fresh
# On the fly Cloudinary transforms 40 MB at most (free plan), so the rendition is ordered with the upload.
EAGER = {"eager": f"{STREAMING_PROFILE}/m3u8", "eager_async": "1"}
_RESOURCE_TYPES = ("video", "raw", "image")


class Cloudinary:
    """Private files are of Cloudinary's type `authenticated`: original and derived ones need a signed address."""

    def __init__(self, account: CloudinaryAccount, delivery_url: str, access: Access, webhook_url: str) -> None:
        self._account = account
        self._delivery_url = delivery_url
        self._type, self._other_type = "upload", "authenticated"
        if access == "private":
            self._type, self._other_type = self._other_type, self._type
        self._webhook_url = webhook_url

    def store(self, file: IO[bytes], media_id: str, video_format: Format) -> StoredMedia:
        file.seek(0)
        try:
            answer = self._sdk.uploader.upload_large(
                file,
                public_id=media_id,
                filename=media_id.rpartition("/")[2],
                type=self._type,
                overwrite=False,
                chunk_size=STORE_CHUNK_BYTES,
                **EAGER,
                **(self._options | {"timeout": self._timeout(STORE_TIMEOUT_SECONDS)}),
            )
        except self._sdk.exceptions.BadRequest as refused:
            log("WARNING", "media_refused", media_id=media_id, reason=str(refused))
            raise errors.NotAVideo from refused
        except self._sdk.exceptions.Error as failed:
            raise unavailable("store", media_id, failed) from failed
        return described(answer)

    def destroy(self, media_id: str, resource_type: str | None = None) -> None:
        # A ticket's signature does not say which kind of resource it is for: there may be one of each.
        for kind in [resource_type] if resource_type else _RESOURCE_TYPES:
            # The setting may have changed since the file was stored.
            if not self._destroy(media_id, self._type, kind):
                self._destroy(media_id, self._other_type, kind)

    def open_upload(self, upload: DirectUpload) -> Mapping[str, Any]:
        # Dated back where that makes the signature end together with the reservation.
        signed_at = min(clock.now().timestamp(), upload.expires_at.timestamp() - SIGNATURE_SECONDS)
        signed = {
            "allowed_formats": ",".join(relatives(upload.format.extension)),
            "overwrite": "0",
            "public_id": upload.media_id,
            "timestamp": str(int(signed_at)),
            "type": self._type,
            **EAGER,
            **({"notification_url": self._webhook_url} if self._webhook_url else {}),
        }
        account = self._account
        signature = self._sdk.utils.api_sign_request(signed, account.api_secret, account.signature_algorithm)
        return {
            "host": "cloudinary",
            "method": "POST",
            "url": f"{account.upload_prefix}/v1_1/{account.cloud_name}/video/upload",
            "headers": {"X-Unique-Upload-Id": str(upload.id)},
            "fields": {**signed, "api_key": account.api_key, "signature": signature},
            "signed_until": datetime.fromtimestamp(int(signed_at) + SIGNATURE_SECONDS, UTC).isoformat(),
            "chunk_size_bytes": TICKET_CHUNK_BYTES,
            "parts": None,
            "received_parts": None,  # Cloudinary does not say: what it has not confirmed is sent again
        }

    def finish_upload(self, upload: DirectUpload) -> StoredMedia:
        stored = self.find(upload.media_id)
        if stored is None:
            raise errors.UploadIncomplete
        return stored

    def find(self, media_id: str) -> StoredMedia | None:
        answer = self._explicit(media_id, self._type) or self._explicit(media_id, self._other_type)
        return described(answer) if answer else None

    def addresses(self, path: str) -> Addresses:
        return addresses(path, self._delivery_url, self._account)

    def list_files(self, prefix: str) -> Iterator[Listed]:
        for access in (self._type, self._other_type):
            cursor = None
            while True:
                try:
                    page = self._sdk.api.resources(
                        type=access, prefix=prefix, max_results=500, next_cursor=cursor, **self._options
                    )
                except Exception as failed:  # its own, and a bare one for a status that it does not know
                    raise unavailable("list", prefix, failed) from failed
                yield from (Listed(file["public_id"], int(file["bytes"])) for file in page["resources"])
                cursor = page.get("next_cursor")
                if not cursor:
                    break

    def _explicit(self, media_id: str, access: str) -> Mapping[str, Any] | None:
        """The asset's facts, None without one. Unlike the Admin API, `explicit` has no hourly limit."""
        try:
            answer: Mapping[str, Any] = self._sdk.uploader.explicit(media_id, type=access, **self._options)
        except self._sdk.exceptions.NotFound:
            return None
        except self._sdk.exceptions.Error as failed:
            raise unavailable("find", media_id, failed) from failed
        return answer

    def _destroy(self, media_id: str, access: str, resource_type: str) -> bool:
        """Whether there was such a file."""
        try:
            # Without invalidate, copies in the CDN live for up to 30 days.
            answer = self._sdk.uploader.destroy(
                media_id, type=access, invalidate=True, **(self._options | {"resource_type": resource_type})
            )
        except self._sdk.exceptions.Error as failed:
            raise unavailable("destroy", media_id, failed) from failed
        if answer.get("result") not in ("ok", "not found"):
            raise unavailable("destroy", media_id, answer.get("result"))
        return bool(answer["result"] == "ok")

    @once
    def _sdk(self) -> Any:
        import cloudinary.api
        import cloudinary.uploader

        return cloudinary

    def _timeout(self, seconds: float) -> Any:
        """For each answer. The SDK's pool tries to connect four times, so that is given less."""
        from urllib3 import Timeout

        return Timeout(connect=min(CONNECT_TIMEOUT_SECONDS, seconds), read=seconds)

    @property
    def _options(self) -> dict[str, Any]:
        return {
            "cloud_name": self._account.cloud_name,
            "api_key": self._account.api_key,
            "api_secret": self._account.api_secret,
            "upload_prefix": self._account.upload_prefix,
            "signature_algorithm": self._account.signature_algorithm,
            "resource_type": "video",
            "timeout": self._timeout(TIMEOUT_SECONDS),
        }


def described(answer: Mapping[str, Any]) -> StoredMedia:
    """An upload's answer, or a notification of one, as ours.

    Raises NotAVideo for sound alone and for pictures, DependencyUnavailable for what says too little.
    """
    if answer.get("is_audio") or answer.get("resource_type") != "video":
        raise errors.NotAVideo
    name = "video/{type}/v{version}/{public_id}.{format}".format_map(defaultdict(str, answer))
    size_bytes, duration_seconds = answer.get("bytes"), answer.get("duration")
    is_clear = (
        re.fullmatch(r"video/(upload|authenticated)/v\d+/[^\s]+\.[a-z0-9]{1,8}", name)
        and type(size_bytes) is int
        and (duration_seconds is None or (isinstance(duration_seconds, (int, float)) and isfinite(duration_seconds)))
    )
    if not is_clear:
        raise unavailable("describe", str(answer.get("public_id")), "facts are missing or odd")
    return StoredMedia(name, answer["format"], int(answer["bytes"]), duration_seconds)
