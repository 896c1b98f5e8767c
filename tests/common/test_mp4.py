"""What an MP4 says of its length, read with few and small reads; whatever else the file is, it is told from a movie."""

from __future__ import annotations

import struct
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

import imageio_ffmpeg
import pytest

from common.errors import NotAVideo
from common.mp4 import duration_seconds
from local.demo_videos import make_video

FEW_READS, FEW_BYTES = 300, 8 * 1024


class File:
    """Bytes as a media host hands them out, with the reads counted."""

    def __init__(self, content: bytes, size_bytes: int | None = None) -> None:
        self.content = content
        self.size_bytes = len(content) if size_bytes is None else size_bytes
        self.reads = 0

    def read(self, offset: int, length: int) -> bytes:
        assert 0 <= offset < self.size_bytes, "a read outside the file"
        assert 0 < length <= FEW_BYTES
        assert offset + length <= self.size_bytes
        self.reads += 1
        return self.content[offset : offset + length]

    def duration(self) -> float | None:
        try:
            return duration_seconds(self.read, self.size_bytes)
        finally:
            assert self.reads <= FEW_READS


def box(kind: bytes, content: bytes = b"", *, length: int | None = None) -> bytes:
    return struct.pack(">I4s", 8 + len(content) if length is None else length, kind) + content


def long_box(kind: bytes, content: bytes = b"", *, length: int | None = None) -> bytes:
    """With the length in 64 bits."""
    return struct.pack(">I4sQ", 1, kind, 16 + len(content) if length is None else length) + content


def mvhd(timescale: int, duration: int, *, version: int = 0) -> bytes:
    layout = ">B3xQQIQ" if version else ">B3xIIII"
    return box(b"mvhd", struct.pack(layout, version, 0, 0, timescale, duration) + bytes(80))


def trak(handler: bytes, *, before: bytes = b"") -> bytes:
    """A track for pictures (vide), sound (soun) or text, behind other boxes on each level."""
    hdlr = box(b"hdlr", bytes(8) + handler + bytes(12) + b"\0")
    return box(b"trak", before + box(b"mdia", before + hdlr))


PICTURES = trak(b"vide")
MOVIE = mvhd(10, 25) + PICTURES
FTYP = box(b"ftyp", b"isom\0\0\2\0isomiso2")
MDAT = box(b"mdat", b"x" * 100)


def movie(*headers: bytes) -> bytes:
    return FTYP + box(b"moov", b"".join((*headers, PICTURES))) + MDAT


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., bytes]:
    """A real video through ffmpeg once more, with other options: as it comes from the encoder, in fragments, as MOV."""
    directory = tmp_path_factory.mktemp("mp4")
    source = directory / "source.mp4"
    make_video(source, seconds=1.5)

    def make(name: str, *options: str) -> bytes:
        file = directory / name
        command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-nostdin", "-y", "-i", str(source), "-c", "copy"]
        subprocess.run([*command, *options, str(file)], check=True)
        return file.read_bytes()

    return make


@pytest.mark.parametrize("seconds", [0.5, 1, 3.2])
def test_the_duration_of_a_real_video_is_known(tmp_path: Path, seconds: float) -> None:
    path = tmp_path / "real.mp4"
    make_video(path, seconds=seconds)
    assert File(path.read_bytes()).duration() == pytest.approx(seconds, abs=0.15)


def test_padding_behind_a_real_video_changes_nothing(video: Callable[..., bytes]) -> None:
    assert File(video(200_000)).duration() == File(video()).duration() is not None


@pytest.mark.parametrize(
    ("name", "options"),
    [("end.mp4", ()), ("front.mp4", ("-movflags", "+faststart")), ("clip.mov", ()), ("clip.m4v", ("-f", "mp4"))],
)
def test_the_header_may_stand_before_or_behind_the_pictures(
    real: Callable[..., bytes], name: str, options: tuple[str, ...]
) -> None:
    assert File(real(name, *options)).duration() == pytest.approx(1.5, abs=0.15)


def test_a_fragmented_file_does_not_say_how_long_it_is(real: Callable[..., bytes]) -> None:
    file = real("pieces.mp4", "-movflags", "+frag_keyframe+empty_moov+default_base_moof")
    assert b"moof" in file
    assert File(file).duration() is None


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (mvhd(1000, 1500), 1.5),
        (mvhd(1000, 1500, version=1), 1.5),
        (mvhd(90_000, 2**40, version=1), 2**40 / 90_000),
        (mvhd(1, 2**32 - 2), 2**32 - 2),
        (mvhd(1000, 0), None),
        (mvhd(1000, 2**32 - 1), None),
        (mvhd(1000, 2**64 - 1, version=1), None),
        (mvhd(1000, 2**32 - 1, version=1), (2**32 - 1) / 1000),
        (mvhd(0, 1500), None),
        (mvhd(0, 1500, version=1), None),
    ],
)
def test_the_header_is_read_in_both_versions(header: bytes, seconds: float | None) -> None:
    assert File(movie(header)).duration() == seconds


def test_what_stands_around_the_header_is_passed_over() -> None:
    content = box(b"free", b"y" * 20) + trak(b"soun") + MOVIE + box(b"udta", b"z" * 50)
    assert File(box(b"free") + FTYP + long_box(b"mdat", b"x" * 50) + box(b"moov", content)).duration() == 2.5
    assert File(FTYP + long_box(b"moov", content) + MDAT).duration() == 2.5


def test_a_last_box_may_run_to_the_end_of_the_file() -> None:
    content = MOVIE
    assert File(FTYP + box(b"moov", content) + box(b"mdat", b"x" * 100, length=0)).duration() == 2.5
    assert File(FTYP + box(b"moov", content, length=0)).duration() == 2.5


def test_a_box_of_more_than_four_gigabytes_is_passed_over() -> None:
    head = box(b"moov", MOVIE) + struct.pack(">I4sQ", 1, b"mdat", 2**33)
    assert File(head, len(head) - 16 + 2**33).duration() == 2.5


@pytest.mark.parametrize("tracks", [b"", trak(b"soun"), trak(b"soun") + trak(b"text"), box(b"trak"), trak(b"")])
def test_a_movie_without_pictures_is_not_a_video(tracks: bytes) -> None:
    with pytest.raises(NotAVideo):
        File(FTYP + box(b"moov", mvhd(10, 25) + tracks) + MDAT).duration()


def cuts(size_bytes: int, seed: int = 7) -> Iterator[int]:
    """Every place in the first kilobyte and the last hundred bytes, and some in between."""
    yield from range(min(1024, size_bytes))
    yield from range(max(1024, size_bytes - 100), size_bytes)
    dice = Random(seed)  # noqa: S311 - repeatable on purpose
    yield from (dice.randrange(size_bytes) for _ in range(200))


def test_a_file_that_is_cut_off_anywhere_but_between_two_boxes_is_not_a_video(video: Callable[..., bytes]) -> None:
    content = video()
    borders = []
    position = 0
    while position < len(content):
        borders.append(position)
        position += int.from_bytes(content[position : position + 4])
    for length in cuts(len(content)):
        file = File(content[:length])
        if length in borders and b"moov" in content[:length]:
            continue  # whole boxes, the movie's among them: nothing in the file says that more was to come
        with pytest.raises(NotAVideo):
            file.duration()


def test_a_host_that_answers_less_than_it_promised_is_not_believed(video: Callable[..., bytes]) -> None:
    content = video()
    for length in (0, 7, 20, 40, 70):
        with pytest.raises(NotAVideo):
            File(content[:length], len(content)).duration()


@pytest.mark.parametrize(
    "rest",
    [
        b"",
        b"Dear diary, today I wrote text. " * 50,
        b"\0" * 500,
        b"\xff" * 500,
        MDAT,
        box(b"moov"),
        box(b"mvhd", bytes(40)),
    ],
    ids=["nothing", "text", "zeros", "ones", "no movie", "a movie without a header", "a header without a movie"],
)
def test_an_ftyp_does_not_make_a_movie_of_garbage(rest: bytes) -> None:
    with pytest.raises(NotAVideo):
        File(FTYP + rest).duration()


def test_random_bytes_behind_an_ftyp_end_in_a_refusal_after_few_reads() -> None:
    for seed in range(200):
        with pytest.raises(NotAVideo):
            File(FTYP + Random(seed).randbytes(3000)).duration()  # noqa: S311 - repeatable on purpose


@pytest.mark.parametrize("length", [2, 3, 7, 100, 10_000, 2**31, 2**32 - 1])
def test_a_box_whose_length_lies_is_not_believed(length: int) -> None:
    for lying in (
        FTYP + box(b"moov", MOVIE, length=length) + MDAT,
        FTYP + box(b"moov", box(b"free", length=length) + MOVIE) + MDAT,
        FTYP + box(b"moov", MOVIE) + box(b"mdat", b"x" * 50, length=length),
    ):
        with pytest.raises(NotAVideo):
            File(lying).duration()


@pytest.mark.parametrize("length", [0, 1, 15, 1000, 2**63, 2**64 - 1])
def test_a_long_length_that_lies_is_not_believed(length: int) -> None:
    for lying in (
        FTYP + long_box(b"moov", MOVIE, length=length) + MDAT,
        FTYP + box(b"moov", long_box(b"free", length=length) + MOVIE) + MDAT,
    ):
        with pytest.raises(NotAVideo):
            File(lying).duration()


def test_a_long_length_that_is_not_all_there_is_not_believed() -> None:
    for tail in range(8, 16):
        with pytest.raises(NotAVideo):
            File(movie(mvhd(10, 25)) + long_box(b"mdat")[:tail]).duration()


def test_a_header_that_is_too_short_for_its_version_is_not_one() -> None:
    for version, length in ((0, 19), (1, 31), (0, 0), (1, 20)):
        content = bytes([version]) + bytes(length - 1) if length else b""
        with pytest.raises(NotAVideo):
            File(movie(box(b"mvhd", content))).duration()


@pytest.mark.parametrize("count", [300, 20_000])
def test_a_file_of_very_many_boxes_does_not_keep_the_reader_busy(count: int) -> None:
    many = box(b"free") * count
    assert File(box(b"moov", MOVIE) + many).duration() == 2.5
    for endless in (FTYP + many, FTYP + box(b"moov", many)):
        with pytest.raises(NotAVideo):
            File(endless).duration()


def test_a_movie_of_very_many_tracks_does_not_keep_the_reader_busy() -> None:
    tracks = trak(b"soun", before=box(b"free") * 250) * 250
    with pytest.raises(NotAVideo):
        File(FTYP + box(b"moov", mvhd(10, 25) + tracks)).duration()


def test_an_empty_file_is_not_a_video() -> None:
    with pytest.raises(NotAVideo):
        File(b"").duration()
