"""What Cloud Tasks accepts: the checks of a CreateTask request, and how a stored task is shown.

Source of the limits: the field documentation of google-cloud-tasks 2.26 (types/task.py, types/target.py).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import urlsplit
from uuid import uuid4

import grpc
from google.cloud.tasks_v2.types import CreateTaskRequest, HttpMethod, HttpRequest, Task

from local.task_store import StoredTask

MAX_TASK_BYTES = 100 * 1024  # the API's older text says 100 KB, the quota page 1 MB: the smaller one fits both
MAX_URL_CHARACTERS = 2083
MAX_DELAY_SECONDS = 30 * 24 * 3600
DEADLINE_SECONDS = (15, 30 * 60)
QUEUE_NAME = re.compile(r"projects/[^/]+/locations/[^/]+/queues/[A-Za-z0-9-]{1,100}")
_TASK_ID = re.compile(r"[A-Za-z0-9_-]{1,500}")
_METHODS_WITH_BODY = (HttpMethod.HTTP_METHOD_UNSPECIFIED, HttpMethod.POST, HttpMethod.PUT, HttpMethod.PATCH)


class RefusedError(Exception):
    """An RPC that is answered with a status other than OK, and the text for the client."""

    def __init__(self, code: grpc.StatusCode, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True)
class NewTask:
    """A task that passed every check, ready to be stored; `keep_name` if the client chose the name."""

    name: str
    queue: str
    spec: bytes
    due_at: float
    keep_name: bool


def accept(request: CreateTaskRequest, now: float) -> NewTask:
    """The task to store, with its name, due time and creation time filled in.

    Raises RefusedError (INVALID_ARGUMENT) naming the first thing that Google would refuse, or that only Google can do.
    """
    check_queue(request.parent)
    task = request.task
    _require(Task.pb(task).ByteSize() <= MAX_TASK_BYTES, f"the task is larger than {MAX_TASK_BYTES} bytes")
    _check_supported(task)
    _check_target(task.http_request)
    named, name = bool(task.name), task.name or f"{request.parent}/tasks/{uuid4().hex}"
    _check_name(name, request.parent)
    due_at = max(now, task.schedule_time.timestamp()) if "schedule_time" in task else now
    _require(due_at <= now + MAX_DELAY_SECONDS, "schedule_time is more than 30 days ahead")
    task.name = name
    task.create_time = datetime.fromtimestamp(int(now), UTC)
    return NewTask(name, request.parent, Task.serialize(task), due_at, named)


def check_queue(name: str) -> None:
    """Raise RefusedError unless `name` could be a queue's: every well-formed one exists."""
    _require(QUEUE_NAME.fullmatch(name) is not None, "expected projects/*/locations/*/queues/* as the queue's name")


def shown(stored: StoredTask, view: Task.View) -> Task:
    """The task as the API returns it: the body only in the FULL view; first and last attempt are not kept here."""
    task: Task = Task.deserialize(stored.spec)
    task.schedule_time = datetime.fromtimestamp(stored.due_at, UTC)
    task.dispatch_count = stored.dispatch_count
    task.response_count = stored.response_count
    task.view = Task.View(view or Task.View.BASIC)
    if task.view != Task.View.FULL:
        task.http_request.body = b""
    return task


def _check_supported(task: Task) -> None:
    _require("http_request" in task, "only tasks with an http_request are supported")
    _require("retry_config" not in task, "retry_config is not supported locally: attempts are unlimited")
    _require("oauth_token" not in task.http_request, "oauth_token is not supported locally: use oidc_token")
    if "dispatch_deadline" in task:
        least, most = DEADLINE_SECONDS
        deadline = task.dispatch_deadline.total_seconds()
        _require(least <= deadline <= most, f"dispatch_deadline is not within {least} to {most} seconds")


def _check_target(request: HttpRequest) -> None:
    _require(_is_web_address(request.url), "http_request.url is not an http:// or https:// address")
    allowed = not request.body or request.http_method in _METHODS_WITH_BODY
    _require(allowed, "http_request.body is allowed with POST, PUT and PATCH only")
    has_account = "oidc_token" not in request or "@" in request.oidc_token.service_account_email
    _require(has_account, "oidc_token.service_account_email is not an e-mail address")


def _is_web_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and len(url) <= MAX_URL_CHARACTERS
    except ValueError:
        return False


def _check_name(name: str, queue: str) -> None:
    prefix, _, task_id = name.rpartition("/tasks/")
    fits = prefix == queue and _TASK_ID.fullmatch(task_id) is not None
    _require(fits, "task.name is not <parent>/tasks/<letters, digits, hyphens and underscores>")


def _require(condition: bool, message: str) -> None:
    if not condition:
        raise RefusedError(grpc.StatusCode.INVALID_ARGUMENT, message)
