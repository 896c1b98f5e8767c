"""Google's front on one machine: one URL for each function, the REST aliases, and what the platform refuses.

    python -m local.gateway --config .local/run/gateway.json

The file holds what GatewayConfig lists. What is not shown here: instances that come and go, HTTP/2, TLS, and Google's
own wording (its 413 is HTML and carries no CORS headers).
"""

from __future__ import annotations

import argparse
import asyncio
import json
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path

import httpx
import jwt
import uvicorn
from starlette.types import Receive, Scope, Send

from local import catalog, problems
from local.gateway_body import ClientGone, request_body
from local.gateway_headers import first, to_function, trace_context
from local.gateway_reply import Reply
from local.gateway_routes import Match, Routes, WrongMethod
from local.oidc import Issuer, without_signature
from local.upstream import RawHeaders, Upstream


@dataclass(frozen=True)
class GatewayConfig:
    """What the gateway is told. `ports` and `accounts` (an e-mail) are keyed by function and by caller."""

    base_url: str
    port: int
    ports: dict[str, int]
    allowed_origins: list[str]
    accounts: dict[str, str]
    oidc_key: str
    status_file: str


class Gateway:
    """The ASGI application. Plain ASGI, because every layer in between costs each request."""

    def __init__(self, config: GatewayConfig, functions: dict[str, catalog.Function]) -> None:
        self._config = config
        self._routes = Routes(functions.values())
        self._upstreams = {name: Upstream(functions[name], port) for name, port in config.ports.items()}
        self._origins = {origin.encode() for origin in config.allowed_origins}
        self._issuer = Issuer.load(Path(config.oidc_key))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        reply = Reply(send)
        trace = trace_context(scope["headers"])
        try:
            await self._handle(scope, receive, reply, trace)
        except problems.Problem as problem:
            await self._refuse(problem, scope["headers"], reply, trace)
        except (ClientGone, httpx.TransportError):
            return  # an answer that was begun is cut off: the server closes the connection

    async def _handle(self, scope: Scope, receive: Receive, reply: Reply, trace: bytes) -> None:
        path = scope["raw_path"].decode("latin-1")
        if path == "/_local/health":
            await self._health(reply)
            return
        headers: RawHeaders = scope["headers"]
        match = self._match(scope["method"], path, first(headers, b"access-control-request-method"))
        passed = to_function(headers, scope["client"][0], scope["scheme"], trace)
        if match.function.is_private:
            passed = self._admit(match.function, passed)
        body = request_body(headers, receive)
        target = match.path.encode("latin-1") + (b"?" + scope["query_string"] if scope["query_string"] else b"")
        await self._forward(match.function, reply, (scope["method"], target, passed, body))

    def _match(self, method: str, path: str, asked_method: str | None) -> Match:
        found = self._routes.find(method, path, asked_method)
        if found is None:
            raise problems.not_found(path)
        if isinstance(found, WrongMethod):
            raise problems.method_not_allowed(found.allowed)
        return found

    def _admit(self, function: catalog.Function, headers: RawHeaders) -> RawHeaders:
        """The headers of a call that IAM would let in, the token's signature replaced as Cloud Run does it.

        The audience is the function's own URL, whichever path the call came by.
        """
        scheme, _, token = (first(headers, b"authorization") or "").partition(" ")
        try:
            account = self._issuer.verify(token, f"{self._config.base_url}/{function.name}")
        except jwt.InvalidTokenError as invalid:
            raise problems.forbidden(function.name) from invalid
        if scheme.lower() != "bearer" or account != self._config.accounts[function.caller]:
            raise problems.forbidden(function.name)
        seen = (b"authorization", f"Bearer {without_signature(token)}".encode())
        return [seen if key == b"authorization" else (key, value) for key, value in headers]

    async def _forward(
        self, function: catalog.Function, reply: Reply, request: tuple[str, bytes, RawHeaders, httpx.AsyncByteStream]
    ) -> None:
        try:
            async with (
                asyncio.timeout(function.timeout_seconds),
                self._upstreams[function.name].answer(*request) as response,
            ):
                await reply.pass_on(response)
        except TimeoutError:
            if not reply.started:
                raise problems.timed_out(function.name, function.timeout_seconds) from None

    async def _health(self, reply: Reply) -> None:
        """200 once the supervisor has everything up and seeded; until then 503, naming what is missing."""
        try:
            status = json.loads(Path(self._config.status_file).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            status = {"status": "starting"}
        code = HTTPStatus.OK if status["status"] == "ready" else HTTPStatus.SERVICE_UNAVAILABLE
        await reply.whole(code, [(b"content-type", b"application/json")], json.dumps(status).encode())

    async def _refuse(self, problem: problems.Problem, headers: RawHeaders, reply: Reply, trace: bytes) -> None:
        """Answer with `problem`; what the client is still sending is read and dropped by the server.

        With CORS headers, so that a browser shows its page why, instead of "network error".
        """
        answer = [(b"content-type", b"application/problem+json"), (b"vary", b"Origin")]
        answer += [(key.lower().encode(), value.encode()) for key, value in problem.headers.items()]
        origin = next((value for key, value in headers if key == b"origin"), None)
        if origin in self._origins:
            answer.append((b"access-control-allow-origin", origin))
            answer.append((b"access-control-expose-headers", b"Retry-After"))
        await reply.whole(problem.status, answer, problem.body(trace[:32].decode()))


def main() -> None:
    """Serve until SIGTERM; requests under way get two seconds to end."""
    parser = argparse.ArgumentParser(description="The local front of the functions.")
    parser.add_argument("--config", type=Path, required=True, help="the JSON file with what GatewayConfig lists")
    config = GatewayConfig(**json.loads(parser.parse_args().config.read_text(encoding="utf-8")))
    uvicorn.run(
        Gateway(config, catalog.load()),
        host="127.0.0.1",
        port=config.port,
        lifespan="off",
        proxy_headers=False,  # X-Forwarded-For is appended to here, never believed
        server_header=False,
        date_header=False,  # the function's own is passed on
        access_log=False,
        log_level="warning",
        timeout_keep_alive=75,
        timeout_graceful_shutdown=2,
    )


if __name__ == "__main__":
    main()
