"""Direct uploads in SQL: tickets against their limits, and one video whoever says first, or often, that it is there."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from tests.supabase.direct_tickets import HOUR, Tickets, media_id
from tests.supabase.scratch import Refused, Sql

LIMIT = 1000
AMPLE = 10**9


@pytest.fixture
def tickets(sql: Sql) -> Tickets:
    return Tickets(sql, sql.user())


@pytest.mark.parametrize(
    ("limit", "refusal"),
    [("storage", "PT413 storage_quota_exceeded"), ("bandwidth", "PT429 bandwidth_quota_exceeded")],
)
def test_a_ticket_may_fill_a_limit_to_the_byte_and_not_pass_it(sql: Sql, limit: str, refusal: str) -> None:
    limits: dict[str, Any] = {
        "storage_limit_bytes": AMPLE,
        "bandwidth_limit_bytes": AMPLE,
        f"{limit}_limit_bytes": LIMIT,
    }
    for already, more, fits in [(0, 999, True), (0, 1000, True), (0, 1001, False), (400, 600, True), (400, 601, False)]:
        tickets = Tickets(sql, sql.user())
        tickets.settle(tickets.open(already // 2), already // 2)
        tickets.open(already - already // 2)
        before = tickets.levels
        if fits:
            tickets.open(more, **limits)
            assert tickets.levels[1] == before[1] + more
            continue
        with pytest.raises(Refused, match=refusal) as refused:
            tickets.open(more, **limits)
        assert tickets.levels == before
        assert refused.value.detail["remaining_bytes"] == LIMIT - already


@pytest.mark.parametrize("open_limit", [1, 3])
def test_so_many_tickets_may_be_open_and_not_one_more(tickets: Tickets, open_limit: int) -> None:
    opened = [tickets.open(1, open_limit=open_limit) for _ in range(open_limit)]
    with pytest.raises(Refused, match="PT429 too_many_uploads") as refused:
        tickets.open(1, open_limit=open_limit)
    assert 1 <= refused.value.detail["retry_after_seconds"] <= HOUR + 1
    assert tickets.levels == (0, open_limit, 0, open_limit)
    tickets.delete(opened[0])
    tickets.open(1, open_limit=open_limit)


@pytest.mark.parametrize("end", ["settled", "cancelled", "released", "expired"])
def test_a_ticket_that_has_ended_makes_room_for_another(tickets: Tickets, end: str) -> None:
    upload = tickets.open(10, open_limit=1)
    ends: dict[str, Callable[[], object]] = {
        "settled": lambda: tickets.settle(upload, 10),
        "cancelled": lambda: tickets.delete(upload),
        "released": lambda: tickets.release(upload),
        "expired": tickets.sql.expire,
    }
    ends[end]()
    tickets.open(5, open_limit=1)
    assert tickets.levels[1] == 5


def test_a_form_on_its_way_takes_no_ticket_and_a_ticket_no_turn(tickets: Tickets) -> None:
    tickets.sql.reserve(tickets.user, 10, kind="multipart")
    tickets.open(5, open_limit=1)
    assert tickets.sql.usage(tickets.user)["uploading"] is True
    with pytest.raises(Refused, match="upload_in_progress"):
        tickets.sql.reserve(tickets.user, 1, kind="multipart")
    assert tickets.levels == (0, 15, 0, 15)


def test_other_users_tickets_count_for_them(sql: Sql) -> None:
    for _ in range(3):
        Tickets(sql, sql.user()).open(LIMIT, open_limit=1, storage_limit_bytes=LIMIT)


@pytest.mark.parametrize("limit", ["storage", "bandwidth"])
def test_twenty_tickets_at_once_never_pass_a_limit_by_a_byte(tickets: Tickets, limit: str) -> None:
    limits: dict[str, Any] = {f"{limit}_limit_bytes": 7 * 99 + 98}
    accepted, refused = tickets.sql.together(20, lambda _: tickets.open(99, **limits))
    assert (len(accepted), len(refused)) == (7, 13)
    assert tickets.levels == (0, 7 * 99, 0, 7 * 99)


def test_twenty_tickets_at_once_are_no_more_than_may_be_open(tickets: Tickets) -> None:
    accepted, refused = tickets.sql.together(20, lambda _: tickets.open(1, open_limit=6))
    assert len(accepted) == 6
    assert {str(refusal) for refusal in refused} == {"PT429 too_many_uploads"}


def test_a_ticket_asked_for_twice_is_one(tickets: Tickets) -> None:
    upload = tickets.open(10, open_limit=1)
    tickets.open(10, upload, open_limit=1)
    tickets.sql.together(10, lambda _: tickets.open(10, upload, open_limit=1))
    assert tickets.levels == (0, 10, 0, 10)
    assert [one["upload_id"] for one in tickets.opened()] == [str(upload)]


def test_what_the_ticket_was_for_stands_with_it(tickets: Tickets) -> None:
    title = "😀 \"=&%' \\ 漢字"
    upload = tickets.open(10, title=title, format="webm")
    found = tickets.find(upload)
    assert {name: found[name] for name in ("upload_id", "state", "media_id", "size_bytes", "title", "format")} == {
        "upload_id": str(upload), "state": "open", "media_id": media_id(upload), "size_bytes": 10, "title": title,
        "format": "webm",
    }  # fmt: skip
    assert (found["is_expired"], found["video"]) == (False, None)


def test_settling_makes_the_video_that_the_ticket_was_for(tickets: Tickets) -> None:
    upload = tickets.open(10, title="A & B", format="mov")
    video = tickets.settle(upload, 7, format="mp4", filepath="video/upload/v1/x.mp4", duration_seconds=2.5)
    assert (video["id"], video["title"], video["filename"]) == (str(upload), "A & B", f"{upload}.mp4")
    assert (video["format"], video["filepath"], video["duration_seconds"]) == ("mp4", "video/upload/v1/x.mp4", 2.5)
    assert (video["size_bytes"], tickets.levels) == (7, (7, 0, 7, 0))
    assert tickets.find(upload)["video"] == video
    assert (tickets.opened(), tickets.sql.purges()) == ([], set())


def test_settling_again_changes_nothing_whatever_it_says(tickets: Tickets) -> None:
    upload = tickets.open(10)
    video = tickets.settle(upload, 10)
    assert tickets.settle(upload, 3, filepath="elsewhere", format="webm", duration_seconds=None) == video
    assert tickets.levels == (10, 0, 10, 0)


def test_more_than_the_ticket_was_for_is_refused_and_changes_nothing(tickets: Tickets) -> None:
    upload = tickets.open(10)
    with pytest.raises(Refused, match="PT413 larger_than_reserved"):
        tickets.settle(upload, 11)
    assert tickets.levels == (0, 10, 0, 10)
    assert tickets.find(upload)["state"] == "open"


def test_twenty_who_say_at_once_that_the_file_is_there_make_one_video(tickets: Tickets) -> None:
    upload = tickets.open(10)
    videos, refused = tickets.sql.together(20, lambda number: tickets.settle(upload, 10 - number % 5))
    assert (len(videos), refused) == (20, [])
    assert all(video == videos[0] for video in videos)
    assert tickets.levels == (videos[0]["size_bytes"], 0, videos[0]["size_bytes"], 0)


@pytest.mark.parametrize("by", ["cancelling", "releasing", "expiry", "the daily job"])
def test_settling_raced_with_an_end_is_one_or_the_other(tickets: Tickets, by: str) -> None:
    for _ in range(8):
        upload = tickets.open(10)
        if by in ("expiry", "the daily job"):
            tickets.sql.expire()
        others: dict[str, Callable[[], Any]] = {
            "cancelling": partial(tickets.delete, upload),
            "releasing": partial(tickets.release, upload),
            "expiry": tickets.opened,
            "the daily job": lambda: tickets.sql.call("close_day", batch=500),
        }
        both = [others[by], partial(tickets.settle, upload, 10)]
        _, refused = tickets.sql.together(2, lambda number, both=both: both[number]())  # type: ignore[misc]
        is_video = tickets.find(upload)["video"] is not None
        assert (media_id(upload) in tickets.sql.purges()) is not is_video
        expected = {"PT404 video_not_found"} if by == "cancelling" else set()
        assert {str(refusal) for refusal in refused} <= (expected if is_video else {"PT410 upload_expired"})
        assert tickets.levels[:2] == (10 * is_video, 0)
        tickets.delete(None)


def test_anothers_upload_is_as_unknown_as_one_that_never_was(sql: Sql, tickets: Tickets) -> None:
    thief = Tickets(sql, sql.user())
    upload = tickets.open(10)
    for unknown in (upload, uuid.uuid4()):
        with pytest.raises(Refused, match="PT404 upload_not_found"):
            thief.find(unknown)
        with pytest.raises(Refused, match="PT410 upload_expired"):
            thief.settle(unknown, 10)
        with pytest.raises(Refused, match="PT404 video_not_found"):
            thief.delete(unknown)
    thief.release(upload)
    with pytest.raises(Refused):
        thief.open(5, upload, title="stolen")
    assert thief.levels == (0, 0, 0, 0)
    assert tickets.levels == (0, 10, 0, 10)
    assert (tickets.find(upload)["state"], tickets.find(upload)["title"]) == ("open", "A & B")


def test_a_form_is_no_direct_upload(tickets: Tickets) -> None:
    turn = tickets.sql.reserve(tickets.user, 10, kind="multipart")
    with pytest.raises(Refused, match="PT404 upload_not_found"):
        tickets.find(turn)
    with pytest.raises(Refused, match="PT404 video_not_found"):
        tickets.delete(turn)
    assert tickets.opened() == []


def test_an_account_that_is_gone_is_told_so(sql: Sql) -> None:
    nobody = Tickets(sql, uuid.uuid4())
    for ask in (lambda: nobody.open(1), lambda: nobody.find(uuid.uuid4()), nobody.opened, lambda: nobody.delete("x")):
        with pytest.raises(Refused, match="PT401 invalid_token"):
            ask()
