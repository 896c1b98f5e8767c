"""First bytes decide what is a video; names prove nothing. Before there are bytes, the announcement has to do."""

import pytest

from common.formats import FORMATS, announced, relatives, sniff


@pytest.mark.parametrize(
    ("head", "extension"),
    [
        (b"\x00\x00\x00\x20ftypisom", "mp4"),
        (b"\x00\x00\x00\x14ftypqt  ", "mov"),
        (b"\x1a\x45\xdf\xa3\x01\x00\x00\x42\x82\x84webm", "webm"),
        (b"\x1a\x45\xdf\xa3\x01", "mkv"),
        (b"RIFF\x00\x00\x00\x00AVI LIST", "avi"),
        (b"OggS\x00", "ogv"),
        (b"\x00\x00\x01\xba", "mpg"),
        (b"FLV\x01", "flv"),
        ((b"G" + b"\0" * 187) * 3, "ts"),
    ],
)
def test_a_video_container_is_recognised(head: bytes, extension: str) -> None:
    assert sniff(head) is FORMATS[extension]


@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"hello, I am a text file",
        b"\x00\x00\x00\x18ftypheic",
        b"\x00\x00\x00\x18ftypavif",
        b"\x00\x00\x00\x18ftypM4A ",
        b"RIFF\x00\x00\x00\x00WAVEfmt ",
        b"\x89PNG\r\n\x1a\n",
        b"GIF89a" + b"\0" * 400,
        b"<html>",
    ],
)
def test_anything_else_is_not(head: bytes) -> None:
    assert sniff(head) is None


@pytest.mark.parametrize(
    ("content_type", "filename", "extension"),
    [
        ("video/mp4", "whatever.txt", "mp4"),
        ("VIDEO/MP4; codecs=avc1", "a", "mp4"),
        ("video/quicktime", "a.mov", "mov"),
        ("", "A.MKV", "mkv"),
        ("application/octet-stream", "a.b.webm", "webm"),
    ],
)
def test_the_type_decides_and_where_it_says_nothing_the_name(content_type: str, filename: str, extension: str) -> None:
    assert announced(content_type, filename) is FORMATS[extension]


@pytest.mark.parametrize(
    ("content_type", "filename"),
    [("text/plain", "a.mp4"), ("image/gif", "a.mp4"), ("audio/mp4", "a"), ("", "mp4.txt"), ("", ""), ("video/x", "a")],
)
def test_what_announces_no_video_is_none(content_type: str, filename: str) -> None:
    assert announced(content_type, filename) is None


def test_formats_that_first_bytes_cannot_tell_apart_are_relatives() -> None:
    assert "mov" in relatives("mp4")
    assert "webm" not in relatives("mp4")
