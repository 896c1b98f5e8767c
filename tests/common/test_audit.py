"""The audit sender: nothing lost, nobody held up, many requests one task."""

import json
import threading
from collections.abc import Callable, Sequence

import pytest

from common import audit
from common.audit import AuditSender, Event
from tests.cloud import eventually


class Queue:
    """Takes batches unless it is broken or held; remembers what it took."""

    def __init__(self) -> None:
        self.batches: list[list[str]] = []
        self.is_broken = threading.Event()
        self.may_answer = threading.Event()
        self.may_answer.set()
        self.tried = threading.Event()

    def __call__(self, batch: Sequence[str], /) -> None:
        self.tried.set()
        self.may_answer.wait(10)
        if self.is_broken.is_set():
            raise ConnectionError
        self.batches.append([json.loads(line)["id"] for line in batch])

    @property
    def ids(self) -> list[str]:
        return [event_id for batch in self.batches for event_id in batch]


def event(description: str = "d") -> Event:
    return Event(None, "LOGIN", description, "login")


@pytest.fixture
def queue() -> Queue:
    return Queue()


@pytest.fixture
def sender(queue: Queue) -> AuditSender:
    return AuditSender(queue, at_exit=lambda _: None)


def test_an_event_is_handed_over_once(queue: Queue, sender: AuditSender) -> None:
    sent = event()
    sender.send(sent)
    sender.flush()
    assert queue.ids == [sent.id]


def test_events_that_gather_meanwhile_go_as_one_batch(queue: Queue, sender: AuditSender) -> None:
    queue.may_answer.clear()
    sender.send(event())
    queue.tried.wait(5)
    sent = [event() for _ in range(50)]
    for one in sent:
        sender.send(one)
    queue.may_answer.set()
    sender.flush()
    assert queue.batches[1] == [one.id for one in sent]


def test_requests_that_run_at_the_same_time_make_one_batch(
    queue: Queue, sender: AuditSender, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit, "GATHER_SECONDS", 30.0)
    for _ in range(10):
        sender.begin()
    sent = [event() for _ in range(10)]
    for one in sent:
        sender.send(one)
    eventually(lambda: queue.batches)  # the last one ended the wait
    assert queue.batches == [[one.id for one in sent]]


def test_a_request_that_goes_on_does_not_keep_the_others_events(queue: Queue, sender: AuditSender) -> None:
    sender.begin()
    sent = event()
    sender.begin()
    sender.send(sent)
    eventually(lambda: queue.batches)
    assert queue.ids == [sent.id]


def test_a_batch_never_outgrows_a_task(queue: Queue, sender: AuditSender) -> None:
    queue.may_answer.clear()
    for _ in range(400):
        sender.send(event("x" * 300))
    queue.may_answer.set()
    sender.flush()
    assert len(queue.ids) == 400
    assert max(len(batch) for batch in queue.batches) <= audit.BATCH_EVENTS


def test_events_of_an_outage_are_kept_and_arrive_after_it(queue: Queue, sender: AuditSender) -> None:
    queue.is_broken.set()
    sent = [event() for _ in range(20)]
    for one in sent:
        sender.send(one)
    assert queue.ids == []
    queue.is_broken.clear()
    sender.flush()
    assert queue.ids == [one.id for one in sent]


def test_what_cannot_be_handed_over_at_the_end_is_printed_to_be_restored(
    queue: Queue, sender: AuditSender, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit, "FLUSH_SECONDS", 0.3)
    queue.is_broken.set()
    sent = event()
    sender.send(sent)
    sender.flush()
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["event"]["id"] for line in lines if line["message"] == "audit_fallback"] == [sent.id]


def test_what_has_waited_for_a_while_is_printed_once_and_still_handed_over(
    queue: Queue, sender: AuditSender, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """An instance may be killed without another word."""
    monkeypatch.setattr(audit, "PRINT_AFTER_SECONDS", 0.2)
    queue.is_broken.set()
    sent = [event() for _ in range(3)]
    for one in sent:
        sender.send(one)
    eventually(lambda: all(waiting.is_printed for waiting in sender._buffer))
    queue.is_broken.clear()
    sender.flush()
    assert queue.ids == [one.id for one in sent]
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    printed = [line["event"]["id"] for line in lines if line["message"] == "audit_fallback"]
    assert printed == [one.id for one in sent]


def test_a_full_buffer_prints_instead_of_growing(
    queue: Queue, sender: AuditSender, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit, "BUFFER_EVENTS", 3)
    queue.may_answer.clear()
    sent = [event() for _ in range(5)]
    for one in sent:
        sender.send(one)
    queue.may_answer.set()
    sender.flush()
    printed = [json.loads(line)["event"]["id"] for line in capsys.readouterr().out.splitlines()]
    assert sorted(queue.ids + printed) == sorted(one.id for one in sent)


def test_nobody_waits_while_the_queue_fails(queue: Queue, sender: AuditSender, monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[float | None] = []
    wait: Callable[..., bool] = threading.Event.wait

    def spy(self: threading.Event, timeout: float | None = None) -> bool:
        if threading.current_thread() is threading.main_thread():
            waited.append(timeout)
        return wait(self, timeout)

    queue.is_broken.set()
    sender.send(event())
    eventually(lambda: sender._failing_since is not None)
    monkeypatch.setattr(threading.Event, "wait", spy)
    sender.send(event())
    assert waited == []


def test_the_flush_is_registered_for_the_instances_end(queue: Queue) -> None:
    registered: list[Callable[[], None]] = []
    sender = AuditSender(queue, at_exit=registered.append)
    sender.send(event())
    assert registered == [sender.flush]
    sender.flush()
