"""One process of the local cloud: started, shown, started again when it dies, stopped."""

from __future__ import annotations

import asyncio
import signal
from collections import deque
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path

from local.error_dumps import ErrorDumps
from local.failure import StartFailure
from local.leftovers import Ledger, signal_group
from local.output import Output
from local.process import Component, relay_lines, spawn

_TRIES_AT_START = 2
_PROBE_SECONDS = 0.05
_LONGEST_PAUSE_SECONDS = 5.0


class Phase(StrEnum):
    STARTING = "starting"
    UP = "up"
    DOWN = "down"


class Child:
    """Keeps one component running. `changed` is called whenever `phase` has changed."""

    def __init__(
        self, component: Component, output: Output, ledger: Ledger, hold: Path, changed: Callable[[], None]
    ) -> None:
        self.component = component
        self.phase = Phase.STARTING
        self._prepared = asyncio.Event()
        self._up = asyncio.Event()
        self._output = output
        self._ledger = ledger
        self._hold = hold / component.name
        self._changed = changed
        self._process: asyncio.subprocess.Process | None = None
        self._last_lines: deque[str] = deque(maxlen=5)
        self._stopping = False

    async def keep_running(self) -> None:
        """Run until stopped. Before the first time that it answers, raises StartFailure once it died twice."""
        if self.component.prepare is not None:
            await self.component.prepare()
        self._prepared.set()
        deaths = 0
        while not self._stopping:
            answered = await self._run_once()
            if self._stopping:
                return
            deaths = 0 if answered else deaths + 1
            if deaths >= _TRIES_AT_START and not self._up.is_set():
                raise self._failure("does not start")
            await self._pause(deaths)

    async def wait_until_up(self) -> None:
        """Return once it answered for the first time; raises StartFailure where that takes too long."""
        await self._prepared.wait()
        try:
            async with asyncio.timeout(self.component.start_seconds):
                await self._up.wait()
        except TimeoutError:
            raise self._failure(f"did not answer within {self.component.start_seconds:.0f} seconds") from None

    async def stop(self, patience_seconds: float) -> None:
        """SIGTERM to the group, SIGKILL to what is left of it after `patience_seconds`."""
        self._stopping = True
        if self._process is None:
            return
        signal_group(self._process.pid, signal.SIGTERM)
        try:
            async with asyncio.timeout(patience_seconds):
                await self._process.wait()
        except TimeoutError:
            self._output.say(f"{self.component.name} did not stop when asked: killed.")
        self.kill()

    def kill(self) -> None:
        """SIGKILL to the whole group."""
        if self._process is not None:
            signal_group(self._process.pid, signal.SIGKILL)

    async def _run_once(self) -> bool:
        """One life of the process; says whether it answered in it."""
        component = self.component
        process, lines = await spawn(component)
        self._process = process
        self._ledger.add(component.name, process.pid)
        relay = asyncio.create_task(self._relay(lines))
        watch = asyncio.create_task(self._watch())
        code = await process.wait()
        # What the dead leader left behind (gunicorn's workers) would go on holding its port.
        signal_group(process.pid, signal.SIGKILL)
        await relay
        answered = self.phase is Phase.UP
        watch.cancel()
        self._ledger.remove(component.name)
        self._enter(Phase.DOWN)
        if not self._stopping:
            self._output.say(f"{component.name} ended ({_ending(code)}); starting it again.")
        return answered

    async def _watch(self) -> None:
        """Ask until the process answers."""
        self._enter(Phase.STARTING)
        while not await self.component.answers():
            await asyncio.sleep(_PROBE_SECONDS)
        self._enter(Phase.UP)
        self._up.set()

    async def _relay(self, lines: asyncio.StreamReader) -> None:
        """Show what one life of the process writes."""
        if not self.component.dumps_errors:
            await relay_lines(lines, self._show)
            return
        dumps = ErrorDumps(self._show)
        await relay_lines(lines, dumps.take)
        dumps.end()

    def _show(self, line: str) -> None:
        self._last_lines.append(line)
        self._output.child(self.component.name, line)

    async def _pause(self, deaths: int) -> None:
        """None after a life in which it answered; and as long as somebody holds it down (run/hold/<name>)."""
        await asyncio.sleep(min(_LONGEST_PAUSE_SECONDS, 0.1 * 2**deaths) if deaths else 0)
        while self._hold.exists() and not self._stopping:
            await asyncio.sleep(_PROBE_SECONDS)

    def _failure(self, what: str) -> StartFailure:
        last = self._last_lines[-1] if self._last_lines else "it said nothing"
        return StartFailure(f"{self.component.name} {what}. {self.component.advice or 'Its last line: ' + last}")

    def _enter(self, phase: Phase) -> None:
        self.phase = phase
        self._changed()


def _ending(code: int) -> str:
    return f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
