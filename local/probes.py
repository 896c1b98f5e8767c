"""How to see that a process answers."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping

import httpx

Probe = Callable[[], Awaitable[bool]]


def listens(port: int) -> Probe:
    """Something accepts connections on 127.0.0.1:`port`."""

    async def probe() -> bool:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            return False
        writer.close()
        return True

    return probe


def answers_200(url: str, headers: Mapping[str, str] | None = None) -> Probe:
    """A GET of `url` is answered with 200."""

    async def probe() -> bool:
        try:
            async with httpx.AsyncClient(trust_env=False, timeout=10) as client:
                return (await client.get(url, headers=headers)).status_code == httpx.codes.OK
        except httpx.TransportError:
            return False

    return probe


async def runs() -> bool:
    """For a process that listens nowhere: that it was started is all that can be seen."""
    return True
