"""Runs the components of the local cloud until somebody says stop."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

from local.child import Child, Phase
from local.components import FUNCTIONS
from local.failure import StartFailure
from local.leftovers import Ledger
from local.output import Output
from local.process import Component
from local.state import State

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
# For each stage; together with a little room they make "within ten seconds". Functions need the most: they try for five
# seconds to hand over their last audit events.
_PATIENCE_SECONDS = {FUNCTIONS: 5.75}
_USUAL_PATIENCE_SECONDS = 1.25


class Supervisor:
    """One run of the local cloud.

    `status_file` always says how things stand: {"status": "ready" | "starting", "pending": [names], "components":
    {name: phase}}. The gateway's health address shows it.
    """

    def __init__(self, state: State, components: Sequence[Component], output: Output, status_file: Path) -> None:
        self._state = state
        self._output = output
        self._status_name = str(status_file.relative_to(state.path))
        self._ledger = Ledger(state)
        self._children = [Child(one, output, self._ledger, state.hold, self._show_status) for one in components]
        self._complete = False
        self._interrupted = asyncio.Event()

    async def run(self, furnish: Callable[[], Awaitable[None]]) -> None:
        """Start everything, `furnish` it, and keep it running until SIGINT, SIGTERM or SIGHUP; then stop it in order.

        Raises StartFailure, after everything was stopped, if a component does not start or `furnish` fails.
        """
        for number in _SIGNALS:
            asyncio.get_running_loop().add_signal_handler(number, self._interrupt)
        self._show_status()
        work = asyncio.create_task(self._work(furnish))
        waiting = asyncio.create_task(self._interrupted.wait())
        await asyncio.wait({work, waiting}, return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        await self._stop()
        if not work.done():
            work.cancel()
        await asyncio.wait({work})
        if not work.cancelled() and (failure := work.exception()):
            raise failure

    async def _work(self, furnish: Callable[[], Awaitable[None]]) -> None:
        try:
            async with asyncio.TaskGroup() as group:
                for child in self._children:
                    group.create_task(child.keep_running())
                await asyncio.gather(*(child.wait_until_up() for child in self._children))
                await furnish()
                self._complete = True
                self._show_status()
        except* StartFailure as failures:
            # The others are consequences, or will show at the next try.
            raise failures.exceptions[0] from None

    async def _stop(self) -> None:
        """Stage after stage: nobody asks any more, then the functions hand over what they hold, then what they need."""
        self._complete = False
        for stage in sorted({child.component.stage for child in self._children}):
            of_stage = [child for child in self._children if child.component.stage == stage]
            patience_seconds = _PATIENCE_SECONDS.get(stage, _USUAL_PATIENCE_SECONDS)
            await asyncio.gather(*(child.stop(patience_seconds) for child in of_stage))
        self._ledger.clear()

    def _interrupt(self) -> None:
        """The first signal stops everything in order; the second one at once."""
        if self._interrupted.is_set():
            for child in self._children:
                child.kill()
            os._exit(130)
        self._output.say("\nStopping (once more to kill) ...")
        self._interrupted.set()

    def _show_status(self) -> None:
        pending = [child.component.name for child in self._children if child.phase is not Phase.UP]
        if not self._complete:
            pending.append("demo")
        status = "starting" if pending else "ready"
        phases = {child.component.name: child.phase.value for child in self._children}
        self._state.write(self._status_name, {"status": status, "pending": pending, "components": phases})
