"""What an MP4 or MOV file says of itself: ISO/IEC 14496-12, boxes and their movie header."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from common.errors import NotAVideo

Read = Callable[[int, int], bytes]  # (offset, length) -> at most so many bytes

_HEADER_BYTES = 16
# A file in many fragments, or a crafted one, must not keep us busy: boxes at one level, and reads (round trips, often).
_BOXES = 256
_READS = 300
_READ_BYTES = 8 * 1024


def duration_seconds(read: Read, size_bytes: int) -> float | None:
    """How long the movie is; None where its header does not say (fragmented files).

    Looks at box headers, not at what is in them. Raises NotAVideo for a file that is cut off, or has no pictures in it.
    """
    read = _blockwise(read, size_bytes)
    movie = _all(b"moov", _boxes(read, 0, size_bytes))[0]  # to the end: a file that is cut off ends inside a box
    in_movie = list(_boxes(read, *movie))
    if not any(_shows_pictures(read, track) for track in _all(b"trak", in_movie)):
        raise NotAVideo
    start, end = _all(b"mvhd", in_movie)[0]
    return _duration(_start_of(read, start, end, 32))


def _blockwise(read: Read, size_bytes: int) -> Read:
    """`read` with the block remembered that was read last: headers stand close to each other."""
    start, block, count = 0, b"", 0

    def remembering(offset: int, length: int) -> bytes:
        nonlocal start, block, count
        if not start <= offset <= offset + length <= start + len(block):
            count += 1
            if count > _READS:
                raise NotAVideo
            start, block = offset, read(offset, min(_READ_BYTES, size_bytes - offset))
        return block[offset - start : offset - start + length]

    return remembering


def _all(wanted: bytes, boxes: Iterable[tuple[bytes, int, int]]) -> list[tuple[int, int]]:
    """Where each box of this type begins and ends; raises NotAVideo if there is none."""
    found = [(start, end) for kind, start, end in boxes if kind == wanted]
    if not found:
        raise NotAVideo
    return found


def _shows_pictures(read: Read, track: tuple[int, int]) -> bool:
    """Whether the track's handler is for video, not for sound or text."""
    media = _all(b"mdia", _boxes(read, *track))[0]
    start, end = _all(b"hdlr", _boxes(read, *media))[0]
    return _start_of(read, start, end, 12)[8:12] == b"vide"


def _start_of(read: Read, start: int, end: int, length: int) -> bytes:
    return read(start, min(end - start, length)) if start < end else b""


def _duration(header: bytes) -> float | None:
    long = header[:1] == b"\x01"
    first, width = (20, 8) if long else (12, 4)
    if len(header) < first + 4 + width:
        raise NotAVideo
    timescale = int.from_bytes(header[first : first + 4])
    duration = int.from_bytes(header[first + 4 : first + 4 + width])
    is_unknown = duration in (0, 2 ** (8 * width) - 1)
    return None if is_unknown or not timescale else duration / timescale


def _boxes(read: Read, start: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """(type, where the content starts, where it ends) of each box in the range."""
    for _ in range(_BOXES):
        if start >= end:
            return
        header = read(start, min(_HEADER_BYTES, end - start))
        if len(header) < 8:
            raise NotAVideo
        length, content = int.from_bytes(header[:4]), start + 8
        if length == 1:  # the length did not fit into 32 bits
            length, content = int.from_bytes(header[8:16]), start + 16
        elif length == 0:  # to the end
            length = end - start
        if start + length > end or start + length < content:
            raise NotAVideo
        yield header[4:8], content, start + length
        start += length
