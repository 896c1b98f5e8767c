"""Demo and test videos are real, small and made once."""

from __future__ import annotations

from pathlib import Path

import pytest

from local.demo_videos import make_demo_videos, make_video
from local.media_host import video


def test_demo_videos_are_three_small_files_that_are_made_once(tmp_path: Path) -> None:
    made = make_demo_videos(tmp_path)
    written_at = [path.stat().st_mtime_ns for path, _ in made]

    assert make_demo_videos(tmp_path) == made
    assert [path.stat().st_mtime_ns for path, _ in made] == written_at
    assert len({title for _, title in made}) == 3
    assert all(0 < path.stat().st_size < 1_000_000 for path, _ in made)
    assert {video.probe(path).format for path, _ in made} == {"mp4"}


def test_a_padded_video_has_exactly_the_size_asked_for_and_still_plays(tmp_path: Path) -> None:
    path = tmp_path / "padded.mp4"
    make_video(path, seconds=1, size_bytes=1_000_001)
    assert path.stat().st_size == 1_000_001
    assert video.probe(path).duration_seconds == pytest.approx(1, abs=0.1)


def test_a_video_is_not_padded_to_less_than_it_is(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="cannot pad"):
        make_video(tmp_path / "small.mp4", seconds=1, size_bytes=100)
