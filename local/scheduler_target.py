"""One call of a scheduled function, as Cloud Scheduler makes it, and the note of how the last one went."""

from __future__ import annotations

import fcntl
import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import httpx

from local.oidc import Issuer

ATTEMPT_SECONDS = 300.0  # Google allows 15 s to 30 min


class Target:
    """The gateway as one service account calls it; remembers each job's last run for the log, in the state folder."""

    def __init__(self, gateway: str, issuer: Issuer, service_account: str, state: Path) -> None:
        self._gateway = gateway.rstrip("/")
        self._issuer = issuer
        self._service_account = service_account
        self._state = state / "scheduler"
        self._state.mkdir(parents=True, exist_ok=True)
        self._client = httpx.Client(trust_env=False, timeout=ATTEMPT_SECONDS)

    def close(self) -> None:
        self._client.close()

    @contextmanager
    def only_run(self, name: str) -> Iterator[bool]:
        """Hold the job's lock; gives False if a run is under way, in this process or another."""
        with (self._state / f"{name}.lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield False
            else:
                yield True

    def attempt(self, name: str, due: datetime) -> bool:
        """POST once to the function; True if it answered 2xx within the deadline."""
        url = f"{self._gateway}/{name}"
        headers = {
            "User-Agent": "Google-Cloud-Scheduler",
            "X-CloudScheduler": "true",
            "X-CloudScheduler-JobName": name,
            "X-CloudScheduler-ScheduleTime": due.isoformat().replace("+00:00", "Z"),
            "Content-Type": "application/json",
            "Authorization": f"Bearer {self._issuer.token(self._service_account, url)}",
        }
        try:
            response = self._client.post(url, headers=headers, content=b"{}")
        except httpx.HTTPError as failure:
            self._record(name, due, f"no answer ({type(failure).__name__})")
            return False
        self._record(name, due, f"HTTP status {response.status_code}")
        return response.is_success

    def last_run(self, name: str) -> str:
        """One line about the job's last run."""
        try:
            run = json.loads((self._state / f"{name}.json").read_text(encoding="utf-8"))
            return f"{run['scheduled_for']}: {run['outcome']}"
        except (OSError, ValueError, KeyError, TypeError):
            return "never"

    def _record(self, name: str, due: datetime, outcome: str) -> None:
        run = {"scheduled_for": due.isoformat(), "outcome": outcome}
        (self._state / f"{name}.json").write_text(json.dumps(run), encoding="utf-8")
        log("scheduler attempt", job=name, **run)


def log(event: str, **values: str) -> None:
    """Print one line: the event, then its fields."""
    print(f"{event}: " + " ".join(f"{key}={value!r}" for key, value in values.items()), flush=True)
