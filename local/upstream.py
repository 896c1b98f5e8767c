"""One function's process as the gateway sees it: a place that takes requests, sometimes not yet."""

from __future__ import annotations

import asyncio
import ssl
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx

from local import problems
from local.catalog import Function

# httpcore asks for this optional module ten times a request; if it is missing, each time the whole path is searched.
# None says for good that it is not there (docs.python.org/3/reference/import.html#the-module-cache).
sys.modules.setdefault("sniffio", None)  # type: ignore[arg-type]

# As Cloud Run's front: a request waits for a cold start. (10 s here; Google's queue is longer.)
START_SECONDS = 10.0
_RETRY_SECONDS = 0.05
# Below gunicorn's 2 s, so that no request is written to a connection which the function is just closing.
_KEEP_ALIVE_SECONDS = 1.0
# Nothing here is encrypted; without this, every connection would read the certificate authorities from the disk.
_NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
_NO_TIMEOUT = {"connect": None, "read": None, "write": None, "pool": None}

RawHeaders = list[tuple[bytes, bytes]]


class Upstream:
    """The HTTP side of one function.

    Of httpx only transports are used, one for each connection: a proxy wants no cookies, redirects or headers of a
    client's own, and a pool of many connections is searched several times for each request.
    """

    def __init__(self, function: Function, port: int) -> None:
        self._name = function.name
        self._url = httpx.URL(f"http://127.0.0.1:{port}/")
        # Cloud Run too hands an instance no more than `concurrency` requests at once; the others wait in line.
        self._slots = asyncio.Semaphore(function.concurrency)
        self._free: list[httpx.AsyncHTTPTransport] = []

    @asynccontextmanager
    async def answer(
        self, method: str, target: bytes, headers: RawHeaders, body: httpx.AsyncByteStream
    ) -> AsyncIterator[httpx.Response]:
        """The function's response, its body not yet read. `target` is path and query exactly as to be sent.

        Raises Problem (503) where the process is not there for START_SECONDS, or dies before it answers.
        """
        extensions = {"target": target, "timeout": _NO_TIMEOUT}
        request = httpx.Request(method, self._url, headers=headers, stream=body, extensions=extensions)
        async with self._slots:
            transport = self._free.pop() if self._free else _connection()
            try:
                response = await self._send(transport, request)
                try:
                    yield response
                finally:
                    await response.aclose()
            finally:
                self._free.append(transport)

    async def _send(self, transport: httpx.AsyncHTTPTransport, request: httpx.Request) -> httpx.Response:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + START_SECONDS
        while True:
            try:
                return await transport.handle_async_request(request)
            except httpx.ConnectError as refused:
                # Nothing of the body was read yet, so the same request can be tried again.
                if loop.time() > deadline:
                    raise problems.unavailable(self._name) from refused
                await asyncio.sleep(_RETRY_SECONDS)
            except httpx.TransportError as broken:
                raise problems.unavailable(self._name) from broken


def _connection() -> httpx.AsyncHTTPTransport:
    limits = httpx.Limits(max_connections=1, keepalive_expiry=_KEEP_ALIVE_SECONDS)
    return httpx.AsyncHTTPTransport(limits=limits, verify=_NO_TLS, trust_env=False)
