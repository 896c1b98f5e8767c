"""What ffmpeg says about a file: is it a video that plays, its facts, and a picture of it."""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from threading import BoundedSemaphore

import imageio_ffmpeg

from local.media_host.errors import MediaError, bad_request

# Demuxer -> file extension, for containers where the name alone decides. Only these demuxers are allowed at all:
# playlists (hls, concat, ...) would let an upload make ffmpeg read other files of this machine.
FORMAT_BY_DEMUXER = {"avi": "avi", "flv": "flv", "mpegts": "ts", "mpeg": "mpg", "ogg": "ogv", "asf": "wmv"}
MOV_FAMILY = "mov,mp4,m4a,3gp,3g2,mj2"
MATROSKA_FAMILY = "matroska,webm"
ALLOWED_DEMUXERS = ",".join([MOV_FAMILY, MATROSKA_FAMILY, *FORMAT_BY_DEMUXER])
# What the demuxers print, with exit status 0, for a file that stops early.
SIGNS_OF_TRUNCATION = ("partial file", "ended prematurely", "Truncating packet", "Packet corrupt")
FFMPEG_TIMEOUT_SECONDS = 120
# ffmpeg takes whole cores: more runs at once than cores would only make each upload slower. Two at the least, so that
# a long run in the background does not stop uploads.
_ffmpeg_runs = BoundedSemaphore(max(2, os.cpu_count() or 1))


@dataclass(frozen=True)
class Facts:
    """`format` is the real container's extension, whatever the file was called; sizes are as displayed."""

    format: str
    width: int
    height: int
    duration_seconds: float


def probe(path: Path) -> Facts:
    """Raises 400 for what is no video, is cut off, or holds no decodable picture.

    Reads every packet without decoding (finds a cut file at disk speed), then decodes the one frame that
    a poster shows.
    """
    copied = run_ffmpeg("-i", str(path), "-map", "0:V:0", "-map", "0:a?", "-c", "copy", "-f", "null", "-")
    if copied.returncode != 0 or any(sign in copied.stderr for sign in SIGNS_OF_TRUNCATION):
        raise unsupported()
    facts = _facts(copied.stderr, path)
    # Formats without an index (MPEG-TS) may find no key frame before the middle: then the first frame has to do.
    if not any(_decodes_at(path, second) for second in (facts.duration_seconds / 2, 0.0)):
        raise unsupported()
    return facts


def make_poster(video: Path, second: float, target: Path, *, scratch: Path) -> None:
    """A JPEG of the frame at `second` (or of the first one, if none is left there); `target` appears whole or not.

    Raises FileNotFoundError when the video has been destroyed meanwhile.
    """
    with tempfile.TemporaryDirectory(dir=scratch) as directory:
        picture = Path(directory, "poster.jpg")
        for offset in (second, 0.0):
            run_ffmpeg(
                *("-ss", f"{offset:.3f}", "-i", str(video), "-map", "0:V:0", "-frames:v", "1"),
                *("-q:v", "3", "-f", "image2", "-update", "1", str(picture)),
            )
            if picture.exists():
                break
        picture.replace(target)


def _decodes_at(path: Path, second: float) -> bool:
    decoded = run_ffmpeg(
        *("-ss", f"{second:.3f}", "-i", str(path), "-map", "0:V:0"),
        *("-frames:v", "1", "-progress", "pipe:1", "-f", "null", "-"),
    )
    return decoded.returncode == 0 and re.search(r"^frame=[1-9]", decoded.stdout, re.MULTILINE) is not None


def _facts(report: str, path: Path) -> Facts:
    """Read ffmpeg's own description of its input: there is no ffprobe in imageio-ffmpeg."""
    demuxer = re.search(r"^Input #0, (\S+), from ", report, re.MULTILINE)
    size = re.search(r"Stream #0:.*? Video: .*?\b(\d{1,5})x(\d{1,5})\b", report)
    if demuxer is None or size is None:
        raise unsupported()
    width, height = int(size[1]), int(size[2])
    if re.search(r"rotation of -?(90|270)\.", report):
        width, height = height, width
    # A file written as a live stream has no duration in its header: then the end of the last packet is what is known.
    duration = re.search(r"Duration: (\d+):(\d\d):(\d\d\.\d+)", report) or re.search(
        r"time=(\d+):(\d\d):(\d\d\.\d+)", report
    )
    seconds = int(duration[1]) * 3600 + int(duration[2]) * 60 + float(duration[3]) if duration else 0.0
    return Facts(_format(demuxer[1], path), width, height, seconds)


def _format(demuxer: str, path: Path) -> str:
    with path.open("rb") as file:
        head = file.read(64)
    if demuxer == MOV_FAMILY:
        return "mov" if head[8:12] == b"qt  " or head[4:8] != b"ftyp" else "mp4"
    if demuxer == MATROSKA_FAMILY:
        return "webm" if b"webm" in head else "mkv"  # the EBML header's DocType
    return FORMAT_BY_DEMUXER[demuxer]


def unsupported() -> MediaError:
    return bad_request("Unsupported video format or file")


@cache
def _ffmpeg_path() -> str:
    return str(imageio_ffmpeg.get_ffmpeg_exe())


def run_ffmpeg(
    *arguments: str, timeout_seconds: int = FFMPEG_TIMEOUT_SECONDS, directory: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """Run ffmpeg in `directory`. Its input can only be a file, and no playlist. Raises 400 when it takes too long.

    `-timelimit` (CPU seconds) is for a run whose host was killed: nobody else would end it.
    """
    command = [
        *(_ffmpeg_path(), "-hide_banner", "-nostdin", "-y"),
        *("-timelimit", str(timeout_seconds * (os.cpu_count() or 1))),
        *("-protocol_whitelist", "file,pipe", "-format_whitelist", ALLOWED_DEMUXERS),
        *arguments,
    ]
    with _ffmpeg_runs:
        try:
            return subprocess.run(
                command,
                cwd=directory,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=timeout_seconds,
                check=False,
            )
        except subprocess.TimeoutExpired as late:
            raise unsupported() from late
