"""First bytes decide what is a video; names prove nothing."""

import pytest

from common.media import looks_like_video, poster_path


@pytest.mark.parametrize(
    "head",
    [
        b"\x00\x00\x00\x20ftypisom",
        b"\x00\x00\x00\x14ftypqt  ",
        b"\x1a\x45\xdf\xa3\x01",
        b"RIFF\x00\x00\x00\x00AVI LIST",
        b"OggS\x00",
        b"\x00\x00\x01\xba",
        b"FLV\x01",
        (b"G" + b"\0" * 187) * 3,
    ],
)
def test_a_video_container_is_recognised(head: bytes) -> None:
    assert looks_like_video(head)


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
    assert not looks_like_video(head)


def test_the_poster_stands_beside_the_video() -> None:
    assert poster_path("http://h/local/video/upload/v1/a.b/c.mp4") == "http://h/local/video/upload/v1/a.b/c.jpg"
