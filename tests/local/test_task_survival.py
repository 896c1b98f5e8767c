"""What the local Cloud Tasks owes its tasks when its process dies, is stopped, or cannot start."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

from google.cloud.tasks_v2.types import Queue

from local.task_store import TaskStore
from tests.local.receiver import receiving
from tests.local.tasks_server import ROOT, Lane, command, serving


def test_undelivered_tasks_survive_a_kill(tmp_path: Path) -> None:
    bodies = [os.urandom(500) for _ in range(20)]
    with receiving() as receiver:
        with serving(tmp_path) as server:
            lane = Lane(server, receiver)
            server.client.pause_queue(name=lane.queue)
            for body in bodies:
                lane.create({"body": body})
            os.kill(server.process.pid, signal.SIGKILL)
        with serving(tmp_path) as server:
            lane.client = server.client
            assert server.client.get_queue(name=lane.queue).state == Queue.State.PAUSED
            server.client.resume_queue(name=lane.queue)
            lane.wait_until_empty()
        assert sorted(request.body for request in receiver.requests) == sorted(bodies)


def test_a_task_under_way_at_a_kill_is_sent_again_after_the_restart(tmp_path: Path) -> None:
    with receiving() as receiver:
        with serving(tmp_path) as server:
            lane = Lane(server, receiver, "/gate")
            lane.create()
            lane.arrived()
            os.kill(server.process.pid, signal.SIGKILL)
        receiver.open_gate.set()
        with serving(tmp_path) as server:
            lane.client = server.client
            lane.wait_until_empty()
        assert [request.headers["X-CloudTasks-TaskRetryCount"] for request in lane.arrived()] == ["0", "1"]


def test_a_stop_waits_for_the_request_under_way(tmp_path: Path) -> None:
    with receiving() as receiver, serving(tmp_path) as server:
        lane = Lane(server, receiver, "/gate")
        lane.create()
        lane.arrived()
        os.kill(server.process.pid, signal.SIGTERM)
        receiver.open_gate.set()
        assert server.process.wait(timeout=15) == 0
    store = TaskStore(tmp_path / "cloud_tasks.sqlite")
    assert store.page(lane.queue, "", 10) == []
    store.close()


def test_no_more_requests_are_under_way_than_allowed(tmp_path: Path) -> None:
    with receiving() as receiver, serving(tmp_path, "--max-concurrent", "2") as server:
        lane = Lane(server, receiver, "/gate")
        for _ in range(6):
            lane.create()
        lane.arrived(2)
        receiver.open_gate.set()
        lane.wait_until_empty()
        assert (len(receiver.requests), receiver.most_running) == (6, 2)


def test_a_failed_dispatch_is_one_line_without_the_body(tmp_path: Path) -> None:
    with receiving() as receiver, serving(tmp_path) as server:
        lane = Lane(server, receiver)
        receiver.answers[lane.path] = [(500, {})]
        lane.create({"body": b"private"}, name=f"{lane.queue}/tasks/t1")
        lane.wait_until_empty()
        os.kill(server.process.pid, signal.SIGTERM)
        assert server.process.stdout
        (line,) = server.process.stdout.read().splitlines()
    fields = f"queue={lane.path[1:]} task=t1 attempt=1 reason='HTTP status 500' retry_in_seconds=0.1"
    assert line == f"task dispatch failed: {fields}"


def _failure(state: Path, port: int = 0) -> str:
    """The one line with which the server refuses to start."""
    finished = subprocess.run(command(state, port), cwd=ROOT, capture_output=True, text=True, timeout=30, check=False)
    assert finished.returncode == 1
    assert finished.stdout == ""
    assert finished.stderr.count("\n") == 1
    return finished.stderr.removeprefix("cloud tasks cannot start: ").rstrip("\n")


def test_a_port_in_use_and_a_state_in_use_are_named_in_one_line(tmp_path: Path) -> None:
    with serving(tmp_path / "first") as server:
        assert _failure(tmp_path / "second", server.port) == f"port {server.port}: Address already in use"
        assert _failure(server.state) == f"{server.state / 'cloud_tasks.sqlite'}: database is locked"


def test_a_broken_key_is_named_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "oidc.pem").write_text("nonsense")
    assert _failure(tmp_path).startswith(f"{tmp_path / 'oidc.pem'} is not an RSA private key")


def test_a_broken_state_file_is_named_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "cloud_tasks.sqlite").write_text("nonsense" * 1000)
    assert _failure(tmp_path) == f"{tmp_path / 'cloud_tasks.sqlite'}: file is not a database"
