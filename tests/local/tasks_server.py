"""The local Cloud Tasks as a process of its own, the real client connected to it, and one test's share of both."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import grpc
from google.cloud.tasks_v2 import CloudTasksClient
from google.cloud.tasks_v2.services.cloud_tasks.transports import CloudTasksGrpcTransport
from google.cloud.tasks_v2.types import Task

from tests.local.receiver import Receiver, Request, eventually

ACCOUNT = "tasks@local.iam.gserviceaccount.com"
ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Server:
    """A running server process, its client, and where it listens and keeps its state."""

    process: subprocess.Popen[str]
    client: CloudTasksClient
    port: int
    state: Path

    @property
    def key_file(self) -> Path:
        return self.state / "oidc.pem"


class Lane:
    """A queue, and a path at the receiver that its tasks go to; no other lane has them."""

    def __init__(self, server: Server, receiver: Receiver, path: str = "") -> None:
        lane_id = uuid4().hex
        self.client = server.client
        self.queue = f"projects/reelay/locations/local/queues/{lane_id}"
        self.path = path or f"/{lane_id}"
        self.url = receiver.url + self.path
        self._receiver = receiver

    def create(self, http: dict[str, Any] | None = None, **fields: Any) -> Task:
        """A task with these fields; `http` are those of its http_request."""
        task = {"http_request": {"url": self.url} | (http or {}), **fields}
        return self.client.create_task(request={"parent": self.queue, "task": task})

    def arrived(self, count: int = 1) -> list[Request]:
        """What came in, once that are `count` requests at least."""
        eventually(lambda: len(self._receiver.of(self.path)) >= count, f"{count} requests arrived at {self.path}")
        return self._receiver.of(self.path)

    def waiting(self) -> list[Task]:
        return list(self.client.list_tasks(parent=self.queue))

    def wait_until_empty(self) -> None:
        eventually(lambda: not self.waiting(), "every task of the queue was done")


def command(state: Path, port: int = 0, *more: str) -> list[str]:
    """The server's command line; port 0 takes a free one."""
    options = ["--port", str(port), "--state", str(state), "--oidc-key", str(state / "oidc.pem")]
    return [sys.executable, "-m", "local.cloud_tasks", *options, *more]


@contextmanager
def serving(state: Path, *more: str) -> Iterator[Server]:
    """A server on a free port for as long as the context lasts; it may be killed in between."""
    with subprocess.Popen(command(state, 0, *more), cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        ready = process.stdout.readline()
        assert ready.startswith("cloud tasks ready on 127.0.0.1:"), ready
        port = int(ready.rpartition(":")[2])
        with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
            client = CloudTasksClient(transport=CloudTasksGrpcTransport(channel=channel))
            try:
                yield Server(process, client, port, state)
            finally:
                process.kill()
