"""POST /reset_usage: the scheduler closes the day."""

import uuid
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from common import media_cloudinary
from tests.cloud import Account, Cloud, eventually
from tests.conftest import Functions
from tests.functions.answers import as_account, problem, success
from tests.functions.conftest import Upload
from tests.supabase.scratch import Sql

Break = Callable[[Mapping[str, Any]], None]
Reset = Callable[[], dict[str, Any]]


@pytest.fixture
def reset(functions: Functions, cloud: Cloud) -> Reset:
    """Calls as Cloud Scheduler does. What other tests left is worked off before this one begins."""
    headers = as_account(cloud.granted()["SCHEDULER_SERVICE_ACCOUNT"])

    def call() -> dict[str, Any]:
        return success(functions.client("reset_usage").post("/", headers=headers))

    call()
    return call


def test_the_day_is_closed_and_again_changes_nothing(reset: Reset, database: Sql, user: Account) -> None:
    owner = uuid.UUID(user.id)
    database.upload(owner, 100)
    database.run("update public.daily_usage set day = day - 3 where user_id = %s", owner)
    today = database.usage(owner)
    answer = reset()
    assert set(answer) == {
        "message", "archived", "released_uploads", "released_playbacks", "replaced", "purged", "purge_failures"
    }  # fmt: skip
    assert answer["archived"] >= 1
    assert reset()["archived"] == 0
    assert database.rows("select upload_bytes from public.usage_archive where user_id = %s", owner) == [
        {"upload_bytes": 100}
    ]
    assert database.usage(owner) == today


def test_more_than_one_batch_is_worked_off(reset: Reset, database: Sql, user: Account) -> None:
    database.run(
        """insert into public.daily_usage (user_id, day, upload_used_bytes)
           select %s, (now() at time zone 'utc')::date - n, n from generate_series(1, 1100) n""", user.id,
    )  # fmt: skip
    assert reset()["archived"] == 1100
    archived = database.value("select sum(upload_bytes) from public.usage_archive where user_id = %s", user.id)
    assert archived == sum(range(1101))


def test_a_reservation_that_was_left_open_is_freed(reset: Reset, database: Sql, user: Account) -> None:
    owner = uuid.UUID(user.id)
    database.reserve(owner, 100, kind="multipart")
    database.run("update public.uploads set expires_at = now() where user_id = %s", owner)
    assert reset()["released_uploads"] == 1
    assert database.levels(owner) == (0, 0, 0, 0)


def test_media_that_could_not_be_destroyed_is_purged(
    reset: Reset, functions: Functions, cloud: Cloud, database: Sql, break_media: Break,
    user: Account, uploaded: dict[str, Any],
) -> None:  # fmt: skip
    media_id = f"reelay/{user.id}/{uploaded['id']}"
    break_media({"destroy": {"status": 500}})
    success(functions.client("delete_video").delete(f"/{uploaded['filename']}", headers=user.headers))
    failed = reset()
    assert (failed["purged"], failed["purge_failures"]) == (0, 1)
    assert cloud.media(f"reelay/{user.id}") == [media_id]
    break_media({})
    assert reset()["purged"] == 0  # tried a moment ago: not again within ten minutes
    database.run(
        "update public.media_purges set last_attempt_at = now() - interval '11 minutes' where media_id = %s", media_id
    )
    assert reset()["purged"] == 1
    assert cloud.media(f"reelay/{user.id}") == []
    assert media_id not in database.purges()


def test_what_an_upload_left_behind_is_purged(
    reset: Reset, upload: Upload, cloud: Cloud, database: Sql, break_media: Break,
    user: Account, video: Callable[..., bytes],
) -> None:  # fmt: skip
    """The host took the file, its answer was lost, and it could not be destroyed either."""
    break_media({"upload": {"lose_answer": True}, "destroy": {"status": 503}})
    problem(upload(user, video()), 503, "dependency_unavailable")
    break_media({})
    assert len(cloud.media(f"reelay/{user.id}")) == 1
    assert database.levels(uuid.UUID(user.id)) == (0, 0, 0, 0)
    assert reset()["purged"] == 0  # the host may still be at it
    database.run("update public.media_purges set last_attempt_at = now() - interval '11 minutes'")
    assert reset()["purged"] >= 1
    assert cloud.media(f"reelay/{user.id}") == []


def test_what_a_slow_host_takes_in_after_we_gave_up_is_purged(
    reset: Reset, upload: Upload, cloud: Cloud, database: Sql, break_media: Break, monkeypatch: pytest.MonkeyPatch,
    user: Account, video: Callable[..., bytes],
) -> None:  # fmt: skip
    monkeypatch.setattr(media_cloudinary, "STORE_TIMEOUT_SECONDS", 0.5)
    break_media({"upload": {"hang_seconds": 2, "times": 1}})
    problem(upload(user, video()), 503, "dependency_unavailable")
    eventually(lambda: cloud.media(f"reelay/{user.id}"))  # destroyed before it was there
    database.run("update public.media_purges set last_attempt_at = now() - interval '11 minutes'")
    reset()
    assert cloud.media(f"reelay/{user.id}") == []


@pytest.mark.parametrize("which", ["TASKS_SERVICE_ACCOUNT", "an admin", "nobody"])
def test_nobody_but_the_scheduler_closes_the_day(
    functions: Functions, cloud: Cloud, admin: Account, which: str
) -> None:
    others = {"an admin": admin.headers, "nobody": {}}
    headers = others[which] if which in others else as_account(cloud.granted()[which])
    problem(functions.client("reset_usage").post("/", headers=headers), 403, "forbidden")
