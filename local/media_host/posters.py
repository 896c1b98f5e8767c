"""Posters: pictures of a video, made when they are first asked for and kept beside it."""

from __future__ import annotations

import re
from pathlib import Path

from local.media_host import video
from local.media_host.assets import Asset, Library


def poster(library: Library, asset: Asset, transformations: str) -> Path:
    """The JPEG of the frame that `transformations` names. Raises FileNotFoundError when the video is destroyed."""
    second = _second(asset, transformations)
    path = library.poster_of(asset, second)
    if not path.exists():
        video.make_poster(library.file_of(asset), second, path, scratch=library.scratch)
        if not library.file_of(asset).exists():
            # Destroyed while ffmpeg was at it: the poster came after the clearing up, and has to go too.
            path.unlink(missing_ok=True)
    return path


def _second(asset: Asset, transformations: str) -> float:
    """The start offset `so_2.5` (seconds) or `so_50p` (percent), within the video; its middle if there is none."""
    offset = re.search(r"(?:^|[,/])so_(\d+(?:\.\d+)?)(p?)(?=[,/]|$)", transformations, re.ASCII)
    if offset is None:
        return asset.duration / 2
    second = float(offset[1]) * (asset.duration / 100 if offset[2] else 1)
    return min(second, asset.duration)
