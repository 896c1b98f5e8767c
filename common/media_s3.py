"""Any S3-compatible bucket as the media host: AWS, Supabase Storage, Google Cloud Storage's interoperability API.

A bucket makes no posters and no renditions, and notifies nobody: an upload ends when its client says so.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import timedelta
from math import ceil
from typing import IO, Any

from common import clock, errors, mp4
from common.config import Access
from common.formats import FORMATS, SNIFF_BYTES, Format, sniff
from common.media import PRIVATE_URL_SECONDS, Addresses, DirectUpload, Listed, StoredMedia
from common.quota import MIB
from common.s3_bucket import Bucket, Gone, Multipart, Part

PART_BYTES = 8 * MIB  # S3 refuses parts below 5 MiB, except the last
MOST_PARTS = 500  # a ticket names them all


class S3:
    """A file's key is its media id and its format's extension. Private files have addresses that expire."""

    def __init__(self, bucket: Bucket, delivery_url: str, access: Access) -> None:
        self._bucket = bucket
        self._delivery_url = delivery_url
        self._is_private = access == "private"

    def store(self, file: IO[bytes], media_id: str, video_format: Format) -> StoredMedia:
        def read(offset: int, length: int) -> bytes:
            file.seek(offset)
            return file.read(length)

        key = f"{media_id}.{video_format.extension}"
        stored = _inspected(key, file.seek(0, 2), read)
        file.seek(0)
        self._bucket.put(key, file, video_format.content_type)
        return stored

    def destroy(self, media_id: str, _: str | None = None) -> None:
        for multipart in self._multiparts(media_id):
            self._bucket.abort(multipart)
        for file in self._bucket.files(media_id):
            if _media_id(file.key) == media_id:
                self._bucket.delete(file.key)

    def open_upload(self, upload: DirectUpload) -> Mapping[str, Any]:
        key = f"{upload.media_id}.{upload.format.extension}"
        sizes = _part_sizes(upload.size_bytes)
        parts: list[dict[str, Any]] = []  # nothing is left to send of a file that is whole
        received: list[Part] = []
        if self._bucket.size(key) is None:
            if not (multiparts := self._multiparts(upload.media_id)):
                self._bucket.begin(key, upload.format.content_type)
                multiparts = self._multiparts(upload.media_id)
            # Of two that were begun at once everybody goes on with the older; finishing aborts the other.
            parts = self._addressed(multiparts[0], sizes, upload)
            with suppress(Gone):
                received = self._bucket.parts(multiparts[0])
        return {
            "host": "s3",
            "method": "PUT",
            "url": None,
            "headers": {},
            "fields": {},
            "signed_until": upload.expires_at.isoformat(),
            "chunk_size_bytes": sizes[0],
            "parts": parts,
            "received_parts": [part.number for part in received],
        }

    def finish_upload(self, upload: DirectUpload) -> StoredMedia:
        key = f"{upload.media_id}.{upload.format.extension}"
        incomplete = errors.UploadIncomplete()
        if self._bucket.size(key) is None:
            try:
                self._complete(upload)
            except Gone:
                pass  # somebody else has just done it
            except errors.UploadIncomplete as missing:
                incomplete = missing
        size_bytes = self._bucket.size(key)
        if size_bytes is None:
            raise incomplete
        for leftover in self._multiparts(upload.media_id):
            self._bucket.abort(leftover)
        try:
            return self._look(key, size_bytes)
        except Gone as lost:
            raise errors.UploadIncomplete from lost

    def find(self, media_id: str) -> StoredMedia | None:
        files = [file for file in self._bucket.files(media_id) if _media_id(file.key) == media_id]
        try:
            return self._look(files[0].key, files[0].size_bytes) if files else None
        except Gone:
            return None

    def addresses(self, path: str) -> Addresses:
        if not self._is_private:
            return Addresses(f"{self._delivery_url}/{path}", None, None)
        expires_at = clock.now() + timedelta(seconds=PRIVATE_URL_SECONDS)
        return Addresses(self._bucket.signed_address(path, PRIVATE_URL_SECONDS), None, None, expires_at)

    def list_files(self, prefix: str) -> Iterator[Listed]:
        yield from (Listed(_media_id(one.key), None) for one in self._bucket.multiparts(prefix))
        after = ""
        while files := self._bucket.files(prefix, after):
            yield from (Listed(_media_id(file.key), file.size_bytes) for file in files)
            after = files[-1].key

    def _complete(self, upload: DirectUpload) -> None:
        """Puts the parts together. Raises UploadIncomplete, LargerThanReserved, and Gone if there is nothing to do."""
        multiparts = self._multiparts(upload.media_id)
        if not multiparts:
            raise Gone
        received = self._bucket.parts(multiparts[0])
        if sum(part.size_bytes for part in received) > upload.size_bytes:
            raise errors.LargerThanReserved
        numbers = [part.number for part in received]
        missing = sorted(set(range(1, len(_part_sizes(upload.size_bytes)) + 1)) - set(numbers))
        if missing:
            raise errors.UploadIncomplete(received_parts=numbers, missing_parts=missing)
        self._bucket.complete(multiparts[0], received)

    def _addressed(self, multipart: Multipart, sizes: list[int], upload: DirectUpload) -> list[dict[str, Any]]:
        """An address for each part, until the upload expires."""
        seconds = max(1, int((upload.expires_at - clock.now()).total_seconds()))
        return [
            {
                "number": number,
                "offset_bytes": (number - 1) * sizes[0],
                "size_bytes": size_bytes,
                "url": self._bucket.signed_part_address(multipart, number, size_bytes, seconds),
            }
            for number, size_bytes in enumerate(sizes, 1)
        ]

    def _multiparts(self, media_id: str) -> list[Multipart]:
        """The host remembers what is under way, so no row has to; the oldest first."""
        return [one for one in self._bucket.multiparts(media_id) if _media_id(one.key) == media_id]

    def _look(self, key: str, size_bytes: int) -> StoredMedia:
        return _inspected(key, size_bytes, lambda offset, length: self._bucket.read(key, offset, length))


def _inspected(key: str, size_bytes: int, read: mp4.Read) -> StoredMedia:
    """What the file itself says, since a bucket does not look into it. Raises NotAVideo, for another kind of video
    than its key says, too."""
    extension = key.rpartition(".")[2]
    found = sniff(read(0, min(SNIFF_BYTES, size_bytes))) if size_bytes else None
    if found is None or extension not in FORMATS or found.family != FORMATS[extension].family:
        raise errors.NotAVideo
    duration_seconds = mp4.duration_seconds(read, size_bytes) if found.family == "iso" else None
    return StoredMedia(key, extension, size_bytes, duration_seconds)


def _media_id(key: str) -> str:
    folder, slash, name = key.rpartition("/")
    return f"{folder}{slash}{name.rpartition('.')[0] or name}"


def _part_sizes(size_bytes: int) -> list[int]:
    """Equal parts and a rest, in bytes."""
    part_bytes = max(PART_BYTES, ceil(size_bytes / MOST_PARTS / MIB) * MIB)
    whole, rest = divmod(size_bytes, part_bytes)
    return [part_bytes] * whole + [rest] * bool(rest)
