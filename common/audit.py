"""Audit events: handed to Cloud Tasks in batches, at no cost to the caller, never lost.

A request leaves its event in the instance's buffer and waits a few milliseconds at most for one sender thread to hand
over whatever has gathered: many concurrent requests make one task. While the queue fails nobody waits. After a
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
from common.config import Config
from common.imports import once
from common.logs import log

WAIT_SECONDS = 0.005
CALL_TIMEOUT_SECONDS = 2.0
FLUSH_SECONDS = 5.0  # longer than the last back-off and a call; Cloud Run gives 10 s after SIGTERM
BATCH_EVENTS = 200
BATCH_BYTES = 80_000  # a task holds 100 KB at most
BUFFER_EVENTS = 10_000
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


class CloudTasks:
    """Creates one task a batch (`{"events": [...]}`, each event as JSON text).

    Needs roles/cloudtasks.enqueuer on the queue and roles/iam.serviceAccountUser on the tasks' service account.
    """

    def __init__(self, config: Config) -> None:
        self._config = config

    def __call__(self, batch: Sequence[str], /) -> None:
        tasks_v2, client = self._connection
        target = self._config.write_log_url
        account = self._config.tasks_service_account
        task = tasks_v2.Task(
            # Random names spread well, and let a repeated call be told from a second batch.
            name=f"{self._config.audit_queue}/tasks/{uuid.uuid4().hex}",
            http_request=tasks_v2.HttpRequest(
                url=target,
                headers={"Content-Type": "application/json"},  # Cloud Tasks sets none
                body=('{"events":[' + ",".join(batch) + "]}").encode(),
                # The default audience is the whole target address, path and query: said explicitly, it cannot drift.
                oidc_token=tasks_v2.OidcToken(service_account_email=account, audience=target),
            ),
        )
        client.create_task(parent=self._config.audit_queue, task=task, timeout=CALL_TIMEOUT_SECONDS, retry=None)

    @once
    def _connection(self) -> tuple[Any, Any]:
        """The SDK's module and a client."""
        from google.cloud import tasks_v2

        if not self._config.cloud_tasks_endpoint:
            return tasks_v2, tasks_v2.CloudTasksClient()
        import grpc
        from google.cloud.tasks_v2.services.cloud_tasks.transports import CloudTasksGrpcTransport

        # gRPC would wait up to two minutes before it looks again for a server that came back.
        options = [("grpc.initial_reconnect_backoff_ms", 100), ("grpc.max_reconnect_backoff_ms", 1000)]
        channel = grpc.insecure_channel(self._config.cloud_tasks_endpoint, options=options)
        return tasks_v2, tasks_v2.CloudTasksClient(transport=CloudTasksGrpcTransport(channel=channel))


class AuditSender:
    """Buffers events and hands them over from one thread, which starts with the first event (after gunicorn's fork)."""

    def __init__(self, hand_over: HandOver, *, at_exit: Callable[[Callable[[], None]], Any] = atexit.register) -> None:
        self._hand_over = hand_over
        self._at_exit = at_exit
        self._buffer: list[tuple[str, threading.Event]] = []
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._failing = False
        self._closing = False

    def send(self, event: Event) -> None:
        """Returns after the hand-over or after WAIT_SECONDS, at once while the queue fails. Never raises."""
        line = json.dumps(asdict(event))
        done = threading.Event()
        with self._changed:
            if len(self._buffer) >= BUFFER_EVENTS:
                print_fallback(line)
                return
            self._buffer.append((line, done))
            self._start()
            self._changed.notify()
            is_worth_waiting = not self._failing
        if is_worth_waiting:
            done.wait(WAIT_SECONDS)

    def flush(self) -> None:
        """Hands over what is left within FLUSH_SECONDS; prints the rest, so that it can be restored from the logs."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        if self._thread is not None:
            self._thread.join(FLUSH_SECONDS)
        with self._changed:
            left, self._buffer = self._buffer, []
        for line, _ in left:
            print_fallback(line)

    def _start(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="audit-sender", daemon=True)
            self._thread.start()
            self._at_exit(self.flush)

    def _run(self) -> None:
        backoff_seconds = FIRST_BACKOFF_SECONDS
        while batch := self._next_batch():
            try:
                self._hand_over([line for line, _ in batch])
            except Exception as failed:  # noqa: BLE001 - whatever it is, the events stay and are tried again
                self._note_failure(failed)
                time.sleep(backoff_seconds)
                backoff_seconds = min(backoff_seconds * 2, LAST_BACKOFF_SECONDS)
            else:
                self._failing, backoff_seconds = False, FIRST_BACKOFF_SECONDS
                self._drop(batch)

    def _next_batch(self) -> list[tuple[str, threading.Event]]:
        """The oldest events that fit one task; waits for some, and is empty only once closing with nothing left."""
        with self._changed:
            self._changed.wait_for(lambda: self._buffer or self._closing)
            batch: list[tuple[str, threading.Event]] = []
            size_bytes = 0
            for line, done in self._buffer[:BATCH_EVENTS]:
                size_bytes += len(line) + 1
                if batch and size_bytes > BATCH_BYTES:
                    break
                batch.append((line, done))
            return batch

    def _drop(self, batch: list[tuple[str, threading.Event]]) -> None:
        with self._changed:
            del self._buffer[: len(batch)]
        for _, done in batch:
            done.set()

    def _note_failure(self, failed: Exception) -> None:
        if not self._failing:
            log("WARNING", "audit_queue_failing", reason=type(failed).__name__)
        with self._changed:
            self._failing = True


def print_fallback(line: str) -> None:
    """The last resort: `make audit-restore LOG=...` puts these lines back (docs/operations.md)."""
    log("ERROR", "audit_fallback", event=json.loads(line))
