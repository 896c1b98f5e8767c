"""How the local Cloud Tasks sends a task: what arrives, when, and how often."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from google.cloud.tasks_v2.types import Queue

from local.oidc import Issuer
from local.task_dispatcher import RetryPolicy
from tests.local.receiver import Receiver, eventually, receiving
from tests.local.tasks_server import ACCOUNT, Lane, Server, serving


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("tasks")) as server:
        yield server


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


@pytest.fixture
def lane(server: Server, receiver: Receiver) -> Lane:
    return Lane(server, receiver)


def test_a_task_arrives_with_its_own_method_headers_and_body(lane: Lane) -> None:
    body = bytes(range(256))
    own = {"Content-Type": "application/x-reelay", "X-Own": "yes"}
    lane.create({"http_method": "PUT", "headers": own, "body": body})
    (request,) = lane.arrived()
    assert (request.method, request.body) == ("PUT", body)
    assert own.items() <= request.headers.items()


def test_a_first_attempt_carries_exactly_googles_headers(lane: Lane) -> None:
    task = lane.create({"body": b"x"})
    (request,) = lane.arrived()
    told = {name: value for name, value in request.headers.items() if name.startswith("X-CloudTasks-")}
    assert float(told.pop("X-CloudTasks-TaskETA")) == pytest.approx(task.schedule_time.timestamp(), abs=0.001)
    assert told == {
        "X-CloudTasks-QueueName": lane.queue.rpartition("/")[2],
        "X-CloudTasks-TaskName": task.name.rpartition("/")[2],
        "X-CloudTasks-TaskRetryCount": "0",
        "X-CloudTasks-TaskExecutionCount": "0",
    }
    assert request.method == "POST"
    assert request.headers["User-Agent"] == "Google-Cloud-Tasks"
    assert "Content-Type" not in request.headers
    assert "Authorization" not in request.headers


def test_a_client_cannot_set_the_headers_that_google_keeps_for_itself(lane: Lane, receiver: Receiver) -> None:
    lane.create({"headers": {"user-agent": "me", "x-cloudtasks-taskname": "me", "X-Google-Me": "1", "Host": "me"}})
    (request,) = lane.arrived()
    assert request.headers["User-Agent"] == "Google-Cloud-Tasks"
    assert request.headers["Host"] == receiver.url.removeprefix("http://")
    assert not {"user-agent", "x-cloudtasks-taskname", "X-Google-Me"} & set(request.headers)


def test_a_task_is_sent_again_until_it_is_answered_with_2xx(lane: Lane, receiver: Receiver) -> None:
    receiver.answers[lane.path] = [(503, {}), (404, {}), (302, {"Location": "/elsewhere"}), (204, {})]
    lane.create()
    lane.wait_until_empty()
    counters = [f"X-CloudTasks-Task{name}" for name in ("RetryCount", "ExecutionCount", "PreviousResponse")]
    told = [tuple(request.headers.get(name) for name in counters) for request in lane.arrived()]
    assert told == [("0", "0", None), ("1", "0", "503"), ("2", "1", "404"), ("3", "2", "302")]
    assert lane.arrived()[1].headers["X-CloudTasks-TaskRetryReason"] == "HTTP status 503"


def test_a_task_whose_target_is_down_is_delivered_once_it_is_up(lane: Lane) -> None:
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        port = reserved.getsockname()[1]
        task = lane.create({"url": f"http://127.0.0.1:{port}/late"})
        eventually(lambda: lane.client.get_task(name=task.name).dispatch_count >= 2, "it was tried twice")
    with receiving(port) as late:
        lane.wait_until_empty()
    (request,) = late.of("/late")
    assert int(request.headers["X-CloudTasks-TaskRetryCount"]) >= 2
    assert request.headers["X-CloudTasks-TaskRetryReason"] == "no answer (ConnectError)"
    assert "X-CloudTasks-TaskPreviousResponse" not in request.headers


def test_a_wait_that_the_target_asks_for_is_kept_up_to_the_maximum(lane: Lane, receiver: Receiver) -> None:
    receiver.answers[lane.path] = [(429, {"Retry-After": "3600"})]
    task = lane.create()
    eventually(lambda: lane.client.get_task(name=task.name).response_count == 1, "the first attempt failed")
    due_at = lane.client.get_task(name=task.name).schedule_time.timestamp()
    assert due_at >= lane.arrived()[0].arrived_at + RetryPolicy().max_seconds
    assert due_at < lane.arrived()[0].arrived_at + 3600
    lane.client.delete_task(name=task.name)


def test_the_pauses_between_attempts_are_those_of_googles_example() -> None:
    policy = RetryPolicy(min_seconds=10, max_seconds=300, max_doublings=3)
    assert [policy.delay_seconds(retry) for retry in range(8)] == [10, 20, 40, 80, 160, 240, 300, 300]
    assert policy.delay_seconds(0, retry_after_seconds=60) == 60
    assert policy.delay_seconds(0, retry_after_seconds=3600) == 300


@pytest.mark.parametrize("audience", ["https://audience.example", ""])
def test_the_oidc_token_names_the_account_and_the_audience_or_the_url(
    server: Server, lane: Lane, audience: str
) -> None:
    token = {"service_account_email": ACCOUNT, "audience": audience}
    lane.create({"oidc_token": token, "headers": {"authorization": "Bearer mine"}})
    (request,) = lane.arrived()
    scheme, _, sent = request.headers["Authorization"].partition(" ")
    assert scheme == "Bearer"
    assert Issuer.load(server.key_file).verify(sent, audience or lane.url) == ACCOUNT
    assert "authorization" not in request.headers


def test_a_task_is_not_sent_before_its_schedule_time(lane: Lane) -> None:
    due = datetime.now(UTC) + timedelta(seconds=0.7)
    lane.create({"body": b"later"}, schedule_time=due)
    lane.create({"body": b"at once"})
    first, second = lane.arrived(2)
    assert (first.body, second.body) == (b"at once", b"later")
    assert second.arrived_at >= due.timestamp()
    assert float(second.headers["X-CloudTasks-TaskETA"]) == pytest.approx(due.timestamp(), abs=0.001)


def test_a_paused_queue_keeps_its_tasks_until_it_is_resumed(server: Server, receiver: Receiver, lane: Lane) -> None:
    assert lane.client.pause_queue(name=lane.queue).state == Queue.State.PAUSED
    lane.create()
    # A later task of another queue has been through the dispatcher by then: so this one is held, not slow.
    other = Lane(server, receiver)
    other.create()
    other.wait_until_empty()
    assert receiver.of(lane.path) == []
    assert lane.client.resume_queue(name=lane.queue).state == Queue.State.RUNNING
    lane.wait_until_empty()
    assert len(lane.arrived()) == 1


def test_run_task_sends_one_task_of_a_paused_queue_now(lane: Lane) -> None:
    lane.client.pause_queue(name=lane.queue)
    lane.create({"body": b"stays"})
    chosen = lane.create({"body": b"runs"}, schedule_time=datetime.now(UTC) + timedelta(days=1))
    assert lane.client.run_task(name=chosen.name).schedule_time == chosen.schedule_time
    eventually(lambda: len(lane.waiting()) == 1, "the chosen task was done")
    assert [request.body for request in lane.arrived()] == [b"runs"]


def test_tasks_that_cannot_be_sent_do_not_stop_the_others(lane: Lane) -> None:
    odd = [lane.create({"headers": {"X-Odd": "naïve\n"}}) for _ in range(12)]  # more than there are threads
    lane.create({"body": b"fine"})
    assert [request.body for request in lane.arrived()] == [b"fine"]
    assert {task.name for task in odd} <= {task.name for task in lane.waiting()}
    lane.client.purge_queue(name=lane.queue)
