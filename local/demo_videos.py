"""Real little videos made by ffmpeg: something to look at in the console, and something to upload in tests."""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path

import imageio_ffmpeg

DEMO_VIDEOS = (
    # file name, title, picture source, tone in hertz
    ("mandelbrot.mp4", "Into the Mandelbrot set", "mandelbrot=size=640x360:rate=25:end_scale=0.02:end_pts=150", 220),
    (
        "colour-drift.mp4",
        "Drifting colours",
        "gradients=size=640x360:rate=25:n=4:c0=#ff7e5f:c1=#feb47b:c2=#6a82fb:c3=#43cea2"
        ":x0=0:y0=0:x1=639:y1=359:speed=0.02:seed=7",
        330,
    ),
    (
        "game-of-life.mp4",
        "A game of life",
        "life=size=160x90:rate=12:mold=10:ratio=0.12:seed=11:life_color=#7fd1ff:death_color=#1b3a6b:mold_color=#0b132b"
        ",scale=640x360:flags=neighbor",
        440,
    ),
)
DEMO_SECONDS = 5
BOX_HEADER_BYTES = 8
LARGEST_BOX_BYTES = 2**32 - 1


def make_demo_videos(directory: Path) -> list[tuple[Path, str]]:
    """Three (path, title) pairs: 5 s, 640x360, H.264/AAC, each below 1 MB.

    Made once: a file that is there is kept, and a file appears only when it is complete.
    """
    directory.mkdir(parents=True, exist_ok=True)
    made = []
    for name, title, picture, tone_hertz in DEMO_VIDEOS:
        path = directory / name
        if not path.exists():
            _encode(path, picture=picture, tone_hertz=tone_hertz, seconds=DEMO_SECONDS, quality=26)
        made.append((path, title))
    return made


def make_video(path: Path, *, seconds: float, size_bytes: int | None = None) -> None:
    """A small valid MP4 (about 20 kB a second); padded to exactly `size_bytes` if given.

    The padding is one `free` box at the end (ISO/IEC 14496-12 section 8.1.2), which every player skips. Raises
    ValueError for a size that the video and a box header do not fit in, or that a 32-bit box cannot fill.
    """
    _encode(path, picture="testsrc2=size=320x180:rate=10", tone_hertz=440, seconds=seconds, quality=30)
    if size_bytes is None:
        return
    padding_bytes = size_bytes - path.stat().st_size
    if not BOX_HEADER_BYTES <= padding_bytes <= LARGEST_BOX_BYTES:
        raise ValueError(f"cannot pad a video of {path.stat().st_size} bytes to {size_bytes}")
    with path.open("ab") as file:
        file.write(padding_bytes.to_bytes(4, "big") + b"free")
        file.truncate(size_bytes)


def _encode(path: Path, *, picture: str, tone_hertz: int, seconds: float, quality: int) -> None:
    """Write beside the target and rename: an interrupted run leaves no half file under the final name."""
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".making-") as scratch:
        unfinished = Path(scratch, path.name)
        command = [
            *(imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-nostdin", "-y"),
            *("-f", "lavfi", "-i", picture, "-f", "lavfi", "-i", f"sine=frequency={tone_hertz}"),
            *("-t", str(seconds), "-c:v", "libx264", "-preset", "veryfast", "-crf", str(quality), "-maxrate", "1M"),
            *("-bufsize", "1M", "-pix_fmt", "yuv420p", "-c:a", "aac", "-b:a", "48k", "-movflags", "+faststart"),
            str(unfinished),
        ]
        subprocess.run(command, check=True, capture_output=True)
        unfinished.replace(path)
