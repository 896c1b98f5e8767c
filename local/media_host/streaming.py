"""What a player asks for while it plays HLS: master playlist, media playlist, segments.

`sp_hd/<id>.m3u8` is the service's own address. Those of the parts below are this host's: `sp_hd,vr_0/<id>.m3u8` and
`sp_hd,sg_<n>/<id>.ts`. They have the form of transformations, so that each is signed as every address is.
"""

from __future__ import annotations

import io
import re
from dataclasses import dataclass
from pathlib import Path

from local.media_host import hls
from local.media_host.addresses import Address
from local.media_host.assets import Asset
from local.media_host.host import Host

MASTER = re.compile(r"sp_(\w+)", re.ASCII)
MEDIA = re.compile(r"sp_(\w+),vr_0", re.ASCII)
SEGMENT = re.compile(r"sp_(\w+),sg_(\d{1,6})", re.ASCII)


@dataclass(frozen=True)
class Part:
    """`segment` is a segment's number; without it `is_master` tells which playlist is meant."""

    profile: str
    is_master: bool = False
    segment: int | None = None


def part_of(address: Address) -> Part | None:
    """None for what is no part of a stream."""
    if address.extension == "m3u8":
        if master := MASTER.fullmatch(address.transformations):
            return Part(master[1], is_master=True)
        if media := MEDIA.fullmatch(address.transformations):
            return Part(media[1])
    if address.extension == "ts" and (segment := SEGMENT.fullmatch(address.transformations)):
        return Part(segment[1], segment=int(segment[2]))
    return None


def content_of(host: Host, asset: Asset, part: Part) -> Path | io.BytesIO:
    """A segment's file, which may not exist, or a playlist's text.

    The addresses in playlists are absolute paths: whatever name this host was called by stays in force. Raises 400 and
    423 as `Renditions.ready` does, FileNotFoundError for an asset that has been destroyed meanwhile.
    """
    rendition = host.renditions.ready(asset, part.profile)
    if part.segment is not None:
        return hls.segment(rendition, part.segment)
    if part.is_master:
        media_uri = host.addresses.path(asset, "m3u8", f"sp_{part.profile},vr_0")
        text = hls.master_playlist(rendition, width=asset.width, height=asset.height, media_uri=media_uri)
    else:
        text = hls.media_playlist(
            rendition, segment_uri=lambda number: host.addresses.path(asset, "ts", f"sp_{part.profile},sg_{number}")
        )
    return io.BytesIO(text.encode())
