"""HLS made by ffmpeg: one rendition as a directory with `media.m3u8` and the segments `0.ts`, `1.ts`, ... beside it.

Source: RFC 8216.
"""

from __future__ import annotations

import re
import signal
import tempfile
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

from local.media_host.video import run_ffmpeg, unsupported

# A cut is made at the first key frame after these, so copied segments are as long as the source's key frames are apart.
SEGMENT_SECONDS = 4
TIMEOUT_SECONDS = 1800
PLAYLIST = "media.m3u8"
COPY = ("-c", "copy")
TRANSCODE = (
    *("-c:v", "libx264", "-preset", "ultrafast", "-crf", "26", "-pix_fmt", "yuv420p"),
    # H.264 of this pixel format needs even sides.
    *("-vf", "scale=trunc(iw/2)*2:trunc(ih/2)*2", "-force_key_frames", f"expr:gte(t,n_forced*{SEGMENT_SECONDS})"),
    *("-c:a", "aac", "-b:a", "128k", "-ac", "2"),
)
# SIGXCPU is not among them: that is ffmpeg's own time limit.
SIGNALS_FROM_OUTSIDE = (signal.SIGTERM, signal.SIGINT, signal.SIGKILL, signal.SIGHUP)


class InterruptedRunError(Exception):
    """ffmpeg was stopped from outside, usually together with this host: the video is not to blame."""


def make_rendition(source: Path, target: Path, *, scratch: Path) -> None:
    """Make the directory `target`, which appears whole or not at all; what players cannot decode is transcoded.

    Raises 400 for what cannot be converted, InterruptedRunError.
    """
    with tempfile.TemporaryDirectory(dir=scratch, ignore_cleanup_errors=True) as directory:
        made = Path(directory, "hls")
        ways = (COPY, TRANSCODE) if _is_copyable(source) else (TRANSCODE,)
        # A container may hold what its codecs' names do not tell (no timestamps, say): then copying fails.
        if not any(_is_segmented(source, made, codecs) for codecs in ways):
            raise unsupported()
        made.replace(target)


def master_playlist(rendition: Path, *, width: int, height: int, media_uri: str) -> str:
    """The playlist of playlists. BANDWIDTH is the peak segment's bit rate, as RFC 8216 section 4.3.4.2 has it."""
    segments = re.findall(r"^#EXTINF:([\d.]+),.*\n(\d+\.ts)$", (rendition / PLAYLIST).read_text(), re.MULTILINE)
    rates = [(rendition / name).stat().st_size * 8 / max(float(seconds), 0.1) for seconds, name in segments]
    stream = f"BANDWIDTH={round(max(rates, default=1))},RESOLUTION={width}x{height}"
    return f"#EXTM3U\n#EXT-X-VERSION:6\n#EXT-X-INDEPENDENT-SEGMENTS\n#EXT-X-STREAM-INF:{stream}\n{media_uri}\n"


def media_playlist(rendition: Path, *, segment_uri: Callable[[int], str]) -> str:
    """ffmpeg's playlist with addresses for its file names."""
    text = (rendition / PLAYLIST).read_text()
    return re.sub(r"^(\d+)\.ts$", lambda match: segment_uri(int(match[1])), text, flags=re.MULTILINE)


def segment(rendition: Path, number: int) -> Path:
    return rendition / f"{number}.ts"


def size_bytes(rendition: Path) -> int:
    return sum(path.stat().st_size for path in rendition.iterdir())


def _is_copyable(source: Path) -> bool:
    """Whether browsers can decode the streams as they are; a turned picture would lose its turn on the way."""
    report = run_ffmpeg("-i", str(source)).stderr
    # At the start of a line: a file's metadata stand further right, and say what their author likes.
    streams = re.findall(r"^  Stream #0:\S+ (Video|Audio): (.*)$", report, re.MULTILINE)
    videos = [codec for kind, codec in streams if kind == "Video" and "(attached pic)" not in codec]
    audios = [codec for kind, codec in streams if kind == "Audio"]
    is_turned = re.search(r"rotation of -?(?!0+\.0+ )\d", report) is not None
    h264 = re.match(r"h264\b.*\byuvj?420p\b", videos[0]) if videos else None
    return h264 is not None and not is_turned and all(codec.startswith("aac") for codec in audios[:1])


def _is_segmented(source: Path, target: Path, codecs: tuple[str, ...]) -> bool:
    target.mkdir(exist_ok=True)
    # The names are relative to the target: a `%` in its path would be read as part of the pattern.
    run = run_ffmpeg(
        *("-i", str(source.resolve()), "-map", "0:V:0", "-map", "0:a:0?", *codecs),
        *("-f", "hls", "-hls_time", str(SEGMENT_SECONDS), "-hls_playlist_type", "vod"),
        *("-hls_flags", "independent_segments", "-hls_segment_filename", "%d.ts", PLAYLIST),
        timeout_seconds=TIMEOUT_SECONDS,
        directory=target,
    )
    if _is_interrupted(run):
        raise InterruptedRunError
    return run.returncode == 0 and (target / "0.ts").exists()


def _is_interrupted(run: CompletedProcess[str]) -> bool:
    return -run.returncode in SIGNALS_FROM_OUTSIDE or (run.returncode != 0 and "received signal" in run.stderr)
