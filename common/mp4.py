"""What an MP4 or MOV file says of itself: ISO/IEC 14496-12, boxes and their movie header."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from common.errors import NotAVideo

Read = Callable[[int, int], bytes]  # (offset, length) -> at most so many bytes

_HEADER_BYTES = 16
_BOXES = 256  # looked at, one by one: a file in many fragments, or a crafted one, must not keep us reading


def duration_seconds(read: Read, size_bytes: int) -> float | None:
    """How long the movie is; None where its header does not say (fragmented files).

    Reads box headers only, one by one. Raises NotAVideo for a file that is cut off, or has no movie in it.
    """
    movie = _first(b"moov", _boxes(read, 0, size_bytes))  # to the end: a file that is cut off ends inside a box
    start, end = _first(b"mvhd", _boxes(read, *movie))
    return _duration(read(start, min(end - start, 32)) if start < end else b"")


def _first(wanted: bytes, boxes: Iterator[tuple[bytes, int, int]]) -> tuple[int, int]:
    found = [(start, end) for kind, start, end in boxes if kind == wanted]
    if not found:
        raise NotAVideo
    return found[0]


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
