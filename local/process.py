"""What a component is, and how its process is started and read."""

from __future__ import annotations

import asyncio
import ctypes
import os
import signal
import sys
from asyncio.subprocess import DEVNULL, Process
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

_LINE_BYTES = 65536
_PR_SET_PDEATHSIG = 1  # prctl(2)
_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None


@dataclass(frozen=True)
class Component:
    """What to run, and how to see that it works.

    `prepare` comes once, before the first start. `answers` is asked until it says yes. `stage` orders the stopping
    (the lowest first). `start_seconds` bounds the first start, after which `advice` tells the person what to do.
    `dumps_errors`: its lines are shown as error_dumps.py passes them on.
    """

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str]
    directory: Path
    answers: Callable[[], Awaitable[bool]]
    stage: int
    start_seconds: float = 60.0
    advice: str = ""
    prepare: Callable[[], Awaitable[None]] | None = None
    dumps_errors: bool = False


async def spawn(component: Component) -> tuple[Process, asyncio.StreamReader]:
    """The component's process, leader of a group of its own, and what it and its children write.

    The pipe is made here, because asyncio counts a process with a pipe of its own as running until the pipe is closed,
    and a child of the dead process may hold it for long.
    """
    reading_end, writing_end = os.pipe()
    lines = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(lines), os.fdopen(reading_end, "rb", buffering=0)
    )
    try:
        process = await asyncio.create_subprocess_exec(
            *component.command,
            cwd=component.directory,
            env=dict(component.environment),
            stdin=DEVNULL,
            stdout=writing_end,
            stderr=writing_end,
            start_new_session=True,
            preexec_fn=_die_with_parent,
        )
    finally:
        os.close(writing_end)
    return process, lines


async def relay_lines(source: asyncio.StreamReader, show: Callable[[str], None]) -> None:
    """Show each line that is not blank, until the end; a line that does not end is cut, so that none grows for ever."""
    pending = b""
    while chunk := await source.read(_LINE_BYTES):
        *lines, pending = (pending + chunk).split(b"\n")
        if len(pending) > _LINE_BYTES:
            lines, pending = [*lines, pending], b""
        for line in lines:
            if line.strip():
                show(line.decode(errors="replace").rstrip())
    if pending.strip():
        show(pending.decode(errors="replace").rstrip())


def _die_with_parent() -> None:
    """In the child, before it becomes the program: be stopped with the supervisor, even if that one is killed."""
    if _LIBC is not None:
        _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
