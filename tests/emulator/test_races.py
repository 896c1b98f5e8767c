"""Twenty at once, over real processes and a database that really runs them at once."""

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx

from common.quota import MIB
from tests.cloud import PASSWORD, Account, Cloud, eventually

TWENTY = 20


def at_once(action: Callable[[int], httpx.Response]) -> list[httpx.Response]:
    with ThreadPoolExecutor(TWENTY) as pool:
        return list(pool.map(action, range(TWENTY)))


def code(answer: httpx.Response) -> str:
    return str(answer.json().get("code", answer.status_code))


def test_twenty_registrations_of_one_email_make_one_account(cloud: Cloud, admin: Account) -> None:
    name = f"race-{admin.id}"

    def register(number: int) -> httpx.Response:
        email = f"{name.upper() if number % 2 else name}@example.com"
        return cloud.client.post("/register", json={"email": email, "password": PASSWORD, "username": "u"})

    assert Counter(map(code, at_once(register))) == {"201": 1, "email_taken": 19}
    assert cloud.sql("select count(*) from users where lower(email) = lower(%s)", f"{name}@example.com") == [(1,)]


def test_twenty_uploads_at_once_have_one_turn_between_them(
    cloud: Cloud, user: Account, video: Callable[..., bytes]
) -> None:
    file = video(2 * MIB)
    cloud.set_faults({"upload": {"hang_seconds": 2, "times": 1}})  # keeps the first one in flight
    try:
        answers = at_once(lambda _: cloud.upload(user, file))
    finally:
        cloud.set_faults({})
    assert Counter(map(code, answers)) == {"201": 1, "upload_in_progress": 19}
    assert all("Retry-After" in answer.headers for answer in answers if answer.status_code == 409)
    assert cloud.storage(user) == (len(file), 0)


def test_uploads_that_try_until_they_have_their_turn_never_pass_the_quota(
    cloud: Cloud, user: Account, video: Callable[..., bytes]
) -> None:
    file = video(6 * MIB)

    def upload(_: int) -> httpx.Response:
        found: list[Any] = []

        def has_turn() -> bool:
            found.append(cloud.upload(user, file))
            return bool(found[-1].status_code != 409)

        eventually(has_turn, 120)
        last: httpx.Response = found[-1]
        return last

    assert Counter(map(code, at_once(upload))) == {"201": 8, "storage_quota_exceeded": 12}
    assert cloud.storage(user) == (8 * 6 * MIB, 0)
    assert len(cloud.media(f"reelay/{user.id}/")) == 8
    assert cloud.client.delete("/delete_video/all", headers=user.headers).json()["deleted"] == 8
    assert cloud.media(f"reelay/{user.id}/") == []


def test_twenty_deletions_of_one_video_give_its_bytes_back_once(
    cloud: Cloud, user: Account, video: Callable[..., bytes]
) -> None:
    kept = cloud.upload(user, video()).json()["file"]
    gone = cloud.upload(user, video()).json()["file"]
    answers = at_once(lambda _: cloud.client.delete(f"/delete_video/{gone['filename']}", headers=user.headers))
    assert Counter(map(code, answers)) == {"200": 1, "video_not_found": 19}
    assert cloud.storage(user) == (kept["size_bytes"], 0)


def test_twenty_parallel_guesses_are_not_more_than_the_ten_that_are_allowed(cloud: Cloud, user: Account) -> None:
    wrong = {"email": user.email, "password": "not this one"}
    answers = at_once(lambda _: cloud.client.post("/login", json=wrong))
    assert Counter(map(code, answers)) == {"invalid_credentials": 10, "too_many_attempts": 10}
    right = cloud.client.post("/login", json=wrong | {"password": PASSWORD})
    assert (code(right), int(right.headers["Retry-After"]) > 0) == ("too_many_attempts", True)
    # Everybody here shares one address: what was counted against it must not reach the other tests.
    cloud.sql("delete from login_attempts")
