"""The client's body on its way through the gateway."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
from starlette.types import Receive

from local import problems
from local.gateway_headers import first
from local.upstream import RawHeaders

BODY_LIMIT_BYTES = 32 * 1024 * 1024  # cloud.google.com/functions/quotas: the size of an HTTP request
_NO_BODY = httpx.ByteStream(b"")


class ClientGone(Exception):
    """The client closed its connection before its request was complete."""


class RequestBody(httpx.AsyncByteStream):
    """A body of at most BODY_LIMIT_BYTES, one chunk of it in memory at a time.

    Raises Problem (413) once more came, and ClientGone; either one makes the transport close the function's
    connection, so that the function sees a body cut off, never one that looks complete.
    """

    def __init__(self, receive: Receive) -> None:
        self._receive = receive

    async def __aiter__(self) -> AsyncIterator[bytes]:
        size_bytes = 0
        more = True
        while more:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                raise ClientGone
            chunk: bytes = message.get("body", b"")
            more = message.get("more_body", False)
            size_bytes += len(chunk)
            if size_bytes > BODY_LIMIT_BYTES:
                raise problems.file_too_large(BODY_LIMIT_BYTES)
            if chunk:
                yield chunk


def request_body(headers: RawHeaders, receive: Receive) -> httpx.AsyncByteStream:
    """The request's body; raises Problem (413) at once where Content-Length says that it is too long."""
    length = first(headers, b"content-length")
    if length is None:
        chunked = first(headers, b"transfer-encoding") is not None
        return RequestBody(receive) if chunked else _NO_BODY
    if int(length) > BODY_LIMIT_BYTES:
        raise problems.file_too_large(BODY_LIMIT_BYTES)
    return RequestBody(receive) if int(length) else _NO_BODY
