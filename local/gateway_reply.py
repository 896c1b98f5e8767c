"""The way back from the gateway to the client."""

from __future__ import annotations

import httpx
from starlette.types import Send

from local.gateway_headers import to_client
from local.upstream import RawHeaders


class Reply:
    """One answer. `started` says whether its status is out, after which no refusal can replace it."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.started = False

    async def whole(self, status: int, headers: RawHeaders, body: bytes) -> None:
        """Send a complete answer at once."""
        await self._start(status, [*headers, (b"content-length", str(len(body)).encode())])
        await self._send({"type": "http.response.body", "body": body})

    async def pass_on(self, response: httpx.Response) -> None:
        """Stream a function's answer; raises httpx.TransportError where it breaks off."""
        await self._start(response.status_code, to_client(response.headers.raw))
        # With the last byte goes the end of the message: one packet instead of two for the usual small answer.
        missing_bytes = int(response.headers.get("content-length", -1))
        async for chunk in response.aiter_raw():
            missing_bytes -= len(chunk)
            await self._send({"type": "http.response.body", "body": chunk, "more_body": missing_bytes != 0})
        if missing_bytes != 0 or response.headers.get("content-length") == "0":
            await self._send({"type": "http.response.body", "body": b""})

    async def _start(self, status: int, headers: RawHeaders) -> None:
        self.started = True
        await self._send({"type": "http.response.start", "status": int(status), "headers": headers})
