"""Sends due tasks as HTTP requests and puts the failed ones back, the way Google's Cloud Tasks does."""

from __future__ import annotations

import math
import threading
import time
from dataclasses import dataclass

import httpx
from google.cloud.tasks_v2.types import HttpMethod, HttpRequest, Task

from local.oidc import Issuer
from local.task_store import StoredTask, TaskStore

DEFAULT_DEADLINE_SECONDS = 600.0
LONGEST_REST_SECONDS = 30.0  # a suspended laptop does not count its sleep: look at the real clock now and then
_REPLACED_HEADERS = ("host", "content-length", "user-agent")
_REPLACED_PREFIXES = ("x-google-", "x-appengine-", "x-cloudtasks-")


@dataclass(frozen=True)
class RetryPolicy:
    """Seconds between attempts. Google waits up to an hour; 10 s make a laptop recover quickly from an outage."""

    min_seconds: float = 0.1
    max_seconds: float = 10.0
    max_doublings: int = 16

    def delay_seconds(self, retry: int, retry_after_seconds: float = 0) -> float:
        """The pause before retry number `retry` (from 0): doubles, then grows evenly, never beyond the maximum.

        Source: RetryConfig.max_doublings in google-cloud-tasks. What the target asked for counts, within the maximum.
        """
        doublings = min(retry, self.max_doublings)
        backoff = self.min_seconds * 2.0**doublings * (1 + retry - doublings)
        return min(self.max_seconds, max(backoff, retry_after_seconds))


@dataclass(frozen=True)
class Answer:
    """What came of one attempt; `status` is None if nothing came back within the deadline."""

    status: int | None
    reason: str
    retry_after_seconds: float = 0

    @property
    def is_success(self) -> bool:
        return self.status is not None and 200 <= self.status < 300


class Dispatcher:
    """A fixed number of threads, each sending one task at a time: so many requests are under way at the most."""

    def __init__(self, store: TaskStore, issuer: Issuer, *, policy: RetryPolicy, max_concurrent: int) -> None:
        self._store = store
        self._issuer = issuer
        self.policy = policy
        self.max_concurrent = max_concurrent
        # Tasks go where they say, whatever proxy the laptop's environment names. Idle connections are dropped before
        # the usual servers do (after 2 to 5 s), so that no request meets one that is just being closed.
        limits = httpx.Limits(max_connections=None, keepalive_expiry=1)
        self._client = httpx.Client(trust_env=False, limits=limits)
        self._news = threading.Condition()
        self._version = 0
        self._stopping = False
        self._threads = [threading.Thread(target=self._work, daemon=True) for _ in range(max_concurrent)]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def wake(self) -> None:
        """Tell one idle thread to look again: a task came in or may run now."""
        with self._news:
            self._version += 1
            self._news.notify()

    def stop(self, grace_seconds: float) -> bool:
        """Begin no further request and let those under way finish; False if some did not within the grace.

        What is cut off is sent again after the next start.
        """
        with self._news:
            self._stopping = True
            self._news.notify_all()
        deadline = time.monotonic() + grace_seconds
        for thread in self._threads:
            thread.join(max(0, deadline - time.monotonic()))
        if any(thread.is_alive() for thread in self._threads):
            return False
        self._client.close()
        return True

    def _work(self) -> None:
        while not self._stopping:
            version = self._version
            stored = self._store.claim(time.time())
            if stored is None:
                self._rest(version)
                continue
            if self._seconds_to_next() <= 0:
                self.wake()  # each busy thread calls the next one, so that a backlog soon keeps all of them busy
            self._settle(stored, self._attempt(stored))

    def _rest(self, version: int) -> None:
        """Wait until a task is due, or for news since `version`, which was read before the store was asked."""
        seconds = min(self._seconds_to_next(), LONGEST_REST_SECONDS)
        with self._news:
            self._news.wait_for(lambda: self._stopping or self._version != version, seconds)

    def _seconds_to_next(self) -> float:
        due_at = self._store.next_due_at()
        return math.inf if due_at is None else max(0, due_at - time.time())

    def _attempt(self, stored: StoredTask) -> Answer:
        try:
            return self._send(stored)
        except Exception as failure:  # noqa: BLE001 - whatever went wrong, the task must not stay leased
            return Answer(None, f"no answer ({type(failure).__name__})")

    def _send(self, stored: StoredTask) -> Answer:
        task = Task.deserialize(stored.spec)
        request = task.http_request
        deadline = task.dispatch_deadline.total_seconds() if "dispatch_deadline" in task else DEFAULT_DEADLINE_SECONDS
        method = HttpMethod(request.http_method or HttpMethod.POST).name
        headers = httpx.Headers(_client_headers(request))
        headers.update(_task_headers(stored) | self._authorization(request))  # replaces names whatever their case
        response = self._client.request(
            method, request.url, headers=headers, content=request.body or None, timeout=deadline
        )
        return Answer(response.status_code, f"HTTP status {response.status_code}", _retry_after_seconds(response))

    def _authorization(self, request: HttpRequest) -> dict[str, str]:
        if "oidc_token" not in request:
            return {}
        account, audience = request.oidc_token.service_account_email, request.oidc_token.audience
        return {"Authorization": f"Bearer {self._issuer.token(account, audience or request.url)}"}

    def _settle(self, stored: StoredTask, answer: Answer) -> None:
        if answer.is_success:
            self._store.delete(stored.name)
            return
        delay = self.policy.delay_seconds(stored.dispatch_count - 1, answer.retry_after_seconds)
        self._store.postpone(stored.name, time.time() + delay, status=answer.status, reason=answer.reason)
        queue, task = _short(stored.queue), _short(stored.name)
        outcome = f"attempt={stored.dispatch_count} reason={answer.reason!r} retry_in_seconds={delay:.1f}"
        print(f"task dispatch failed: queue={queue} task={task} {outcome}", flush=True)


def _client_headers(request: HttpRequest) -> dict[str, str]:
    """The task's own headers without those that Google computes or keeps for itself."""
    return {
        name: value
        for name, value in request.headers.items()
        if name.lower() not in _REPLACED_HEADERS and not name.lower().startswith(_REPLACED_PREFIXES)
    }


def _task_headers(stored: StoredTask) -> dict[str, str]:
    """What Cloud Tasks tells a target about the attempt.

    Source: cloud.google.com/tasks/docs/creating-http-target-tasks; the execution count leaves 5xx answers out.
    """
    headers = {
        "User-Agent": "Google-Cloud-Tasks",
        "X-CloudTasks-QueueName": _short(stored.queue),
        "X-CloudTasks-TaskName": _short(stored.name),
        "X-CloudTasks-TaskRetryCount": str(stored.dispatch_count - 1),
        "X-CloudTasks-TaskExecutionCount": str(stored.execution_count),
        "X-CloudTasks-TaskETA": f"{stored.due_at:.6f}",
    }
    if stored.last_status is not None:
        headers["X-CloudTasks-TaskPreviousResponse"] = str(stored.last_status)
    if stored.last_reason:
        headers["X-CloudTasks-TaskRetryReason"] = stored.last_reason
    return headers


def _retry_after_seconds(response: httpx.Response) -> float:
    """What a 429 or 503 asks for in seconds; the header's other form, a date, is ignored."""
    value = response.headers.get("Retry-After", "")
    return float(value) if response.status_code in (429, 503) and value.isdecimal() else 0


def _short(name: str) -> str:
    return name.rpartition("/")[2]
