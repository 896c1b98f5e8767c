"""What a direct upload leaves that was abandoned, cancelled or deleted: no bytes, and in the end no file either."""

from __future__ import annotations

import uuid
from collections.abc import Callable

import pytest

from tests.supabase.direct_tickets import Tickets, media_id
from tests.supabase.scratch import Refused, Sql


def claimed(sql: Sql) -> set[str]:
    """What the daily job would destroy now."""
    return set(sql.call("claim_purges", batch=100)["media_ids"])


def finish(sql: Sql, *uploads: uuid.UUID) -> int:
    """How many the queue let go after the host has confirmed them."""
    return int(sql.call("finish_purges", media_ids=[media_id(upload) for upload in uploads])["finished"])


def tickets_end(sql: Sql) -> None:
    """So much time passes that no ticket can be used any more, and nothing sent with one is on its way."""
    sql.run("update public.uploads set expires_at = now() - interval '11 minutes'")
    sql.run("update public.media_purges set not_before = now(), last_attempt_at = null")


@pytest.fixture
def tickets(sql: Sql) -> Tickets:
    return Tickets(sql, sql.user())


def test_an_upload_that_expired_is_still_settled_until_somebody_sweeps(tickets: Tickets) -> None:
    upload = tickets.open(10)
    tickets.sql.expire()
    found = tickets.find(upload)
    assert (found["state"], found["is_expired"]) == ("open", True)
    tickets.settle(upload, 10)
    assert tickets.levels == (10, 0, 10, 0)


@pytest.mark.parametrize("by", ["the next ticket", "check_storage", "the daily job"])
def test_an_abandoned_ticket_gives_its_bytes_back(tickets: Tickets, by: str) -> None:
    upload = tickets.open(10)
    tickets.sql.expire()
    sweeps: dict[str, Callable[[], object]] = {
        "the next ticket": lambda: tickets.open(0),
        "check_storage": tickets.opened,
        "the daily job": lambda: tickets.sql.call("close_day", batch=500),
    }
    sweeps[by]()
    assert tickets.levels == (0, 0, 0, 0)
    assert str(upload) not in [one["upload_id"] for one in tickets.opened()]
    assert media_id(upload) in tickets.sql.purges()
    with pytest.raises(Refused, match="PT410 upload_expired"):
        tickets.settle(upload, 10)
    with pytest.raises(Refused, match="PT410 upload_expired"):
        tickets.open(10, upload)


def test_cancelling_gives_the_bytes_back_at_once_and_names_the_media(tickets: Tickets) -> None:
    upload, other = tickets.open(10), tickets.open(3)
    assert tickets.delete(str(upload).upper()) == {"deleted": 0, "cancelled": 1, "media_ids": [media_id(upload)]}
    assert tickets.levels == (0, 3, 0, 3)
    assert [one["upload_id"] for one in tickets.opened()] == [str(other)]
    with pytest.raises(Refused, match="PT404 video_not_found"):
        tickets.delete(upload)


def test_deleting_everything_leaves_uploads_under_way_alone(tickets: Tickets) -> None:
    upload = tickets.open(10)
    tickets.settle(tickets.open(5), 5)
    assert tickets.delete(None)["deleted"] == 1
    assert tickets.levels == (0, 10, 5, 10)
    tickets.settle(upload, 10)


def test_what_a_cancelled_ticket_may_still_send_is_looked_for_when_it_has_ended(sql: Sql, tickets: Tickets) -> None:
    upload = tickets.open(10)
    tickets.delete(upload)
    assert (finish(sql, upload), claimed(sql), sql.purges()) == (0, set(), {media_id(upload)})
    tickets_end(sql)
    assert claimed(sql) == {media_id(upload)}
    assert (finish(sql, upload), sql.purges()) == (1, set())


def test_the_queue_keeps_a_cancelled_tickets_media_ten_minutes_longer_than_the_ticket(
    sql: Sql, tickets: Tickets
) -> None:
    upload = tickets.open(10)
    tickets.delete(upload)
    expected = sql.value("select expires_at + interval '10 minutes' from public.uploads where id = %s", upload)
    assert sql.value("select not_before from public.media_purges") == expected


def test_a_deleted_videos_ticket_is_watched_until_it_ends(sql: Sql, tickets: Tickets) -> None:
    upload = tickets.open(10)
    filename = tickets.settle(upload, 10)["filename"]
    assert tickets.delete(filename) == {"deleted": 1, "cancelled": 0, "media_ids": [media_id(upload)]}
    assert (finish(sql, upload), sql.purges()) == (0, {media_id(upload)})
    found = tickets.find(upload)
    assert (found["state"], found["video"]) == ("settled", None)
    # The ticket is used once more: whoever hears of it gives the media up again.
    assert tickets.release(upload) == "deleted"
    assert (finish(sql, upload), claimed(sql)) == (0, set())
    assert tickets.levels == (0, 0, 10, 0)
    tickets_end(sql)
    assert claimed(sql) == {media_id(upload)}
    assert finish(sql, upload) == 1


@pytest.mark.parametrize(("minutes", "is_kept"), [(9, True), (11, False)])
def test_a_video_whose_ticket_has_ended_is_gone_with_the_first_confirmation_after_ten_minutes(
    sql: Sql, tickets: Tickets, minutes: int, is_kept: bool
) -> None:
    """A chunk that was begun in time may still be on its way."""
    upload = tickets.open(10)
    filename = tickets.settle(upload, 10)["filename"]
    sql.run("update public.uploads set expires_at = now() - make_interval(mins => %s)", minutes)
    tickets.delete(filename)
    assert (finish(sql, upload), sql.purges()) == (0 if is_kept else 1, {media_id(upload)} if is_kept else set())


def test_a_ticket_used_after_its_video_was_deleted_makes_no_second_one(tickets: Tickets) -> None:
    upload = tickets.open(10)
    tickets.delete(tickets.settle(upload, 10)["filename"])
    with pytest.raises(Refused, match="PT404 video_not_found"):
        tickets.settle(upload, 10)
    assert tickets.find(upload)["video"] is None
    assert tickets.levels == (0, 0, 10, 0)


def test_releasing_a_video_that_is_there_changes_nothing(tickets: Tickets) -> None:
    upload = tickets.open(10)
    tickets.settle(upload, 10)
    assert tickets.release(upload) == "settled"
    assert (tickets.levels, tickets.sql.purges()) == ((10, 0, 10, 0), set())


def test_media_that_never_arrived_need_not_be_looked_for(tickets: Tickets) -> None:
    upload = tickets.open(10)
    assert tickets.sql.release(upload, tickets.user, media_absent=True) == "released"
    assert tickets.sql.purges() == set()


def test_an_upload_counts_on_the_day_of_its_ticket(tickets: Tickets) -> None:
    upload = tickets.open(10)
    tickets.sql.days_pass()
    tickets.settle(upload, 8)
    assert tickets.levels == (8, 0, 0, 0)
    used = tickets.sql.rows("select day - (now() at time zone 'utc')::date as day, upload_used_bytes from daily_usage")
    assert [(row["day"], row["upload_used_bytes"]) for row in used] == [(-1, 8)]


def test_the_overview_shows_what_is_under_way_the_oldest_first(tickets: Tickets) -> None:
    first, second = tickets.open(10, title="one"), tickets.open(20, title="two")
    tickets.sql.reserve(tickets.user, 5, kind="multipart")
    shown = tickets.opened()
    assert [(one["upload_id"], one["title"], one["size_bytes"]) for one in shown] == [
        (str(first), "one", 10), (str(second), "two", 20)
    ]  # fmt: skip
    assert all(set(one) == {"upload_id", "title", "size_bytes", "expires_at"} for one in shown)
