"""The daily job in SQL: late, twice or at once it does the same, and no answer about today depends on it."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable
from typing import Any

import pytest

from tests.cloud import eventually
from tests.supabase.scratch import MIB, Refused, Sql


def close_all(sql: Sql, batch: int = 500) -> dict[str, int]:
    """What reset_usage does: batches until there is no more. Answers the sums."""
    totals = {"archived": 0, "released_uploads": 0, "released_playbacks": 0}
    for _ in range(1000):
        done = sql.call("close_day", batch=batch)
        totals = {name: count + done[name] for name, count in totals.items()}
        if not done["more"]:
            return totals
    raise AssertionError("close_day never ends")


def archive(sql: Sql) -> list[dict[str, Any]]:
    """What was archived, the oldest day first."""
    return sql.rows(
        """select user_id, (now() at time zone 'utc')::date - day as days_ago, upload_bytes, playback_bytes
           from public.usage_archive order by day, user_id"""
    )


def busy_day(sql: Sql, user: uuid.UUID, size_bytes: int) -> None:
    """An upload and a playback that used half of it."""
    video = sql.upload(user, size_bytes)
    sql.report(user, sql.watch(user, video["filename"])["playback_id"], size_bytes // 2)


def test_past_days_are_archived_and_today_stays(sql: Sql) -> None:
    user = sql.user()
    busy_day(sql, user, 100)
    sql.days_pass()
    busy_day(sql, user, 40)
    before = sql.usage(user)
    assert close_all(sql) == {"archived": 1, "released_uploads": 0, "released_playbacks": 0}
    assert archive(sql) == [{"user_id": user, "days_ago": 1, "upload_bytes": 100, "playback_bytes": 50}]
    assert sql.usage(user) == before
    assert before["upload_used_bytes"] == 40


def test_today_answers_the_same_whether_the_job_ran_or_not_for_three_days(sql: Sql) -> None:
    users = [sql.user(), sql.user()]
    for day in range(3):
        for user in users:
            busy_day(sql, user, 100 + day)
        sql.days_pass()
    before = [sql.usage(user) for user in users]
    assert close_all(sql)["archived"] == 6
    assert [sql.usage(user) for user in users] == before
    assert [(row["days_ago"], row["upload_bytes"]) for row in archive(sql)] == [
        (3, 100), (3, 100), (2, 101), (2, 101), (1, 102), (1, 102)
    ]  # fmt: skip


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "Pacific/Pago_Pago"])  # 14 hours ahead, 11 hours behind
def test_the_day_ends_at_midnight_utc_wherever_the_connection_says_it_is(sql: Sql, zone: str) -> None:
    user = sql.user()
    busy_day(sql, user, 100)
    sql.days_pass()
    busy_day(sql, user, 40)
    sql.run("select set_config('timezone', %s, false)", zone)
    assert close_all(sql)["archived"] == 1
    assert [(row["days_ago"], row["upload_bytes"]) for row in archive(sql)] == [(1, 100)]


def test_running_twice_is_running_once(sql: Sql) -> None:
    busy_day(sql, sql.user(), 100)
    sql.days_pass()
    close_all(sql)
    once = archive(sql)
    assert close_all(sql) == {"archived": 0, "released_uploads": 0, "released_playbacks": 0}
    assert archive(sql) == once


@pytest.mark.parametrize("batch", [1, 7, 500])
def test_eight_runs_at_once_are_one_run(sql: Sql, batch: int) -> None:
    users = [sql.user() for _ in range(10)]
    for user in users:
        busy_day(sql, user, 100)
        sql.reserve(user, 10)
        sql.watch(user, sql.upload(user, 50)["filename"])
    sql.expire()
    sql.days_pass()
    runs, _ = sql.together(8, lambda _: close_all(sql, batch))
    assert len(runs) == 8
    assert sum(run["archived"] for run in runs) == 10
    assert sum(run["released_uploads"] for run in runs) == 10
    assert sum(run["released_playbacks"] for run in runs) == 10
    assert [(row["upload_bytes"], row["playback_bytes"]) for row in archive(sql)] == [(150, 50)] * 10
    assert sql.rows("select * from public.daily_usage") == []


def test_a_small_batch_says_that_there_is_more_until_nothing_is_left(sql: Sql) -> None:
    for _ in range(5):
        busy_day(sql, sql.user(), 10)
    sql.days_pass()
    answers = [sql.call("close_day", batch=2) for _ in range(3)]
    assert [(answer["archived"], answer["more"]) for answer in answers] == [(2, True), (2, True), (1, False)]


def test_a_day_with_an_open_reservation_waits_for_it(sql: Sql) -> None:
    uploader, viewer, sleeper = sql.user(), sql.user(), sql.user()
    upload = sql.reserve(uploader, 100)
    playback = sql.watch(viewer, sql.upload(sleeper, 80)["filename"])["playback_id"]
    sql.days_pass()
    close_all(sql)
    assert [row["user_id"] for row in archive(sql)] == [sleeper]
    sql.settle(upload, uploader, 90)
    sql.report(viewer, playback, 70)
    close_all(sql)
    figures = {row["user_id"]: (row["days_ago"], row["upload_bytes"], row["playback_bytes"]) for row in archive(sql)}
    assert figures == {sleeper: (1, 80, 0), uploader: (1, 90, 0), viewer: (1, 0, 70)}


def test_a_full_day_stays_full_for_an_upload_that_took_its_turn_before_midnight(sql: Sql) -> None:
    """It took its turn with 0 bytes, and says only after the job ran how many it brings."""
    user = sql.user()
    full = sql.upload(user, 40 * MIB)
    turn = sql.reserve(user, 0, kind="multipart", bandwidth_limit_bytes=40 * MIB)
    sql.run("update public.uploads set day = day - 1 where user_id = %s", user)
    sql.run("update public.daily_usage set day = day - 1 where user_id = %s", user)
    sql.call("delete_videos", user_id=user, filename=full["filename"])
    sql.call("close_day", batch=100)
    with pytest.raises(Refused, match="bandwidth_quota_exceeded"):
        sql.reserve(user, 1, upload_id=turn, kind="multipart", bandwidth_limit_bytes=40 * MIB)


def test_expired_reservations_are_released_and_their_media_queued(sql: Sql) -> None:
    user = sql.user()
    sql.watch(user, sql.upload(user, 50)["filename"])
    expired = [sql.reserve(user, 10), sql.reserve(user, 0, kind="multipart")]
    sql.expire()
    lasting = sql.reserve(sql.user(), 10)
    assert close_all(sql) == {"archived": 0, "released_uploads": 2, "released_playbacks": 1}
    assert sql.rows("select id from public.uploads where state = 'open'") == [{"id": lasting}]
    assert sql.purges() == {f"reelay/{upload}" for upload in expired}
    assert sql.usage(user)["playback_reserved_bytes"] == 0


def test_what_is_old_is_forgotten_and_what_is_not_is_kept(sql: Sql) -> None:
    user = sql.user()
    for age in ("6 days 23 hours", "7 days 1 hour"):
        video = sql.upload(user, 10)
        playback = sql.watch(user, video["filename"])["playback_id"]
        sql.report(user, playback, 10)
        sql.run("update public.uploads set expires_at = now() - %s::interval where id = %s", age, video["id"])
        sql.run("update public.playbacks set expires_at = now() - %s::interval where id = %s", age, playback)
    sql.run(
        """insert into public.login_attempts (key, failures, window_started_at) values
           ('new', 1, now() - interval '23 hours'), ('old', 1, now() - interval '25 hours')"""
    )
    close_all(sql)
    assert sql.value("select count(*) from public.uploads") == 1
    assert sql.value("select count(*) from public.playbacks") == 1
    assert sql.value("select key from public.login_attempts") == "new"
    assert sql.value("select count(*) from public.videos") == 2
    sql.run("delete from public.daily_usage")  # its history is gone: nothing to hold it against
    sql.run("delete from public.uploads")
    sql.run("delete from public.playbacks")


def test_a_login_and_the_job_never_wait_for_each_other_in_a_circle(sql: Sql) -> None:
    """Both forget or count an old account and an old address: the job must not hold one while it waits for the
    other. A third party that holds the account's row for a moment brings the login in front of the job."""
    limits = {"account_limit": 10, "address_limit": 100, "window_seconds": 900}
    login = {"email": "a@example.com", "address": "192.0.2.1", **limits}
    sql.call("begin_login", **login)
    for kind in ("address", "account"):  # in this order the job comes upon them
        sql.run(
            "update public.login_attempts set window_started_at = now() - interval '2 days' where starts_with(key, %s)",
            kind,
        )
    steps: list[Callable[[], object]] = [
        lambda: sql.call("begin_login", **login),
        lambda: sql.call("close_day", batch=500),
    ]
    failures: list[Exception] = []

    def run(step: Callable[[], object]) -> None:
        try:
            sql.together(1, lambda _: step())
        except Exception as failed:  # noqa: BLE001 - whatever it is, the test shows it
            failures.append(failed)

    with sql.connect() as third, third.transaction():
        third.execute("select 1 from public.login_attempts where starts_with(key, 'account') for update")
        threads = []
        for count, step in enumerate(steps, 1):
            thread = threading.Thread(target=run, args=(step,))
            thread.start()
            threads.append(thread)
            eventually(lambda count=count, thread=thread: sql.waiting() >= count or not thread.is_alive())  # type: ignore[misc]
    for thread in threads:
        thread.join()
    assert failures == []


def queue(sql: Sql, count: int) -> list[str]:
    """Media ids to purge, the oldest first."""
    sql.run(
        """insert into public.media_purges (media_id, requested_at)
           select 'm' || lpad(n::text, 3, '0'), now() - make_interval(mins => 1000 - n)
           from generate_series(1, %s) n""",
        count,
    )
    return [f"m{number:03}" for number in range(1, count + 1)]


def claim(sql: Sql, batch: int = 10) -> list[str]:
    return list(sql.call("claim_purges", batch=batch)["media_ids"])


def test_purges_are_claimed_oldest_first_and_once_within_ten_minutes(sql: Sql) -> None:
    media = queue(sql, 25)
    claimed = [sorted(claim(sql)) for _ in range(4)]
    assert claimed == [media[:10], media[10:20], media[20:], []]
    sql.run("update public.media_purges set last_attempt_at = last_attempt_at - interval '11 minutes'")
    assert sorted(claim(sql, 100)) == media
    assert sql.value("select min(attempts) + max(attempts) from public.media_purges") == 4


def test_each_id_goes_to_one_of_several_claimers_at_once(sql: Sql) -> None:
    media = queue(sql, 100)
    claims, _ = sql.together(10, lambda _: claim(sql))
    assert sorted(media_id for one in claims for media_id in one) == media


def test_a_claim_does_not_wait_for_another_that_is_not_finished(sql: Sql) -> None:
    media = queue(sql, 20)
    with sql.transaction():
        first = claim(sql)
        second, _ = sql.together(1, lambda _: claim(sql))
    assert sorted([*first, *second[0]]) == media


def test_what_the_host_confirms_leaves_the_queue(sql: Sql) -> None:
    media = queue(sql, 3)
    finished = sql.call("finish_purges", media_ids=[*media[:2], "unknown"])
    assert finished == {"finished": 2}
    assert sql.purges() == {media[2]}
