"""The product's own adapter of a running cloud's media host, and files that are no videos."""

from __future__ import annotations

import io
import subprocess
import uuid
from datetime import timedelta
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import imageio_ffmpeg

from common import clock
from common.config import Config
from common.formats import FORMATS
from common.media import DirectUpload, MediaHost, StoredMedia
from common.s3_bucket import Bucket
from common.services import Services
from tests.cloud import Cloud
from tests.media.browser import Ticket

LARGE_BYTES = 9 * 1024 * 1024  # two chunks of a ticket
MP4 = FORMATS["mp4"]
FTYP = b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom"
NO_VIDEOS = {
    "text": b"Dear diary, this is text.\n" * 400,
    "text behind an ftyp": FTYP + b"Dear diary, this is text.\n" * 400,
    "a picture": b"\x89PNG\r\n\x1a\n" + bytes(5000),
    "zeros": bytes(5000),
}


def adapter(cloud: Cloud, **settings: str) -> MediaHost:
    """As a function of this cloud has it, but nobody is notified."""
    return Services(Config.from_env({**cloud.granted(), "MEDIA_WEBHOOK_URL": "", **settings}, ["media"])).media


def bucket_of(media: MediaHost) -> Bucket:
    """The bucket beneath the adapter."""
    bucket: Bucket = vars(media)["_bucket"]
    return bucket


def reserved(
    size_bytes: int, *, media_id: str | None = None, extension: str = "mp4", seconds: float = 3600
) -> DirectUpload:
    """An upload that expires in so many seconds."""
    upload_id = uuid.uuid4()
    expires_at = clock.now() + timedelta(seconds=seconds)
    return DirectUpload(upload_id, media_id or f"contract/{upload_id}", size_bytes, FORMATS[extension], expires_at)


def store(media: MediaHost, file: bytes, media_id: str) -> StoredMedia:
    return media.store(io.BytesIO(file), media_id, MP4)


def listed(media: MediaHost, prefix: str) -> dict[str, int | None]:
    """The size in bytes of each file below the prefix, by its media id; None for an upload that was not finished."""
    return {file.media_id: file.size_bytes for file in media.list_files(prefix)}


def query(address: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}


def upload_id(ticket: Ticket) -> str:
    """What the host knows the upload by."""
    return query(ticket["parts"][0]["url"])["uploadId"] if ticket["parts"] else ticket["headers"]["X-Unique-Upload-Id"]


def encoded(file: Path, *options: str) -> bytes:
    """A second of ffmpeg's test picture, or of sound, in the format that the name and the options say."""
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-nostdin", "-y"]
    subprocess.run([*command, *options, "-t", "1", str(file)], check=True)
    return file.read_bytes()


def webm(directory: Path) -> bytes:
    picture = ("-f", "lavfi", "-i", "testsrc2=size=64x48:rate=5", "-c:v", "libvpx", "-deadline", "realtime")
    return encoded(directory / "clip.webm", *picture)


def sound(directory: Path) -> bytes:
    """An MP4 by its first bytes, with nothing to see in it."""
    return encoded(directory / "sound.mp4", "-f", "lavfi", "-i", "sine=frequency=440", "-c:a", "aac", "-f", "mp4")
