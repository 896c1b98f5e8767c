"""Whatever dies, requests go on or fail cleanly, and nothing is lost or left half-done."""

import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import httpx
import pytest

from tests.cloud import Account, Cloud, eventually

OUTAGE_SECONDS = 10.0


@pytest.fixture(autouse=True)
def healthy_afterwards(cloud: Cloud) -> Iterator[None]:
    yield
    for held in (cloud.state / "run" / "hold").iterdir():
        held.unlink()
    cloud.set_faults({})
    eventually(lambda: cloud.client.get("/_local/health").status_code == 200)


def traffic(cloud: Cloud, account: Account, seconds: float) -> Counter[int]:
    """Calls check_storage for a while from four threads; answers how often which status came back."""
    until = time.monotonic() + seconds

    def call(_: int) -> Counter[int]:
        seen: Counter[int] = Counter()
        while time.monotonic() < until:
            seen[cloud.client.get("/check_storage", headers=account.headers).status_code] += 1
            time.sleep(0.02)
        return seen

    with ThreadPoolExecutor(4) as pool:
        return sum(pool.map(call, range(4)), Counter())


def stored(cloud: Cloud, account: Account, action: str) -> list[str]:
    rows = cloud.sql("select id::text from logs where user_id = %s and action_type = %s", account.id, action)
    return [event_id for (event_id,) in rows]


@pytest.mark.parametrize("component", ["write_log", "cloud_tasks"])
def test_ten_seconds_without_the_log_lose_no_event_and_double_none(cloud: Cloud, user: Account, component: str) -> None:
    before = traffic(cloud, user, 1)
    held = cloud.hold(component)
    cloud.kill(component)
    during = traffic(cloud, user, OUTAGE_SECONDS)
    held.unlink()
    answers = before + during + traffic(cloud, user, 1)

    assert set(answers) == {200}
    eventually(lambda: len(stored(cloud, user, "CHECK_STORAGE")) >= answers[200], 60)
    assert len(stored(cloud, user, "CHECK_STORAGE")) == answers[200]
    assert cloud.get(f"/list_logs/{user.id}", user)["total"] >= answers[200]


def test_the_last_events_of_an_instance_that_is_told_to_stop_arrive(cloud: Cloud, user: Account) -> None:
    held = cloud.hold("cloud_tasks")
    cloud.kill("cloud_tasks")
    for _ in range(5):
        cloud.get("/check_storage", user)
    held.unlink()
    stopped = cloud.pid("check_storage")
    cloud.terminate("check_storage")
    eventually(lambda: len(stored(cloud, user, "CHECK_STORAGE")) == 5)
    eventually(lambda: cloud.is_another("check_storage", stopped))  # or else the next test asks one that is going


def test_without_supabase_every_answer_is_503_with_retry_after_and_nothing_stays(
    cloud: Cloud, user: Account, video: Callable[..., bytes]
) -> None:
    held = cloud.hold("supabase")
    cloud.kill("supabase")
    answers = [
        cloud.client.get(path, headers=user.headers)
        for path in (
            "/check_storage",
            "/record_usage",
            "/list_videos",
            "/list_logs",
            "/get_profile",
            "/watch_video/a.mp4",
        )
    ]
    answers += [
        cloud.client.delete("/delete_video/all", headers=user.headers),
        cloud.client.post("/login", json={"email": user.email, "password": "x"}),
        cloud.client.post("/register", json={"email": "o@example.com", "password": "x" * 8, "username": "o"}),
        cloud.upload(user, video()),
    ]
    held.unlink()
    for answer in answers:
        assert (answer.status_code, answer.json()["code"]) == (503, "dependency_unavailable")
        assert int(answer.headers["Retry-After"]) > 0
    eventually(lambda: cloud.client.get("/_local/health").status_code == 200)
    assert cloud.storage(user) == (0, 0)
    assert cloud.media(f"reelay/{user.id}/") == []
    assert cloud.upload(user, video()).status_code == 201


def start_slow_upload(cloud: Cloud, user: Account, file: bytes, pool: ThreadPoolExecutor) -> Future[httpx.Response]:
    """An upload that the media host keeps waiting; returns once it is in flight."""
    cloud.set_faults({"upload": {"hang_seconds": 3, "times": 1}})
    answer = pool.submit(cloud.upload, user, file)
    eventually(lambda: cloud.storage(user)[1] == len(file))
    return answer


def expire_uploads(cloud: Cloud, user: Account) -> None:
    """Five minutes later, as far as the database can tell."""
    cloud.sql("update uploads set expires_at = now() where user_id = %s and state = 'open'", user.id)


@pytest.mark.parametrize("component", ["supabase", "upload_video"])
def test_an_upload_that_dies_halfway_gives_everything_back(
    cloud: Cloud, user: Account, video: Callable[..., bytes], component: str
) -> None:
    with ThreadPoolExecutor(1) as pool:
        answer = start_slow_upload(cloud, user, video(), pool)
        held = cloud.hold(component)
        cloud.kill(component)
        assert answer.result().status_code == 503
    held.unlink()
    eventually(lambda: cloud.client.get("/_local/health").status_code == 200)
    if component == "upload_video":  # the media host goes on without it; for that it has the five minutes
        eventually(lambda: len(cloud.media(f"reelay/{user.id}/")) == 1)

    expire_uploads(cloud, user)
    assert cloud.storage(user) == (0, 0)
    assert cloud.upload(user, video()).status_code == 201
    cloud.run_job()
    assert len(cloud.media(f"reelay/{user.id}/")) == 1


@pytest.mark.parametrize(
    "fault", [{"status": 500}, {"status": 503}, {"status": 429}, {"status": 423}, {"lose_answer": True}]
)
def test_a_media_host_that_fails_leaves_no_reservation_and_no_file(
    cloud: Cloud, user: Account, video: Callable[..., bytes], fault: dict[str, object]
) -> None:
    cloud.set_faults({"upload": fault})
    answer = cloud.upload(user, video())
    cloud.set_faults({})
    assert (answer.status_code, answer.json()["code"]) == (503, "dependency_unavailable")
    assert "Retry-After" in answer.headers
    assert cloud.storage(user) == (0, 0)
    assert cloud.get("/record_usage", user)["reserved_bytes"] == 0
    assert cloud.media(f"reelay/{user.id}/") == []
    assert cloud.upload(user, video()).status_code == 201


def test_what_the_media_host_would_not_destroy_is_destroyed_by_the_daily_job(
    cloud: Cloud, user: Account, video: Callable[..., bytes]
) -> None:
    row = cloud.upload(user, video()).json()["file"]
    cloud.set_faults({"destroy": {"status": 503}})
    assert cloud.client.delete(f"/delete_video/{row['filename']}", headers=user.headers).status_code == 200
    assert cloud.storage(user) == (0, 0)
    assert len(cloud.media(f"reelay/{user.id}/")) == 1
    cloud.set_faults({})
    cloud.run_job()
    assert cloud.media(f"reelay/{user.id}/") == []
    assert cloud.sql("select * from media_purges where media_id like %s", f"reelay/{user.id}/%") == []


def test_a_client_that_goes_away_in_mid_upload_leaves_nothing(
    cloud: Cloud, user: Account, video: Callable[..., bytes]
) -> None:
    def body() -> Iterator[bytes]:
        yield b'--b\r\nContent-Disposition: form-data; name="title"\r\n\r\nt\r\n'
        yield b'--b\r\nContent-Disposition: form-data; name="video"; filename="a.mp4"\r\n\r\n' + video()
        raise ConnectionAbortedError

    headers = {**user.headers, "Content-Type": "multipart/form-data; boundary=b", "Content-Length": "9000000"}
    with pytest.raises(ConnectionAbortedError):
        httpx.post(f"{cloud.base_url}/upload_video", headers=headers, content=body())
    eventually(lambda: stored(cloud, user, "UPLOAD_VIDEO"))  # it was noticed, and is over
    assert cloud.storage(user) == (0, 0)
    assert cloud.upload(user, video()).status_code == 201
