"""The local cloud as the tests use it: one for the whole run, on a real PostgreSQL, through the command users type."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, LiteralString

import httpx
import psycopg

from local.catalog import ROOT, load
from local.environment import grants
from local.keys import Keys
from local.settings import settings
from local.state import State
from tests.stored_media import media_ids

PASSWORD = "correct horse battery"
BROWSER_ORIGIN = "http://localhost:3000"


def eventually(check: Callable[[], Any], seconds: float = 30.0) -> Any:
    """The first true value that `check` answers; fails the test after `seconds`."""
    deadline = time.monotonic() + seconds
    while not (value := check()):
        assert time.monotonic() < deadline, "did not happen in time"
        time.sleep(0.05)
    return value


@dataclass(frozen=True)
class Account:
    """A registered user with a token."""

    id: str
    email: str
    token: str

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}


class Cloud:
    """A running local cloud (`python -m local`), black-box but for its state directory."""

    def __init__(self, state: Path, port: int, environ: Mapping[str, str], *options: str) -> None:
        self.state = state
        self.base_url = f"http://127.0.0.1:{port}"
        self._environ = dict(environ)
        self._options = options
        self._port = port
        self.client = httpx.Client(base_url=self.base_url, timeout=60, trust_env=False)

    def start(self) -> None:
        """Returns once the health address answers 200."""
        command = [sys.executable, "-m", "local", "--state", str(self.state), "--port", str(self._port), *self._options]
        self.log = (self.state.parent / f"{self.state.name}.log").open("ab")
        environ = {"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/"), **self._environ}
        self.process = subprocess.Popen(command, cwd=ROOT, env=environ, stdout=self.log, stderr=self.log)
        eventually(self._is_ready, 90)

    def _is_ready(self) -> bool:
        assert self.process.poll() is None, f"the local cloud ended:\n{Path(self.log.name).read_text()[-2000:]}"
        try:
            return self.client.get("/_local/health").status_code == 200
        except httpx.TransportError:
            return False

    def stop(self) -> int:
        """Ctrl-C; answers the exit code."""
        self.client.close()
        self.process.send_signal(signal.SIGINT)
        code = self.process.wait(30)
        self.log.close()
        return code

    def granted(self) -> dict[str, str]:
        """Every setting and secret that this cloud grants to its functions."""
        ports = json.loads((self.state / "ports.json").read_text())
        keys: Keys = State(self.state).keys()
        return grants(settings({}, self._environ, self._port), keys, ports)

    def environment(self, function: str) -> dict[str, str]:
        """What the catalog gives this function here."""
        entry, granted = load()[function], self.granted()
        names = {*entry.secrets, *entry.environment, *entry.options, "CLOUD_TASKS_ENDPOINT"}
        return {name: granted[name] for name in names if name in granted}

    @property
    def database_url(self) -> str:
        """Where the PostgreSQL beneath the local Supabase listens."""
        return self._environ["DATABASE_URL"]

    def sql(self, statement: LiteralString, *parameters: object) -> list[tuple[Any, ...]]:
        """What an operator could do or see in the database itself."""
        with psycopg.connect(self.database_url, autocommit=True) as connection:
            cursor = connection.execute(statement, parameters)
            return cursor.fetchall() if cursor.description else []

    def publishable_key(self) -> str:
        return State(self.state).keys().supabase_publishable_key

    def register(self, email: str | None = None) -> Account:
        """A fresh account, registered and logged in through the gateway."""
        email = email or f"{uuid.uuid4().hex}@example.com"
        credentials = {"email": email, "password": PASSWORD}
        registered = self.client.post("/register", json=credentials | {"username": "somebody"})
        assert registered.status_code == 201, registered.text
        return self.log_in(email)

    def log_in(self, email: str, password: str = PASSWORD) -> Account:
        answer = self.client.post("/login", json={"email": email, "password": password})
        assert answer.status_code == 200, answer.text
        return Account(answer.json()["user"]["id"], email, answer.json()["token"])

    def register_admin(self) -> Account:
        """An account that an operator made an admin, with the secret key."""
        account = self.register()
        granted = self.granted()
        changed = httpx.patch(
            f"{granted['SUPABASE_URL']}/rest/v1/users",
            params={"id": f"eq.{account.id}"},
            json={"role": "admin"},
            headers={"apikey": granted["SUPABASE_SECRET_KEY"]},
        )
        assert changed.is_success, changed.text
        return self.log_in(account.email)

    def upload(self, account: Account, file: bytes, title: str = "A video") -> httpx.Response:
        form = {"files": {"video": ("clip.mp4", file, "video/mp4")}, "data": {"title": title}}
        return self.client.post("/upload_video", headers=account.headers, **form)  # type: ignore[arg-type]

    def get(self, path: str, account: Account) -> dict[str, Any]:
        """The JSON of a successful GET."""
        answer = self.client.get(path, headers=account.headers)
        assert answer.status_code == 200, answer.text
        document: dict[str, Any] = answer.json()
        return document

    def storage(self, account: Account) -> tuple[int, int]:
        """(used, reserved) bytes."""
        answer = self.get("/check_storage", account)
        return answer["used_bytes"], answer["reserved_bytes"]

    def media(self, path: str = "") -> list[str]:
        """The media ids below `path` that the media host holds, by its own list."""
        return media_ids(self.granted()["MEDIA_URL"], path)

    def set_faults(self, faults: Mapping[str, Any]) -> None:
        """Orders failures of the media host; {} ends them."""
        host = self.granted()["MEDIA_DELIVERY_URL"].rpartition("/")[0]
        assert httpx.put(f"{host}/_local/faults", json=faults).is_success

    def run_job(self) -> None:
        """Lets Cloud Scheduler run reset_usage once, now."""
        command = [sys.executable, "-m", "local.scheduler", "--run", "reset_usage", "--gateway", self.base_url]
        command += ["--oidc-key", str(self.state / "oidc.pem"), "--state", str(self.state)]
        command += ["--service-account", self.granted()["SCHEDULER_SERVICE_ACCOUNT"]]
        subprocess.run(command, cwd=ROOT, check=True, capture_output=True)

    def logs(self, account: Account) -> list[dict[str, Any]]:
        """All the account's audit events, over all pages, newest first."""
        events: list[dict[str, Any]] = []
        cursor = ""
        while cursor is not None:
            page = self.get(f"/list_logs/{account.id}" + (f"?cursor={cursor}" if cursor else ""), account)
            events, cursor = events + page["logs"], page["next_cursor"]
        return events

    def pid(self, component: str) -> int:
        return int((self.state / "run" / f"{component}.pid").read_text())

    def worker_bytes(self, function: str, field: str) -> int:
        """Of the function's worker: VmRSS, what it holds in memory now, or VmHWM, the most it ever held (proc(5))."""
        master = self.pid(function)
        for status in Path("/proc").glob("[0-9]*/status"):
            with suppress(FileNotFoundError, ProcessLookupError):  # somebody else's, which has ended meanwhile
                fields = dict(line.split(":\t", 1) for line in status.read_text().splitlines() if ":\t" in line)
                if fields["PPid"] == str(master):
                    return int(fields[field].split()[0]) * 1024
        raise AssertionError("no worker")

    def is_another(self, component: str, pid: int) -> bool:
        """Whether the component runs again after the process with this id; in between there is no file."""
        try:
            return self.pid(component) != pid
        except (FileNotFoundError, ValueError):
            return False

    def kill(self, component: str) -> None:
        """SIGKILL to the component's whole process group, as an OOM killer would."""
        os.killpg(os.getpgid(self.pid(component)), signal.SIGKILL)

    def terminate(self, component: str) -> None:
        """SIGTERM to the component, as the platform does with an instance that it no longer needs."""
        os.kill(self.pid(component), signal.SIGTERM)

    def hold(self, component: str) -> Path:
        """Keeps a dead component dead until the file that this answers is removed."""
        file = self.state / "run" / "hold" / component
        file.touch()
        return file
