"""POST /complete_upload: one video however often it is said, and nothing left of what does not become one."""

import uuid
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from flask.testing import FlaskClient

from common.quota import MIB
from tests.cloud import Account, Cloud, eventually
from tests.conftest import Functions
from tests.functions.answers import problem, success
from tests.functions.conftest import Upload
from tests.functions.direct import Direct, media_id, together
from tests.functions.test_upload_lost_answers import losing_the_answer
from tests.media.browser import send_chunk
from tests.supabase.scratch import Sql

Video = Callable[..., bytes]
LARGE_BYTES = 9 * MIB  # two chunks


@pytest.fixture
def direct(cloud: Cloud, functions: Functions, client_with: Callable[..., FlaskClient]) -> Direct:
    return Direct(cloud, functions, client_with)


def levels(database: Sql, user: Account) -> tuple[int, int, int, int]:
    return database.levels(uuid.UUID(user.id))


def test_a_file_that_was_sent_becomes_the_video_that_the_ticket_was_for(
    direct: Direct, database: Sql, user: Account, video: Video
) -> None:
    ticket, _ = direct.sent(user, video())
    answer = success(direct.complete(user, ticket["upload_id"]))
    row = answer["file"]
    assert set(answer) == {"message", "file"}
    assert (row["id"], row["user_id"], row["title"]) == (ticket["upload_id"], user.id, "A & B 😀")
    assert (row["size_bytes"], row["size_mb"]) == (len(video()), len(video()) / MIB)
    assert row["filename"] == f"{row['id']}.mp4"
    assert row["poster_url"] == row["filepath"].removesuffix(".mp4") + ".jpg"
    assert direct.videos(user) == [row]
    assert levels(database, user) == (len(video()), 0, len(video()), 0)


def test_saying_it_again_answers_the_same_row(direct: Direct, database: Sql, user: Account, video: Video) -> None:
    ticket, _ = direct.sent(user, video())
    answers = [direct.complete(user, ticket["upload_id"]) for _ in range(2)]
    answers += together(*[lambda: direct.complete(user, ticket["upload_id"])] * 6)
    assert [success(answer)["file"] for answer in answers] == direct.videos(user) * 8
    assert levels(database, user) == (len(video()), 0, len(video()), 0)


def test_saying_it_eight_times_at_once_makes_one_video(
    direct: Direct, database: Sql, user: Account, video: Video
) -> None:
    ticket, _ = direct.sent(user, video())
    answers = together(*[lambda: direct.complete(user, ticket["upload_id"])] * 8)
    assert [success(answer)["file"] for answer in answers] == direct.videos(user) * 8
    assert levels(database, user) == (len(video()), 0, len(video()), 0)


def test_a_smaller_file_than_announced_gives_the_difference_back(
    direct: Direct, database: Sql, user: Account, video: Video
) -> None:
    ticket, _ = direct.sent(user, video(), size_bytes=10 * MIB)
    assert levels(database, user) == (0, 10 * MIB, 0, 10 * MIB)
    assert success(direct.complete(user, ticket["upload_id"]))["file"]["size_bytes"] == len(video())
    assert levels(database, user) == (len(video()), 0, len(video()), 0)


def test_an_unknown_upload_anothers_and_a_form_are_answered_alike(
    direct: Direct, upload: Upload, user: Account, admin: Account, video: Video
) -> None:
    ticket, _ = direct.sent(user, video())
    form = success(upload(admin, video()), 201)["file"]["id"]
    answers = [
        problem(direct.complete(admin, upload_id), 404, "upload_not_found")
        for upload_id in (uuid.uuid4(), ticket["upload_id"], form)
    ]
    for answer in answers:
        del answer["request_id"]
    assert answers[0] == answers[1] == answers[2]
    success(direct.complete(user, ticket["upload_id"]))


def test_an_upload_that_is_not_whole_keeps_its_reservation(
    direct: Direct, database: Sql, user: Account, video: Video
) -> None:
    file = video(LARGE_BYTES)
    ticket = direct.open(user, LARGE_BYTES)
    for number in (1, 2):
        problem(direct.complete(user, ticket["upload_id"]), 409, "upload_incomplete")
        assert levels(database, user) == (0, LARGE_BYTES, 0, LARGE_BYTES)
        send_chunk(ticket, file, number).raise_for_status()
    success(direct.complete(user, ticket["upload_id"]))


def test_a_file_that_is_no_video_is_refused_by_the_host_and_may_be_replaced(
    direct: Direct, user: Account, video: Video
) -> None:
    ticket = direct.open(user, len(video()))
    assert send_chunk(ticket, b"Dear diary, this is text. " * 100, 1).status_code == 400
    problem(direct.complete(user, ticket["upload_id"]), 409, "upload_incomplete")
    send_chunk(ticket, video(), 1).raise_for_status()
    success(direct.complete(user, ticket["upload_id"]))


@pytest.mark.parametrize("end", ["cancelled", "expired"])
def test_an_upload_that_is_over_leaves_nothing(
    direct: Direct,
    cloud: Cloud,
    database: Sql,
    nothing_left: Callable[..., None],
    user: Account,
    video: Video,
    end: str,
) -> None:
    ticket, _ = direct.sent(user, video())
    if end == "cancelled":
        cloud.client.delete(f"/delete_video/{ticket['upload_id']}", headers=user.headers).raise_for_status()
    else:
        database.run("update uploads set expires_at = now() where id = %s", ticket["upload_id"])
        assert cloud.storage(user) == (0, 0)
    for _ in range(2):
        problem(direct.complete(user, ticket["upload_id"]), 410, "upload_expired")
    nothing_left(user, may_arrive_late=True)


def test_an_upload_that_arrived_in_time_is_not_lost_over_a_late_word(
    direct: Direct, database: Sql, user: Account, video: Video
) -> None:
    """As long as nobody has given its bytes to somebody else."""
    ticket, _ = direct.sent(user, video())
    database.run("update uploads set expires_at = now() where id = %s", ticket["upload_id"])
    success(direct.complete(user, ticket["upload_id"]))
    assert levels(database, user) == (len(video()), 0, len(video()), 0)


def test_a_file_larger_than_announced_is_destroyed_and_its_bytes_are_back(
    direct: Direct, nothing_left: Callable[..., None], user: Account, video: Video
) -> None:
    ticket, _ = direct.sent(user, video(), size_bytes=len(video()) - 1)
    problem(direct.complete(user, ticket["upload_id"]), 413, "larger_than_reserved")
    nothing_left(user, may_arrive_late=True)
    problem(direct.complete(user, ticket["upload_id"]), 413, "larger_than_reserved")


def test_a_host_that_cannot_destroy_is_asked_again_later(
    direct: Direct, database: Sql, break_media: Callable[[Mapping[str, Any]], None], user: Account, video: Video
) -> None:
    ticket, _ = direct.sent(user, video(), size_bytes=len(video()) - 1)
    break_media({"destroy": {"status": 500}})
    problem(direct.complete(user, ticket["upload_id"]), 413, "larger_than_reserved")
    assert levels(database, user) == (0, 0, 0, 0)
    assert media_id(user, ticket) in database.purges()


@pytest.mark.parametrize("fault", [{"status": 500}, {"status": 429}, {"status": 423}, {"lose_answer": True}], ids=str)
def test_a_host_that_fails_is_a_503_and_the_next_word_is_good(
    direct: Direct, database: Sql, break_media: Callable[[Mapping[str, Any]], None], user: Account, video: Video,
    fault: dict[str, Any],
) -> None:  # fmt: skip
    ticket, _ = direct.sent(user, video())
    break_media({"explicit": fault})
    problem(direct.complete(user, ticket["upload_id"]), 503, "dependency_unavailable")
    assert levels(database, user) == (0, len(video()), 0, len(video()))
    break_media({})
    success(direct.complete(user, ticket["upload_id"]))


@pytest.mark.parametrize("function", ["find_direct_upload", "settle_direct_upload"])
def test_supabases_lost_answer_is_a_503_and_the_next_word_is_good(
    direct: Direct, database: Sql, user: Account, video: Video, function: str
) -> None:
    ticket, _ = direct.sent(user, video())
    with losing_the_answer(function, 1):
        problem(direct.complete(user, ticket["upload_id"]), 503, "dependency_unavailable")
    row = success(direct.complete(user, ticket["upload_id"]))["file"]
    assert direct.videos(user) == [row]
    assert levels(database, user) == (len(video()), 0, len(video()), 0)


def test_a_ticket_whose_reservation_nobody_confirmed_reserves_nothing(
    direct: Direct, database: Sql, user: Account
) -> None:
    announced = {"title": "t", "filename": "a.mp4", "content_type": "video/mp4", "size_bytes": 100}
    client = direct.client_with("upload_video", MEDIA_WEBHOOK_URL="")
    with losing_the_answer("reserve_direct_upload", 1):
        problem(client.post("/", json=announced, headers=user.headers), 503, "dependency_unavailable")
    assert levels(database, user) == (0, 0, 0, 0)


def test_a_video_that_was_deleted_does_not_come_back(
    direct: Direct, cloud: Cloud, database: Sql, user: Account, video: Video
) -> None:
    ticket, _ = direct.sent(user, video())
    row = success(direct.complete(user, ticket["upload_id"]))["file"]
    cloud.client.delete(f"/delete_video/{row['filename']}", headers=user.headers).raise_for_status()
    problem(direct.complete(user, ticket["upload_id"]), 404, "video_not_found")
    ticket_again = {**ticket, "headers": {"X-Unique-Upload-Id": str(uuid.uuid4())}}
    send_chunk(ticket_again, video(), 1).raise_for_status()
    problem(direct.complete(user, ticket["upload_id"]), 404, "video_not_found")
    assert cloud.media(f"reelay/{user.id}") == []
    assert levels(database, user) == (0, 0, len(video()), 0)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "upload_id"),
        ({"upload_id": None}, "upload_id"),
        ({"upload_id": "1234"}, "upload_id"),
        ({"upload_id": ["a"]}, "upload_id"),
        ({"upload_id": f"{uuid.UUID(int=1)}", "title": "t"}, "title"),
    ],
    ids=str,
)
def test_what_is_wrong_with_the_body_is_named(
    functions: Functions, user: Account, body: dict[str, Any], field: str
) -> None:
    answer = functions.client("complete_upload").post("/", json=body, headers=user.headers)
    assert set(problem(answer, 422, "invalid_fields")["errors"]) == {field}


def test_what_became_of_an_upload_is_logged(direct: Direct, cloud: Cloud, user: Account, video: Video) -> None:
    ticket, _ = direct.sent(user, video())
    success(direct.complete(user, ticket["upload_id"]))
    problem(direct.complete(user, uuid.uuid4()), 404, "upload_not_found")
    expected = {f"Video {ticket['upload_id']} uploaded, {len(video())} bytes (200)", "Refused: upload_not_found (404)"}
    eventually(
        lambda: {one["description"] for one in cloud.logs(user) if one["action_type"] == "COMPLETE_UPLOAD"} == expected
    )
