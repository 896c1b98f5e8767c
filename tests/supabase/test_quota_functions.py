"""Reserve, settle, release: uploads and playbacks against their limits, alone and twenty at a time."""

import uuid
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from tests.supabase.scratch import Refused, Sql

LIMIT = 1000
AMPLE = 10**9
# (bytes that there are, bytes to add, whether they fit)
BOUNDS = [(0, 999, True), (0, 1000, True), (0, 1001, False), (400, 600, True), (400, 601, False), (1000, 1, False)]


@pytest.mark.parametrize("kind", ["direct", "multipart"])
@pytest.mark.parametrize(
    ("limit", "refusal"),
    [("storage", "PT413 storage_quota_exceeded"), ("bandwidth", "PT429 bandwidth_quota_exceeded")],
)
def test_an_upload_may_fill_a_limit_to_the_byte_and_not_pass_it(sql: Sql, kind: str, limit: str, refusal: str) -> None:
    limits = {"storage_limit_bytes": AMPLE, "bandwidth_limit_bytes": AMPLE, f"{limit}_limit_bytes": LIMIT}
    for already, more, fits in BOUNDS:
        user = sql.user()
        sql.upload(user, already // 2)  # a half is used, a half is reserved
        sql.reserve(user, already - already // 2)
        before = sql.levels(user)
        if fits:
            sql.reserve(user, more, kind=kind, **limits)
            assert sql.levels(user)[1] == before[1] + more
            continue
        with pytest.raises(Refused, match=refusal) as refused:
            sql.reserve(user, more, kind=kind, **limits)
        assert sql.levels(user) == before
        assert refused.value.detail["limit_bytes"] == LIMIT
        assert refused.value.detail["remaining_bytes"] == LIMIT - already
        assert refused.value.detail["used_bytes"] + refused.value.detail["reserved_bytes"] == already


def test_a_refusal_for_bandwidth_says_when_the_day_ends(sql: Sql) -> None:
    user = sql.user()
    with pytest.raises(Refused) as refused:
        sql.reserve(user, 2, bandwidth_limit_bytes=1)
    assert refused.value.detail["resets_at"] == sql.usage(user)["resets_at"]
    assert 1 <= refused.value.detail["retry_after_seconds"] <= 86_400


def test_the_day_is_utcs_wherever_the_connection_says_it_is(sql: Sql) -> None:
    user = sql.user()
    sql.upload(user, 10)
    expected = sql.usage(user)
    for zone in ("Pacific/Kiritimati", "Pacific/Pago_Pago"):  # 14 hours ahead, 11 hours behind: two other dates
        sql.run("select set_config('timezone', %s, false)", zone)
        assert sql.usage(user) == expected
    assert expected["upload_used_bytes"] == 10
    assert expected["resets_at"].endswith("T00:00:00+00:00")


def test_what_was_uploaded_on_another_day_does_not_count_today(sql: Sql) -> None:
    user = sql.user()
    sql.upload(user, LIMIT)
    sql.days_pass()
    sql.reserve(user, LIMIT, bandwidth_limit_bytes=LIMIT)
    assert sql.levels(user) == (LIMIT, LIMIT, 0, LIMIT)


@pytest.mark.parametrize("limit", ["storage", "bandwidth"])
def test_twenty_parallel_reservations_never_pass_a_limit_by_a_byte(sql: Sql, limit: str) -> None:
    user = sql.user()
    limits = {"storage_limit_bytes": AMPLE, "bandwidth_limit_bytes": AMPLE, f"{limit}_limit_bytes": 7 * 99 + 98}
    accepted, refused = sql.together(20, lambda _: sql.reserve(user, 99, **limits))
    assert (len(accepted), len(refused)) == (7, 13)
    assert sql.levels(user) == (0, 7 * 99, 0, 7 * 99)


def test_twenty_parallel_uploads_settle_to_no_more_than_the_limit(sql: Sql) -> None:
    user = sql.user()

    def upload(number: int) -> Any:
        upload_id = sql.reserve(user, 99, storage_limit_bytes=LIMIT)
        return sql.settle(upload_id, user, 99 - number)

    videos, _ = sql.together(20, upload)
    used = sum(video["size_bytes"] for video in videos)
    assert len(videos) >= LIMIT // 99
    assert used <= LIMIT
    assert sql.levels(user) == (used, 0, used, 0)


def test_of_twenty_parallel_multipart_uploads_one_has_the_turn(sql: Sql) -> None:
    user = sql.user()
    (holder,), refused = sql.together(20, lambda _: sql.reserve(user, 0, kind="multipart"))
    assert {str(refusal) for refusal in refused} == {"PT409 upload_in_progress"}
    # 301: a transaction that waited for its turn began before the one that has it.
    assert all(1 <= refusal.detail["retry_after_seconds"] <= 301 for refusal in refused)
    assert sql.usage(user)["uploading"] is True
    sql.release(holder, user)
    assert sql.usage(user)["uploading"] is False
    sql.reserve(user, 0, kind="multipart")


def test_direct_uploads_and_a_multipart_one_may_be_open_at_once(sql: Sql) -> None:
    user = sql.user()
    direct = [sql.reserve(user, 10) for _ in range(2)]
    sql.reserve(user, 5, kind="multipart")
    sql.release(direct[0], user)
    assert sql.usage(user)["uploading"] is True
    assert sql.levels(user) == (0, 15, 0, 15)


def test_one_users_turn_is_not_anothers(sql: Sql) -> None:
    for user in (sql.user(), sql.user()):
        sql.reserve(user, LIMIT, kind="multipart", storage_limit_bytes=LIMIT)


def test_reserving_again_changes_the_reservation_instead_of_adding_one(sql: Sql) -> None:
    user = sql.user()
    turn = sql.reserve(user, 0, kind="multipart", storage_limit_bytes=LIMIT)
    for size_bytes in (400, 400, LIMIT, 300):
        sql.reserve(user, size_bytes, kind="multipart", upload_id=turn, storage_limit_bytes=LIMIT)
        assert sql.levels(user) == (0, size_bytes, 0, size_bytes)
    with pytest.raises(Refused, match="PT413 storage_quota_exceeded"):
        sql.reserve(user, LIMIT + 1, kind="multipart", upload_id=turn, storage_limit_bytes=LIMIT)
    assert sql.levels(user) == (0, 300, 0, 300)


@pytest.mark.parametrize("end", ["settled", "released", "expired"])
def test_a_reservation_that_has_ended_cannot_be_changed(sql: Sql, end: str) -> None:
    user = sql.user()
    turn = sql.reserve(user, 10, kind="multipart")
    ends: dict[str, Callable[[], object]] = {
        "settled": lambda: sql.settle(turn, user, 10),
        "released": lambda: sql.release(turn, user),
        "expired": sql.expire,
    }
    ends[end]()
    with pytest.raises(Refused, match="PT410 upload_expired"):
        sql.reserve(user, 20, kind="multipart", upload_id=turn)


def test_another_users_reservation_cannot_be_changed_settled_or_released(sql: Sql) -> None:
    user, thief = sql.user(), sql.user()
    upload = sql.reserve(user, 10)
    with pytest.raises(Refused, match="PT410"):
        sql.settle(upload, thief, 10)
    sql.release(upload, thief)
    assert sql.levels(user) == (0, 10, 0, 10)
    assert sql.levels(thief) == (0, 0, 0, 0)


def test_settling_makes_a_video_and_turns_reserved_bytes_into_used_ones(sql: Sql) -> None:
    user = sql.user()
    upload = sql.reserve(user, 3 * 2**19, kind="multipart")
    video = sql.settle(upload, user, 3 * 2**19, title="A & B")
    assert video["id"] == str(upload)
    assert (video["title"], video["size_bytes"], video["size_mb"]) == ("A & B", 3 * 2**19, 1.5)
    assert sql.levels(user) == (3 * 2**19, 0, 3 * 2**19, 0)
    usage = sql.usage(user)
    assert (usage["video_count"], usage["uploading"]) == (1, False)


def test_settling_twice_is_settling_once(sql: Sql) -> None:
    user = sql.user()
    upload = sql.reserve(user, 10)
    video = sql.settle(upload, user, 10)
    assert sql.settle(upload, user, 7) == video
    assert sql.levels(user) == (10, 0, 10, 0)


def test_settling_twenty_times_at_once_is_settling_once(sql: Sql) -> None:
    user = sql.user()
    upload = sql.reserve(user, 10)
    videos, _ = sql.together(20, lambda _: sql.settle(upload, user, 10))
    assert len(videos) == 20
    assert all(video == videos[0] for video in videos)
    assert sql.levels(user) == (10, 0, 10, 0)


def test_settling_to_less_gives_the_difference_back(sql: Sql) -> None:
    user = sql.user()
    sql.settle(sql.reserve(user, LIMIT, storage_limit_bytes=LIMIT), user, 1)
    assert sql.levels(user) == (1, 0, 1, 0)
    sql.reserve(user, LIMIT - 1, storage_limit_bytes=LIMIT)


def test_settling_to_more_than_was_reserved_is_refused_and_changes_nothing(sql: Sql) -> None:
    user = sql.user()
    upload = sql.reserve(user, 10)
    with pytest.raises(Refused, match="PT413 larger_than_reserved"):
        sql.settle(upload, user, 11)
    assert sql.levels(user) == (0, 10, 0, 10)
    sql.settle(upload, user, 10)


def test_releasing_gives_the_bytes_back_and_queues_the_media(sql: Sql) -> None:
    user = sql.user()
    upload = sql.reserve(user, 10)
    assert [sql.release(upload, user), sql.release(upload, user)] == ["released", "released"]
    assert sql.levels(user) == (0, 0, 0, 0)
    assert sql.purges() == {f"reelay/{upload}"}
    with pytest.raises(Refused, match="PT410 upload_expired"):
        sql.settle(upload, user, 10)


def test_releasing_what_never_reached_the_host_queues_nothing(sql: Sql) -> None:
    user = sql.user()
    assert sql.release(sql.reserve(user, 10), user, media_absent=True) == "released"
    assert sql.purges() == set()


def test_a_reservation_that_arrives_after_its_release_finds_the_upload_given_up(sql: Sql) -> None:
    user = sql.user()
    upload = uuid.uuid4()
    assert sql.release(upload, user) == "released"
    with pytest.raises(Refused, match="upload_expired"):
        sql.reserve(user, 5, upload_id=upload, kind="multipart")
    sql.reserve(user, 5, kind="multipart")


def test_a_file_that_turns_up_after_the_release_is_queued_again(sql: Sql) -> None:
    user = sql.user()
    upload = sql.reserve(user, 5)
    sql.release(upload, user)
    sql.call("finish_purges", media_ids=[f"reelay/{upload}"])
    with pytest.raises(Refused, match="upload_expired"):
        sql.settle(upload, user, 5)
    assert sql.release(upload, user) == "released"
    assert f"reelay/{upload}" in sql.purges()


@pytest.mark.parametrize("media_absent", [True, False])
def test_releasing_after_settling_changes_nothing(sql: Sql, media_absent: bool) -> None:
    user = sql.user()
    video = sql.upload(user, 10)
    assert sql.release(uuid.UUID(video["id"]), user, media_absent=media_absent) == "settled"
    assert sql.levels(user) == (10, 0, 10, 0)
    assert sql.purges() == set()


def test_settling_and_releasing_at_once_end_in_one_or_the_other(sql: Sql) -> None:
    user = sql.user()
    for _ in range(10):
        upload = sql.reserve(user, 10)
        ends: list[Callable[[], Any]] = [partial(sql.release, upload, user), partial(sql.settle, upload, user, 10)]
        answers, refused = sql.together(2, lambda number, ends=ends: ends[number]())  # type: ignore[misc]
        is_settled = answers[0] == "settled"
        assert [str(refusal) for refusal in refused] == ([] if is_settled else ["PT410 upload_expired"])
        assert (f"reelay/{upload}" in sql.purges()) is not is_settled


@pytest.mark.parametrize("by", ["the next reservation", "account_usage", "close_day"])
def test_an_expired_reservation_is_freed(sql: Sql, by: str) -> None:
    user = sql.user()
    expired = {f"reelay/{sql.reserve(user, 20)}", f"reelay/{sql.reserve(user, 30, kind='multipart')}"}
    lasting = sql.reserve(user, 1, lifetime_seconds=3600)
    sql.run("update public.uploads set expires_at = now() where id <> %s", lasting)
    frees: dict[str, Callable[[], object]] = {
        "the next reservation": lambda: sql.reserve(user, 0),
        "account_usage": lambda: sql.usage(user),
        "close_day": lambda: sql.call("close_day", batch=500),
    }
    frees[by]()
    assert sql.levels(user) == (0, 1, 0, 1)
    assert sql.purges() == expired


def test_an_expired_turn_that_reserved_no_bytes_ends_as_well(sql: Sql) -> None:
    """A small file, or one of unknown length, takes its turn with 0 bytes."""
    user = sql.user()
    sql.reserve(user, 0, kind="multipart")
    sql.expire()
    assert sql.usage(user)["uploading"] is False


def test_an_expired_reservation_cannot_be_settled_once_it_is_freed(sql: Sql) -> None:
    user = sql.user()
    upload = sql.reserve(user, 10)
    sql.expire()
    sql.usage(user)
    with pytest.raises(Refused, match="PT410 upload_expired"):
        sql.settle(upload, user, 10)


@pytest.mark.parametrize("function", ["reserve", "settle", "release", "usage", "watch", "delete"])
def test_an_account_that_is_gone_is_told_that_its_token_is_no_longer_good(sql: Sql, function: str) -> None:
    nobody = uuid.uuid4()
    calls: dict[str, Callable[[], object]] = {
        "reserve": lambda: sql.reserve(nobody, 1),
        "settle": lambda: sql.settle(uuid.uuid4(), nobody, 1),
        "release": lambda: sql.release(uuid.uuid4(), nobody),
        "usage": lambda: sql.usage(nobody),
        "watch": lambda: sql.watch(nobody, "x.mp4"),
        "delete": lambda: sql.call("delete_videos", user_id=nobody, filename=None),
    }
    with pytest.raises(Refused, match="PT401 invalid_token"):
        calls[function]()


def test_deleting_gives_storage_back_and_bandwidth_not(sql: Sql) -> None:
    user = sql.user()
    kept, gone = sql.upload(user, 10), sql.upload(user, 5)
    deleted = sql.call("delete_videos", user_id=user, filename=gone["filename"])
    assert deleted == {"deleted": 1, "media_ids": [f"reelay/{gone['id']}"]}
    assert sql.levels(user) == (10, 0, 15, 0)
    assert sql.purges() == {f"reelay/{gone['id']}"}
    assert sql.call("delete_videos", user_id=user, filename=None)["media_ids"] == [f"reelay/{kept['id']}"]
    assert sql.call("delete_videos", user_id=user, filename=None) == {"deleted": 0, "media_ids": []}
    assert sql.levels(user) == (0, 0, 15, 0)


def test_of_twenty_parallel_deletions_one_deletes(sql: Sql) -> None:
    user = sql.user()
    filename = sql.upload(user, 10)["filename"]
    (deleted,), refused = sql.together(20, lambda _: sql.call("delete_videos", user_id=user, filename=filename))
    assert deleted["deleted"] == 1
    assert {str(refusal) for refusal in refused} == {"PT404 video_not_found"}


def test_deleting_a_thousand_videos_hands_out_a_hundred_and_queues_all(sql: Sql) -> None:
    user = sql.user()
    sql.run(
        """insert into public.videos (user_id, filename, filepath, title, size_mb, size_bytes, media_id)
           select %s, n::text, n::text, 't', 0, 1, n::text from generate_series(1, 1000) n""", user,
    )  # fmt: skip
    sql.run("update public.users set video_count = 1000, storage_used_bytes = 1000 where id = %s", user)
    sql.run("update public.totals set value = 1000 where scope = 'videos'")
    deleted = sql.call("delete_videos", user_id=user, filename=None)
    assert (deleted["deleted"], len(deleted["media_ids"]), len(sql.purges())) == (1000, 100, 1000)
