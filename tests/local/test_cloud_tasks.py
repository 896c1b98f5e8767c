"""The API of the local Cloud Tasks as the real client sees it: names, lists, queues and refusals."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.api_core.exceptions import AlreadyExists, GoogleAPICallError, InvalidArgument, NotFound
from google.cloud.tasks_v2.types import Queue, Task

from local.task_rules import MAX_TASK_BYTES
from local.task_store import NAME_KEPT_SECONDS, TaskStore
from tests.local.receiver import receiving
from tests.local.tasks_server import ACCOUNT, Lane, Server, serving


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("tasks")) as server:
        yield server


@pytest.fixture
def lane(server: Server) -> Iterator[Lane]:
    with receiving() as receiver:
        lane = Lane(server, receiver)
        yield lane
        server.client.purge_queue(name=lane.queue)


@pytest.fixture
def paused(lane: Lane) -> Lane:
    """A lane whose tasks wait."""
    lane.client.pause_queue(name=lane.queue)
    return lane


def test_a_name_stays_taken_while_the_task_waits_and_after_it_is_done(paused: Lane) -> None:
    name = f"{paused.queue}/tasks/once"
    assert paused.create(name=name).name == name
    with pytest.raises(AlreadyExists):
        paused.create(name=name)
    paused.client.resume_queue(name=paused.queue)
    paused.wait_until_empty()
    with pytest.raises(AlreadyExists):
        paused.create(name=name)
    assert len(paused.arrived()) == 1


def test_a_name_is_free_again_an_hour_after_its_task_is_done(tmp_path: Path) -> None:
    store, now = TaskStore(tmp_path / "tasks.sqlite"), time.time()

    def insert(moment: float) -> bool:
        return store.insert("queue/tasks/once", "queue", b"", moment, keep_name=True, now=moment)

    assert insert(now)
    store.delete("queue/tasks/once")
    assert not insert(now + NAME_KEPT_SECONDS - 60)
    assert insert(now + NAME_KEPT_SECONDS + 60)
    store.close()


def test_unnamed_tasks_get_names_of_their_own(paused: Lane) -> None:
    names = {paused.create().name for _ in range(20)}
    assert len(names) == 20
    assert all(name.startswith(f"{paused.queue}/tasks/") for name in names)


def test_a_list_is_paged_and_complete(paused: Lane) -> None:
    names = {paused.create().name for _ in range(7)}
    pager = paused.client.list_tasks(request={"parent": paused.queue, "page_size": 3})
    assert [len(page.tasks) for page in pager.pages] == [3, 3, 1]
    assert {task.name for task in paused.waiting()} == names


def test_the_body_is_shown_in_the_full_view_only(paused: Lane) -> None:
    task = paused.create({"body": b"secret"})
    assert task.http_request.body == b""
    full = paused.client.get_task(request={"name": task.name, "response_view": Task.View.FULL})
    assert full.http_request.body == b"secret"
    assert (full.create_time, full.dispatch_count) == (task.create_time, 0)


def test_a_deleted_task_is_gone(paused: Lane) -> None:
    task = paused.create()
    paused.client.delete_task(name=task.name)
    for call in (paused.client.get_task, paused.client.delete_task, paused.client.run_task):
        with pytest.raises(NotFound):
            call(name=task.name)


def test_a_purged_queue_is_empty_and_its_names_stay_taken(paused: Lane) -> None:
    paused.create()
    paused.create(name=f"{paused.queue}/tasks/purged")
    paused.client.purge_queue(name=paused.queue)
    assert paused.waiting() == []
    with pytest.raises(AlreadyExists):
        paused.create(name=f"{paused.queue}/tasks/purged")


def test_a_queue_tells_its_settings(lane: Lane) -> None:
    settings = lane.client.get_queue(name=lane.queue)
    assert (settings.name, settings.state) == (lane.queue, Queue.State.RUNNING)
    assert settings.rate_limits.max_concurrent_dispatches == 10
    assert settings.retry_config.max_attempts == -1
    assert settings.retry_config.min_backoff == timedelta(seconds=0.1)
    assert settings.retry_config.max_backoff == timedelta(seconds=10)


def _task_of_bytes(url: str, size: int) -> Task:
    task = Task(http_request={"url": url, "body": b"x" * MAX_TASK_BYTES})
    task.http_request.body = b"x" * (MAX_TASK_BYTES - Task.pb(task).ByteSize() + size)
    assert Task.pb(task).ByteSize() == size
    return task


def test_a_task_may_have_100_kib_and_no_byte_more(lane: Lane) -> None:
    lane.client.create_task(parent=lane.queue, task=_task_of_bytes(lane.url, MAX_TASK_BYTES))
    lane.wait_until_empty()
    with pytest.raises(InvalidArgument, match="larger than 102400 bytes"):
        lane.client.create_task(parent=lane.queue, task=_task_of_bytes(lane.url, MAX_TASK_BYTES + 1))


@pytest.mark.parametrize(
    ("http", "complaint"),
    [
        ({"url": ""}, "http_request.url"),
        ({"url": "ftp://example.com/"}, "http_request.url"),
        ({"url": "http://"}, "http_request.url"),
        ({"url": "http://[::1/"}, "http_request.url"),
        ({"url": "http://example.com/" + "x" * 2083}, "http_request.url"),
        ({"http_method": "GET", "body": b"x"}, "http_request.body"),
        ({"oidc_token": {"service_account_email": "nobody"}}, "service_account_email"),
        ({"oauth_token": {"service_account_email": ACCOUNT}}, "oauth_token"),
    ],
)
def test_a_target_that_google_refuses_is_refused(paused: Lane, http: dict[str, Any], complaint: str) -> None:
    with pytest.raises(InvalidArgument, match=complaint):
        paused.create(http)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("schedule_time", datetime.now(UTC) + timedelta(days=30, hours=1)),
        ("dispatch_deadline", timedelta(seconds=14)),
        ("dispatch_deadline", timedelta(seconds=1801)),
        ("retry_config", {"max_attempts": 3}),
    ],
)
def test_a_setting_out_of_range_is_refused(paused: Lane, field: str, value: Any) -> None:
    with pytest.raises(InvalidArgument, match=field):
        paused.create(**{field: value})


@pytest.mark.parametrize("task_id", ["has a space", "dot.ted", "x" * 501, "a/b"])
def test_a_task_name_that_google_refuses_is_refused(paused: Lane, task_id: str) -> None:
    with pytest.raises(InvalidArgument, match=r"task\.name"):
        paused.create(name=f"{paused.queue}/tasks/{task_id}")


def test_a_task_named_in_another_queue_is_refused(paused: Lane) -> None:
    with pytest.raises(InvalidArgument, match=r"task\.name"):
        paused.create(name=f"{paused.queue}-2/tasks/x")


@pytest.mark.parametrize(
    "name", ["", "queues/q", "projects/p/locations/l/queues/a_b", "projects/p/locations/l/queues/q/x"]
)
def test_a_queue_has_a_full_and_proper_name(paused: Lane, name: str) -> None:
    paused.queue, proper = name, paused.queue
    with pytest.raises(InvalidArgument, match="queue's name"):
        paused.create()
    paused.queue = proper


def test_an_rpc_that_is_not_played_here_says_so(server: Server) -> None:
    with pytest.raises(GoogleAPICallError) as refused:
        server.client.list_queues(parent="projects/p/locations/l")
    assert refused.value.grpc_status_code == grpc.StatusCode.UNIMPLEMENTED
