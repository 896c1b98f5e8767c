"""Children of a local cloud that was killed before it could stop them.

Each child leads a process group of its own and is written down with its start time, because a pid alone may by now
belong to somebody else.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from pathlib import Path

from local.state import State

_FILE = "run/children.json"
_PATIENCE_SECONDS = 3.0


def started_at(pid: int) -> str | None:
    """When a process started, in a form that only equality is asked of; None if it does not run."""
    try:
        # proc(5): the command's name, in parentheses, may hold spaces; after it come the state and 18 more fields.
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
        return None if fields[0] == "Z" else fields[19]
    except OSError:
        if Path("/proc/self/stat").exists():
            return None
    shown = subprocess.run(["ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return shown.stdout.strip() or None


class Ledger:
    """The children that run now, kept in the state directory, and a pid file for each under run/."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._children: dict[str, object] = {}

    def add(self, name: str, pid: int) -> None:
        self._children[name] = {"pid": pid, "started_at": started_at(pid)}
        (self._state.run / f"{name}.pid").write_text(f"{pid}\n", encoding="utf-8")
        self._state.write(_FILE, self._children)

    def remove(self, name: str) -> None:
        self._children.pop(name, None)
        (self._state.run / f"{name}.pid").unlink(missing_ok=True)
        self._state.write(_FILE, self._children)

    def clear(self) -> None:
        """After everything was stopped."""
        for name in list(self._children):
            self.remove(name)


def signal_group(pid: int, number: int) -> None:
    """Send a signal to a child's whole group; no group is no error."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, number)


def stop_leftovers(state: State) -> list[str]:
    """Stop what an earlier run left behind, and return its names. Processes that are not ours are not touched."""
    children = state.read(_FILE)
    running = {name: child["pid"] for name, child in children.items() if _is_ours(child)}
    for number in (signal.SIGTERM, signal.SIGKILL):
        for name, pid in running.items():
            if _is_ours(children[name]):
                signal_group(pid, number)
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while any(_is_ours(children[name]) for name in running) and time.monotonic() < deadline:
            time.sleep(0.05)
    for file in state.run.glob("*.pid"):
        file.unlink(missing_ok=True)
    return sorted(running)


def _is_ours(child: object) -> bool:
    if not isinstance(child, dict) or not isinstance(child.get("pid"), int):
        return False
    return child.get("started_at") is not None and started_at(child["pid"]) == child["started_at"]
