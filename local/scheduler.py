"""The local Cloud Scheduler: calls every catalog function that has a `schedule`, at the cron line's times in UTC.

    python -m local.scheduler --gateway http://127.0.0.1:8080 --oidc-key .local/oidc.pem \\
        --service-account scheduler@local.iam.gserviceaccount.com --state .local

As in the cloud, a job never runs twice at once, a run that is late delays the next one, and what was missed while
nothing ran here is not caught up. `--run NAME` makes one attempt now and exits with 0 or 1, whatever the time is.
"""

from __future__ import annotations

import argparse
import signal
import sys
import threading
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from croniter import croniter

from local import catalog
from local.oidc import Issuer
from local.scheduler_target import Target, log

RETRY_PAUSES_SECONDS = (5.0, 10.0, 20.0)
STOP_SECONDS = 5.0
_LONGEST_NAP_SECONDS = 30.0  # a suspended laptop does not count its sleep: look at the real clock now and then
_LATE_SECONDS = 60.0


@dataclass(frozen=True)
class Job:
    """A function to call, and the cron line that says when (UTC)."""

    name: str
    schedule: str

    def next_after(self, moment: datetime) -> datetime:
        due: datetime = croniter(self.schedule, moment).get_next(datetime)
        return due

    def last_before(self, moment: datetime) -> datetime:
        due: datetime = croniter(self.schedule, moment).get_prev(datetime)
        return due


class Scheduler:
    """Runs jobs at their times. `sleep(seconds)` returns True when it is time to stop, as threading.Event.wait does."""

    def __init__(
        self,
        target: Target,
        *,
        sleep: Callable[[float], bool],
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._target = target
        self._sleep = sleep
        self._now = now

    def keep(self, job: Job) -> None:
        """Run `job` at each of its times until told to stop; blocks."""
        due = self._wait(job, job.next_after(self._now()))
        while due is not None:
            self.run(job, due)
            # A run that outlasts its period delays the next one; of several that it covered only the latest remains.
            due = self._wait(job, max(job.next_after(due), job.last_before(self._now())))

    def run(self, job: Job, due: datetime) -> bool:
        """One run with its retries, which end when the next run is due; False if no attempt succeeded.

        Source: google-cloud-scheduler 2.21, RetryConfig.retry_count and Job.schedule.
        """
        with self._target.only_run(job.name) as is_free:
            if not is_free:
                log("scheduler run skipped", job=job.name, reason="another one is under way")
                return False
            for pause_seconds in RETRY_PAUSES_SECONDS:
                if self._target.attempt(job.name, due):
                    return True
                if self._now() + timedelta(seconds=pause_seconds) >= job.next_after(due) or self._sleep(pause_seconds):
                    return False
            return self._target.attempt(job.name, due)

    def _wait(self, job: Job, due: datetime) -> datetime | None:
        """Sleep until `due` and return it, or a later time if the machine slept past it; None when told to stop."""
        while (seconds := (due - self._now()).total_seconds()) > 0:
            if self._sleep(min(seconds, _LONGEST_NAP_SECONDS)):
                return None
            if (self._now() - due).total_seconds() > _LATE_SECONDS:
                log("scheduler run missed", job=job.name, scheduled_for=due.isoformat())
                due = job.next_after(self._now())
        return due


def main(arguments: list[str] | None = None) -> int:
    """Keep all jobs until SIGTERM or SIGINT, or run one; 1, with a line on stderr or the log, if that fails."""
    options = _parse(arguments)
    jobs = {f.name: Job(f.name, f.schedule) for f in catalog.load().values() if f.schedule}
    if options.run and options.run not in jobs:
        print(f"no job named {options.run}; the catalog has: {', '.join(jobs)}", file=sys.stderr)
        return 1
    try:
        issuer = Issuer.load(options.oidc_key)
    except (OSError, ValueError) as problem:
        print(f"cloud scheduler cannot start: {problem}", file=sys.stderr)
        return 1
    with closing(Target(options.gateway, issuer, options.service_account, options.state)) as target:
        return _run_once(target, options.run) if options.run else _keep_all(target, list(jobs.values()))


def _run_once(target: Target, name: str) -> int:
    with target.only_run(name) as is_free:
        return 0 if is_free and target.attempt(name, datetime.now(UTC).replace(microsecond=0)) else 1


def _keep_all(target: Target, jobs: list[Job]) -> int:
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    scheduler = Scheduler(target, sleep=stop.wait)
    threads = [threading.Thread(target=scheduler.keep, args=[job], daemon=True) for job in jobs]
    for job, thread in zip(jobs, threads, strict=True):
        log("scheduler job", job=job.name, schedule=job.schedule, last_run=target.last_run(job.name))
        thread.start()
    print("cloud scheduler ready", flush=True)
    stop.wait()
    deadline = time.monotonic() + STOP_SECONDS
    for thread in threads:
        thread.join(max(0, deadline - time.monotonic()))
    return 0


def _parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="local.scheduler", description="The local Cloud Scheduler.")
    parser.add_argument("--gateway", required=True, help="where the functions answer, such as http://127.0.0.1:8080")
    parser.add_argument("--oidc-key", type=Path, required=True, help="the issuer's key (PEM), made if it is missing")
    parser.add_argument("--service-account", required=True, help="the e-mail address in the jobs' tokens")
    parser.add_argument("--state", type=Path, required=True, help="the folder that remembers the last runs")
    parser.add_argument("--run", metavar="NAME", help="make one attempt of this job now, and exit with 0 or 1")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
