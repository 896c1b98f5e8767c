"""POST /upload_video: what is taken, what is refused, and that a refusal leaves nothing behind."""

import io
import subprocess
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import imageio_ffmpeg
import pytest
from flask.testing import FlaskClient

from common.quota import DIRECT_FILE_LIMIT_BYTES, MIB, REQUEST_LIMIT_BYTES
from tests.cloud import Account, Cloud
from tests.conftest import Functions
from tests.functions.answers import problem, success
from tests.functions.conftest import Upload
from tests.supabase.scratch import Sql

Video = Callable[..., bytes]
ROW = {"id", "user_id", "filename", "filepath", "poster_url", "title", "uploaded_at", "size_mb", "size_bytes"}


def levels(database: Sql, user: Account) -> tuple[int, int, int, int]:
    return database.levels(uuid.UUID(user.id))


def test_a_video_is_stored_and_counted_to_the_byte(
    upload: Upload, cloud: Cloud, database: Sql, user: Account, video: Video
) -> None:
    file = video()
    answer = success(upload(user, file, "My holiday"), 201)
    row = answer["file"]
    assert set(answer) == {"message", "file"}
    assert set(row) >= ROW
    assert (row["user_id"], row["title"]) == (user.id, "My holiday")
    assert (row["size_bytes"], row["size_mb"]) == (len(file), len(file) / MIB)
    assert row["filename"] == f"{row['id']}.mp4"
    assert row["filepath"].endswith(f"/{row['filename']}")
    assert row["poster_url"] == row["filepath"].removesuffix(".mp4") + ".jpg"
    assert row["duration_seconds"] == pytest.approx(1, abs=0.2)
    assert levels(database, user) == (len(file), 0, len(file), 0)
    assert cloud.media(f"reelay/{user.id}") == [f"reelay/{user.id}/{row['id']}"]


def test_a_webm_video_is_taken_as_what_it_is(upload: Upload, user: Account, tmp_path: Path) -> None:
    file = tmp_path / "clip.webm"
    source = ["-f", "lavfi", "-i", "testsrc2=size=64x48:rate=5:duration=1"]
    subprocess.run(
        [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", *source, "-c:v", "libvpx", "-deadline", "realtime", file],
        check=True,
    )
    row = success(upload(user, file.read_bytes(), name="clip.mp4"), 201)["file"]
    assert row["filename"] == f"{row['id']}.webm"
    assert row["poster_url"] == row["filepath"].removesuffix(".webm") + ".jpg"


@pytest.mark.parametrize(
    "title", ["a&b=c;d", "say \"hi\" \\ 'there'", "😀 ünïcödé 漢字", "100% +1 <b>%20</b>", "x" * 200, "null", "'; --"]
)
def test_a_title_is_kept_exactly(upload: Upload, user: Account, video: Video, title: str) -> None:
    assert success(upload(user, video(), title), 201)["file"]["title"] == title


@pytest.mark.parametrize("title", ["x" * 201, "x" * 10_000, "   ", "", "a\x00b", "a\nb"])
def test_a_title_out_of_bounds_is_named(
    upload: Upload, nothing_left: Callable[..., None], user: Account, video: Video, title: str
) -> None:
    assert "title" in problem(upload(user, video(), title), 422, "invalid_fields")["errors"]
    nothing_left(user)


def test_a_files_name_and_type_prove_nothing(
    upload: Upload, nothing_left: Callable[..., None], user: Account, video: Video
) -> None:
    for file in (b"Dear diary, this is text.\n" * 100, b"\xff\xd8\xff\xe0" + b"x" * 500, b"\x00"):
        problem(upload(user, file), 415, "not_a_video")
        nothing_left(user)
    assert success(upload(user, video(), name="../../etc/passwd.txt"), 201)["file"]["filename"].endswith(".mp4")


def test_a_video_that_was_cut_off_is_not_one(
    upload: Upload, nothing_left: Callable[..., None], user: Account, video: Video
) -> None:
    for length in (40, 600, len(video()) // 20):
        problem(upload(user, video()[:length]), 415, "not_a_video")
        nothing_left(user)


def test_an_empty_file_is_named(upload: Upload, nothing_left: Callable[..., None], user: Account) -> None:
    assert "video" in problem(upload(user, b""), 422, "invalid_fields")["errors"]
    nothing_left(user)


def test_what_is_missing_too_much_or_of_another_kind_is_named(
    functions: Functions, nothing_left: Callable[..., None], user: Account, video: Video
) -> None:
    def file() -> tuple[io.BytesIO, str]:
        return io.BytesIO(video()), "clip.mp4"

    forms: list[tuple[dict[str, Any], set[str]]] = [
        ({}, {"title", "video"}),
        ({"title": "t"}, {"video"}),
        ({"video": file()}, {"title"}),
        ({"title": "t", "video": [file(), file()]}, {"video"}),
        ({"title": ["t", "u"], "video": file()}, {"title"}),
        ({"title": "t", "video": "no file"}, {"video"}),
        ({"title": file(), "video": file()}, {"title"}),
        ({"title": "t", "video": file(), "user_id": user.id}, {"user_id"}),
    ]
    for form, named in forms:
        answer = functions.client("upload_video").post(
            "/", data=form, headers=user.headers, content_type="multipart/form-data"
        )
        assert set(problem(answer, 422, "invalid_fields")["errors"]) == named
    nothing_left(user)


@pytest.mark.parametrize("content_type", ["application/octet-stream", "video/mp4", "application/x-www-form-urlencoded"])
def test_what_is_no_form_is_refused(functions: Functions, user: Account, video: Video, content_type: str) -> None:
    answer = functions.client("upload_video").post("/", data=video(), content_type=content_type, headers=user.headers)
    problem(answer, 415, "unsupported_media_type")


def test_a_form_that_cannot_be_parsed_is_the_callers_fault(
    functions: Functions, nothing_left: Callable[..., None], user: Account
) -> None:
    for content_type in ("multipart/form-data", "multipart/form-data; boundary=x"):
        answer = functions.client("upload_video").post(
            "/", data=b"--y\r\nnonsense", content_type=content_type, headers=user.headers
        )
        assert answer.status_code in (400, 422)
        nothing_left(user)


def test_what_is_too_large_for_a_function_is_sent_to_the_direct_upload(
    upload: Upload, nothing_left: Callable[..., None], user: Account, video: Video
) -> None:
    for size_bytes in (DIRECT_FILE_LIMIT_BYTES + 1, REQUEST_LIMIT_BYTES):
        refused = problem(upload(user, video() + bytes(size_bytes - len(video()))), 413, "file_too_large")
        assert refused["limit_bytes"] == DIRECT_FILE_LIMIT_BYTES
        assert "direct upload" in refused["message"]
        nothing_left(user)


@pytest.mark.parametrize(
    ("limit", "status", "code", "phrase"),
    [
        ("STORAGE_QUOTA_BYTES", 413, "storage_quota_exceeded", "Exceeding total storage limit"),
        ("UPLOAD_BANDWIDTH_BYTES", 429, "bandwidth_quota_exceeded", "Exceeding daily bandwidth limit"),
    ],
)
def test_a_limit_may_be_filled_to_the_byte_and_not_passed(
    upload: Upload, client_with: Callable[..., FlaskClient], nothing_left: Callable[..., None], database: Sql,
    user: Account, video: Video, limit: str, status: int, code: str, phrase: str,
) -> None:  # fmt: skip
    size_bytes = len(video())
    too_small = client_with("upload_video", **{limit: size_bytes - 1})
    refused = problem(upload(user, video(), client=too_small), status, code)
    assert phrase in refused["message"]
    assert (refused["used_bytes"], refused["limit_bytes"]) == (0, size_bytes - 1)
    assert refused["remaining_bytes"] == size_bytes - 1
    assert (refused["resets_at"] is None) is (status == 413)
    nothing_left(user)
    fitting = client_with("upload_video", **{limit: size_bytes})
    success(upload(user, video(), client=fitting), 201)
    assert levels(database, user) == (size_bytes, 0, size_bytes, 0)
    problem(upload(user, video(), client=fitting), status, code)


def test_what_cannot_fit_is_refused_by_its_announced_length(
    upload: Upload, client_with: Callable[..., FlaskClient], nothing_left: Callable[..., None], user: Account
) -> None:
    """Text of that length would be 415, had anybody looked at it."""
    client = client_with("upload_video", STORAGE_QUOTA_BYTES=1)
    problem(upload(user, b"x" * MIB, client=client), 413, "storage_quota_exceeded")
    nothing_left(user)


def test_one_upload_of_a_user_at_a_time(
    functions: Functions, upload: Upload, user: Account, admin: Account, video: Video
) -> None:
    uploads = functions.entry("upload_video").app.uploads
    with pytest.raises(ZeroDivisionError), uploads.turn(uuid.UUID(user.id), 0):
        refused = problem(upload(user, video()), 409, "upload_in_progress")
        assert "Already uploading" in refused["message"]
        success(upload(admin, video()), 201)
        raise ZeroDivisionError  # the other upload fails, whatever the reason
    success(upload(user, video()), 201)


@pytest.mark.parametrize("fault", [{"status": 500}, {"status": 503}, {"status": 429}, {"lose_answer": True}])
def test_a_media_host_that_fails_is_a_503_and_leaves_nothing(
    upload: Upload, break_media: Callable[[Mapping[str, Any]], None], nothing_left: Callable[..., None], user: Account,
    video: Video, fault: dict[str, Any],
) -> None:  # fmt: skip
    break_media({"upload": fault})
    problem(upload(user, video()), 503, "dependency_unavailable")
    nothing_left(user, may_arrive_late=True)
    success(upload(user, video()), 201)
