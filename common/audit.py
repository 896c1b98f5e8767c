"""Audit events: handed to Cloud Tasks in batches, at no cost to the caller, never lost.

A request leaves its event in the instance's buffer, from which one sender thread hands over whatever has gathered: many
concurrent requests make one task. The last request under way waits for that, a few milliseconds at most. After a
response the platform may take the CPU away, which is why the request waits at all; what is left then goes with the
next request, or on SIGTERM, for which the platform gives the CPU back.
"""

from __future__ import annotations

import atexit
import json
import threading
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Protocol

from common import clock
from common.logs import log

WAIT_SECONDS = 0.005
GATHER_SECONDS = 0.05
FLUSH_SECONDS = 5.0  # longer than the last back-off and a call; Cloud Run gives 10 s after SIGTERM
BATCH_EVENTS = 200
BATCH_BYTES = 80_000  # a task holds 100 KB at most
BUFFER_EVENTS = 10_000
PRINT_AFTER_SECONDS = 5.0
FIRST_BACKOFF_SECONDS, LAST_BACKOFF_SECONDS = 0.1, 2.0
DESCRIPTION_CHARACTERS = 300


@dataclass(frozen=True)
class Event:
    """One outcome of one request. The id becomes the row's primary key: delivered twice, stored once."""

    user_id: str | None
    action_type: str
    description: str
    service_name: str
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    created_at: str = field(default_factory=lambda: clock.now().isoformat())


class HandOver(Protocol):
    """Gives a batch to the queue, or raises."""

    def __call__(self, batch: Sequence[str], /) -> None: ...


@dataclass
class _Waiting:
    """An event's JSON in the buffer, and whether it was handed over or printed."""

    line: str
    done: threading.Event = field(default_factory=threading.Event)
    is_printed: bool = False

    def print_once(self) -> None:
        if not self.is_printed:
            self.is_printed = True
            print_fallback(self.line)


class AuditSender:
    """Buffers events and hands them over from one thread, which starts with the first event (after gunicorn's fork)."""

    def __init__(self, hand_over: HandOver, *, at_exit: Callable[[Callable[[], None]], Any] = atexit.register) -> None:
        self._hand_over = hand_over
        self._at_exit = at_exit
        self._buffer: list[_Waiting] = []
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._failing_since: float | None = None
        self._closing = False
        self._under_way = 0

    def begin(self) -> None:
        """A request has begun; its `send` ends it."""
        with self._changed:
            self._under_way += 1

    def send(self, event: Event) -> None:
        """Leaves the event in the buffer. Never raises.

        While other requests are under way the instance keeps its CPU, so this one need not wait, and what gathers for
        GATHER_SECONDS goes as one task. The last one waits for the hand-over, WAIT_SECONDS at the most; nobody waits
        while the queue fails.
        """
        waiting = _Waiting(json.dumps(asdict(event)))
        with self._changed:
            self._under_way = max(0, self._under_way - 1)
            if len(self._buffer) >= BUFFER_EVENTS:
                waiting.print_once()
                return
            self._buffer.append(waiting)
            self._start()
            if self._is_due() or len(self._buffer) == 1:
                self._changed.notify()
            is_worth_waiting = self._under_way == 0 and self._failing_since is None
        if is_worth_waiting:
            waiting.done.wait(WAIT_SECONDS)

    def flush(self) -> None:
        """Hands over what is left within FLUSH_SECONDS; prints the rest, so that it can be restored from the logs."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        if self._thread is not None:
            self._thread.join(FLUSH_SECONDS)
        with self._changed:
            left, self._buffer = self._buffer, []
        for waiting in left:
            waiting.print_once()

    def _start(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="audit-sender", daemon=True)
            self._thread.start()
            self._at_exit(self.flush)

    def _run(self) -> None:
        backoff_seconds = FIRST_BACKOFF_SECONDS
        while batch := self._next_batch():
            try:
                self._hand_over([waiting.line for waiting in batch])
            except Exception as failed:  # noqa: BLE001 - whatever it is, the events stay and are tried again
                self._note_failure(failed)
                time.sleep(backoff_seconds)
                backoff_seconds = min(backoff_seconds * 2, LAST_BACKOFF_SECONDS)
            else:
                self._failing_since, backoff_seconds = None, FIRST_BACKOFF_SECONDS
                self._drop(batch)

    def _next_batch(self) -> list[_Waiting]:
        """The oldest events that fit one task; waits for some, and is empty only once closing with nothing left."""
        with self._changed:
            self._changed.wait_for(lambda: self._buffer or self._closing)
            self._changed.wait_for(self._is_due, GATHER_SECONDS)
            batch: list[_Waiting] = []
            size_bytes = 0
            for waiting in self._buffer[:BATCH_EVENTS]:
                size_bytes += len(waiting.line) + 1
                if batch and size_bytes > BATCH_BYTES:
                    break
                batch.append(waiting)
            return batch

    def _is_due(self) -> bool:
        return self._closing or self._under_way == 0 or len(self._buffer) >= BATCH_EVENTS

    def _drop(self, batch: list[_Waiting]) -> None:
        with self._changed:
            del self._buffer[: len(batch)]
        for waiting in batch:
            waiting.done.set()

    def _note_failure(self, failed: Exception) -> None:
        """After a while of failing, prints what waits: the instance may be killed without another word. It is still
        tried again, and stored once all the same, because its id is the row's primary key."""
        now = time.monotonic()
        if self._failing_since is None:
            log("WARNING", "audit_queue_failing", reason=type(failed).__name__)
            self._failing_since = now
        if now - self._failing_since >= PRINT_AFTER_SECONDS:
            with self._changed:
                left = list(self._buffer)
            for waiting in left:
                waiting.print_once()


def print_fallback(line: str) -> None:
    """The last resort: `make audit-restore LOG=...` puts these lines back (docs/operations.md)."""
    log("ERROR", "audit_fallback", event=json.loads(line))
