"""The local Cloud Scheduler keeps the catalog's times; the clock here is a number that sleeping moves on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from local import catalog
from local.oidc import Issuer
from local.scheduler import Job, Scheduler
from local.scheduler_target import Target
from tests.local.receiver import Receiver, eventually, receiving

ACCOUNT = "scheduler@local.iam.gserviceaccount.com"
NIGHTLY = Job("reset_usage", "0 0 * * *")
EVENING = datetime(2025, 3, 1, 21, 30, 15, tzinfo=UTC)
ROOT = Path(__file__).resolve().parents[2]


class Clock:
    """Time that passes only while somebody sleeps; tells the sleeper to stop at `end`. `jump` is a suspended laptop."""

    def __init__(self, start: datetime, end: datetime) -> None:
        self.time, self.end = start, end
        self.naps: list[float] = []
        self.jump: tuple[datetime, timedelta] | None = None

    def now(self) -> datetime:
        return self.time

    def sleep(self, seconds: float) -> bool:
        self.naps.append(seconds)
        self.time += timedelta(seconds=seconds)
        if self.jump and self.time >= self.jump[0]:
            self.time, self.jump = self.time + self.jump[1], None
        return self.time >= self.end


@pytest.fixture(scope="module")
def key_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("scheduler") / "oidc.pem"
    Issuer.load(path)
    return path


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


@pytest.fixture
def target(receiver: Receiver, key_file: Path, tmp_path: Path) -> Iterator[Target]:
    with closing(Target(receiver.url, Issuer.load(key_file), ACCOUNT, tmp_path)) as target:
        yield target


def _keep(target: Target, job: Job, clock: Clock) -> None:
    Scheduler(target, sleep=clock.sleep, now=clock.now).keep(job)


def _schedule_times(receiver: Receiver) -> list[str]:
    return [request.headers["X-CloudScheduler-ScheduleTime"] for request in receiver.requests]


def test_a_job_runs_at_its_cron_times_and_at_no_other(target: Target, receiver: Receiver) -> None:
    _keep(target, NIGHTLY, Clock(EVENING, EVENING + timedelta(days=3)))
    assert _schedule_times(receiver) == ["2025-03-02T00:00:00Z", "2025-03-03T00:00:00Z", "2025-03-04T00:00:00Z"]


def test_a_run_is_the_request_that_google_sends(target: Target, receiver: Receiver, key_file: Path) -> None:
    _keep(target, NIGHTLY, Clock(EVENING, EVENING + timedelta(hours=3)))
    (request,) = receiver.requests
    assert (request.method, request.path, request.body) == ("POST", "/reset_usage", b"{}")
    assert request.headers["User-Agent"] == "Google-Cloud-Scheduler"
    assert request.headers["X-CloudScheduler"] == "true"
    assert request.headers["X-CloudScheduler-JobName"] == "reset_usage"
    assert request.headers["Content-Type"] == "application/json"
    token = request.headers["Authorization"].removeprefix("Bearer ")
    assert Issuer.load(key_file).verify(token, f"{receiver.url}/reset_usage") == ACCOUNT


def test_a_failed_run_is_tried_three_times_more_with_doubling_pauses(target: Target, receiver: Receiver) -> None:
    receiver.answers["/reset_usage"] = [(500, {})] * 9
    clock = Clock(EVENING, EVENING + timedelta(hours=3))
    assert Scheduler(target, sleep=clock.sleep, now=clock.now).run(NIGHTLY, EVENING) is False
    assert _schedule_times(receiver) == ["2025-03-01T21:30:15Z"] * 4
    assert clock.naps == [5, 10, 20]


def test_retries_end_with_the_first_success(target: Target, receiver: Receiver) -> None:
    receiver.answers["/reset_usage"] = [(500, {}), (429, {})]
    _keep(target, NIGHTLY, Clock(EVENING, EVENING + timedelta(hours=3)))
    assert len(receiver.requests) == 3


def test_retries_end_when_the_next_run_is_due(target: Target, receiver: Receiver) -> None:
    receiver.answers["/every_ten_seconds"] = [(500, {})] * 9
    clock = Clock(EVENING, EVENING + timedelta(hours=3))
    every_ten_seconds = Job("every_ten_seconds", "* * * * * */10")
    assert Scheduler(target, sleep=clock.sleep, now=clock.now).run(every_ten_seconds, EVENING) is False
    assert len(receiver.requests) == 1


def test_a_run_that_outlasts_its_period_delays_the_next_one(
    target: Target, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock(datetime(2025, 3, 1, 12, 0, 30, tzinfo=UTC), datetime(2025, 3, 1, 12, 5, tzinfo=UTC))

    attempt = target.attempt

    def slow_attempt(name: str, due: datetime) -> bool:
        if due.minute == 1:
            clock.time += timedelta(seconds=150)  # until 12:03:30
        return attempt(name, due)

    monkeypatch.setattr(target, "attempt", slow_attempt)
    _keep(target, Job("minutely", "* * * * *"), clock)
    assert [moment[14:16] for moment in _schedule_times(receiver)] == ["01", "03", "04"]


def test_what_was_missed_while_the_machine_slept_is_not_caught_up(
    target: Target, receiver: Receiver, capsys: pytest.CaptureFixture[str]
) -> None:
    clock = Clock(EVENING, EVENING + timedelta(days=3))
    clock.jump = (EVENING + timedelta(hours=1), timedelta(hours=6))
    _keep(target, NIGHTLY, clock)
    assert _schedule_times(receiver) == ["2025-03-03T00:00:00Z", "2025-03-04T00:00:00Z"]
    assert "scheduler run missed: job='reset_usage'" in capsys.readouterr().out


def test_a_job_does_not_run_twice_at_once(target: Target, receiver: Receiver) -> None:
    scheduler = Scheduler(target, sleep=lambda _: True)
    with target.only_run("reset_usage"):
        assert scheduler.run(NIGHTLY, EVENING) is False
    assert receiver.requests == []
    assert scheduler.run(NIGHTLY, EVENING) is True


def test_the_last_run_is_remembered(target: Target, receiver: Receiver) -> None:
    assert target.last_run("reset_usage") == "never"
    receiver.answers["/reset_usage"] = [(503, {})]
    target.attempt("reset_usage", EVENING)
    assert target.last_run("reset_usage") == "2025-03-01T21:30:15+00:00: HTTP status 503"


def test_no_answer_at_all_is_a_failed_attempt(key_file: Path, tmp_path: Path) -> None:
    with receiving() as gone:
        pass
    with closing(Target(gone.url, Issuer.load(key_file), ACCOUNT, tmp_path)) as target:
        assert target.attempt("reset_usage", EVENING) is False
        assert target.last_run("reset_usage").endswith(": no answer (ConnectError)")


def _command(gateway: str, key_file: Path, state: Path, *more: str) -> list[str]:
    options = ["--gateway", gateway, "--oidc-key", str(key_file), "--service-account", ACCOUNT, "--state", str(state)]
    return [sys.executable, "-m", "local.scheduler", *options, *more]


@pytest.mark.parametrize(("status", "code"), [(200, 0), (500, 1)])
def test_run_makes_one_attempt_and_exits_with_its_outcome(
    receiver: Receiver, key_file: Path, tmp_path: Path, status: int, code: int
) -> None:
    receiver.answers["/reset_usage"] = [(status, {})]
    command = _command(receiver.url, key_file, tmp_path, "--run", "reset_usage")
    assert subprocess.run(command, cwd=ROOT, stdout=subprocess.DEVNULL, check=False).returncode == code
    assert [request.path for request in receiver.requests] == ["/reset_usage"]


def test_run_of_an_unknown_job_names_those_that_exist(key_file: Path, tmp_path: Path) -> None:
    command = _command("http://127.0.0.1:1", key_file, tmp_path, "--run", "reset_nothing")
    finished = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert finished.returncode == 1
    assert finished.stderr == "no job named reset_nothing; the catalog has: reset_usage\n"


def test_the_process_keeps_the_catalogs_jobs_and_stops_when_told(key_file: Path, tmp_path: Path) -> None:
    log = tmp_path / "log"
    with log.open("w") as output:
        process = subprocess.Popen(_command("http://127.0.0.1:1", key_file, tmp_path), cwd=ROOT, stdout=output)
        try:
            eventually(lambda: "cloud scheduler ready" in log.read_text(), "the scheduler got ready")
            os.kill(process.pid, signal.SIGTERM)
            assert process.wait(timeout=15) == 0
        finally:
            process.kill()
            process.wait()
    for function in catalog.load().values():
        assert (f"job={function.name!r} schedule={function.schedule!r}" in log.read_text()) == bool(function.schedule)
