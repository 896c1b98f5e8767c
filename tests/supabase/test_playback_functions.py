"""Playbacks against the day's allowance: reserved when somebody watches, settled to what the player reports."""

from typing import Any

import pytest

from tests.supabase.scratch import Refused, Sql


def levels(sql: Sql, user: Any) -> tuple[int, int]:
    """(used, reserved) bytes of today's playbacks."""
    usage = sql.usage(user)
    return usage["playback_used_bytes"], usage["playback_reserved_bytes"]


def test_watching_reserves_the_videos_size_until_the_report_settles_it(sql: Sql) -> None:
    user, owner = sql.user(), sql.user()
    video = sql.upload(owner, 100)
    playback = sql.watch(user, video["filename"])
    assert playback["video"] == video
    assert playback["allowance"]["reserved_bytes"] == 100
    assert levels(sql, user) == (0, 100)
    assert sql.report(user, playback["playback_id"], 30) == 30
    assert levels(sql, user) == (30, 0)
    assert levels(sql, owner) == (0, 0)


def test_the_highest_reported_figure_counts_once(sql: Sql) -> None:
    user = sql.user()
    playback = sql.watch(user, sql.upload(user, 100)["filename"])["playback_id"]
    assert [sql.report(user, playback, figure) for figure in (30, 30, 10, 70, 0)] == [30, 30, 30, 70, 70]
    assert levels(sql, user) == (70, 0)
    sql.together(20, lambda number: sql.report(user, playback, 70 + number))
    assert levels(sql, user) == (89, 0)


def test_watching_again_prolongs_the_open_reservation_and_adds_none(sql: Sql) -> None:
    user = sql.user()
    filename = sql.upload(user, 100)["filename"]
    first = sql.watch(user, filename, allowance_bytes=100)
    again = sql.watch(user, filename, allowance_bytes=100)
    assert again["playback_id"] == first["playback_id"]
    assert again["expires_at"] > first["expires_at"]
    assert levels(sql, user) == (0, 100)


@pytest.mark.parametrize(("allowance", "fits"), [(299, False), (300, True), (301, True), (0, True)])
def test_the_allowance_may_be_filled_to_the_byte_and_0_means_none(sql: Sql, allowance: int, fits: bool) -> None:
    user = sql.user()
    first, second, third = (sql.upload(user, 100)["filename"] for _ in range(3))
    sql.report(user, sql.watch(user, first)["playback_id"], 100)
    sql.watch(user, second)
    if fits:
        sql.watch(user, third, allowance_bytes=allowance)
        assert levels(sql, user) == (100, 200)
        return
    with pytest.raises(Refused, match="PT429 playback_quota_exceeded") as refused:
        sql.watch(user, third, allowance_bytes=allowance)
    assert refused.value.detail["remaining_bytes"] == 99
    assert 1 <= refused.value.detail["retry_after_seconds"] <= 86_400
    assert levels(sql, user) == (100, 100)


def test_twenty_parallel_playbacks_never_pass_the_allowance(sql: Sql) -> None:
    user = sql.user()
    files = [sql.upload(user, 100)["filename"] for _ in range(20)]
    accepted, refused = sql.together(20, lambda number: sql.watch(user, files[number], allowance_bytes=799))
    assert (len(accepted), len(refused)) == (7, 13)
    assert levels(sql, user) == (0, 700)


def test_twenty_parallel_looks_at_one_video_make_one_reservation(sql: Sql) -> None:
    user = sql.user()
    filename = sql.upload(user, 100)["filename"]
    looks, _ = sql.together(20, lambda _: sql.watch(user, filename, allowance_bytes=100))
    assert len(looks) == 20
    assert len({look["playback_id"] for look in looks}) == 1
    assert levels(sql, user) == (0, 100)


def test_what_is_watched_again_after_midnight_counts_today(sql: Sql) -> None:
    user = sql.user()
    video = sql.upload(user, 100)
    first = sql.watch(user, video["filename"])
    sql.run("update public.playbacks set day = day - 1 where user_id = %s", user)
    sql.run("update public.uploads set day = day - 1 where user_id = %s", user)
    sql.run("update public.daily_usage set day = day - 1 where user_id = %s", user)
    second = sql.watch(user, video["filename"])
    assert second["playback_id"] != first["playback_id"]
    assert second["allowance"]["reserved_bytes"] == 100
    with pytest.raises(Refused, match="playback_quota_exceeded"):
        sql.watch(user, sql.upload(user, 1)["filename"], allowance_bytes=100)


def test_watching_the_next_video_frees_what_has_expired(sql: Sql) -> None:
    user = sql.user()
    first, second = (sql.upload(user, 100)["filename"] for _ in range(2))
    sql.watch(user, first, allowance_bytes=100)
    sql.expire()
    sql.watch(user, second, allowance_bytes=100)
    assert levels(sql, user) == (0, 100)


def test_an_expired_playback_reserves_nothing_in_todays_figures(sql: Sql) -> None:
    user = sql.user()
    sql.watch(user, sql.upload(user, 100)["filename"])
    sql.expire()
    assert levels(sql, user) == (0, 0)


def test_a_report_after_expiry_still_counts(sql: Sql) -> None:
    user = sql.user()
    playback = sql.watch(user, sql.upload(user, 100)["filename"])["playback_id"]
    sql.expire()
    sql.call("close_day", batch=500)
    assert sql.report(user, playback, 40) == 40
    assert levels(sql, user) == (40, 0)


def test_a_report_on_an_archived_day_is_archived_after_it(sql: Sql) -> None:
    user = sql.user()
    playback = sql.watch(user, sql.upload(user, 100)["filename"])["playback_id"]
    sql.report(user, playback, 40)
    sql.days_pass()
    sql.call("close_day", batch=500)
    sql.report(user, playback, 60)
    assert levels(sql, user) == (0, 0)
    sql.call("close_day", batch=500)
    assert sql.rows("select upload_bytes, playback_bytes from public.usage_archive") == [
        {"upload_bytes": 100, "playback_bytes": 60}
    ]


def test_nobody_reports_on_anothers_playback(sql: Sql) -> None:
    user, other = sql.user(), sql.user()
    playback = sql.watch(user, sql.upload(user, 100)["filename"])["playback_id"]
    with pytest.raises(Refused, match="PT404 playback_not_found"):
        sql.report(other, playback, 1)
    assert levels(sql, user) == (0, 100)


def test_a_deleted_video_cannot_be_watched(sql: Sql) -> None:
    user = sql.user()
    filename = sql.upload(user, 100)["filename"]
    sql.call("delete_videos", user_id=user, filename=filename)
    with pytest.raises(Refused, match="PT404 video_not_found"):
        sql.watch(user, filename)
    assert levels(sql, user) == (0, 0)
