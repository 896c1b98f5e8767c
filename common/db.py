"""Supabase: one RPC a request, errors as our own.

Needs the secret key (`sb_secret_...`, or the old service-role JWT); every SQL function is granted to service_role only.
"""

from __future__ import annotations

import json
import threading
import uuid
from typing import TYPE_CHECKING, Any

from common import errors
from common.imports import VENDOR_IMPORTS, once
from common.logs import log

if TYPE_CHECKING:
    import ssl

    import httpx
    from postgrest import APIError, SyncPostgrestClient

TIMEOUT_SECONDS = 8.0
CONNECT_TIMEOUT_SECONDS = 2.0
# Shorter than the 5 seconds after which Node servers hang up: a connection is not taken up as it is being closed.
KEEPALIVE_SECONDS = 4.0
# Twice is not the same as once: a second deletion finds nothing, a second attempt counts double.
COUNTING = frozenset(("begin_login", "finish_login", "delete_or_cancel", "claim_purges"))


class Database:
    """Calls SQL functions through PostgREST. Safe to share between threads; connects at the first call."""

    def __init__(self, url: str, secret_key: str) -> None:
        self._url = url
        self._secret_key = secret_key
        self._of_thread = threading.local()
        self._sessions: list[httpx.Client] = []

    def call(self, function: str, **parameters: Any) -> Any:
        """The JSON that a SQL function of supabase/migrations returns; a UUID goes as text.

        Raises the ApiError whose code SQL raised, DependencyUnavailable when Supabase is slow, down or refuses our
        key, InternalError for anything else. A call whose connection broke is tried once more, unless it may have
        arrived and is one that counts (COUNTING).
        """
        client = self._connected()
        import httpx
        from postgrest import APIError

        arguments = {f"p_{name}": _plain(value) for name, value in parameters.items()}
        for attempt in (1, 2):
            try:
                return client.rpc(function, arguments).execute().data
            except (httpx.NetworkError, httpx.RemoteProtocolError) as broken:
                has_arrived = not isinstance(broken, httpx.ConnectError)
                if attempt == 2 or (has_arrived and function in COUNTING):
                    raise _unavailable(function, repr(broken)) from broken
            except httpx.HTTPError as failed:
                raise _unavailable(function, repr(failed)) from failed
            except APIError as refused:
                raise _translated(function, refused) from refused
        raise AssertionError("unreachable")

    def close(self) -> None:
        """Closes all connections; after it, no call works."""
        for session in self._sessions:
            session.close()

    def _connected(self) -> SyncPostgrestClient:
        """This thread's own client. A shared one costs more than the call: httpcore's pool takes a lock, and looks at
        every connection in it, twice a request."""
        client: SyncPostgrestClient | None = getattr(self._of_thread, "client", None)
        if client is None:
            client = self._of_thread.client = self._connect()
        return client

    def _connect(self) -> SyncPostgrestClient:
        # `supabase` itself would import auth, storage and realtime clients: 200 ms of start-up for nothing.
        with VENDOR_IMPORTS:
            import httpx
            from postgrest import SyncPostgrestClient

        headers = {"apikey": self._secret_key, "Authorization": f"Bearer {self._secret_key}"}
        session = httpx.Client(
            base_url=f"{self._url}/rest/v1",
            headers=headers,
            timeout=httpx.Timeout(TIMEOUT_SECONDS, connect=CONNECT_TIMEOUT_SECONDS),
            limits=httpx.Limits(max_connections=1, keepalive_expiry=KEEPALIVE_SECONDS),
            verify=self._tls,
            trust_env=False,
        )
        self._sessions.append(session)
        return SyncPostgrestClient(f"{self._url}/rest/v1", headers=headers, http_client=session)

    @once
    def _tls(self) -> ssl.SSLContext:
        """The certificates that are trusted: read once, not by every thread."""
        import httpx

        return httpx.create_ssl_context(trust_env=False)


def _plain(value: Any) -> Any:
    return str(value) if isinstance(value, uuid.UUID) else value


def _unavailable(function: str, reason: str) -> errors.DependencyUnavailable:
    log("WARNING", "supabase_unavailable", function=function, reason=reason)
    return errors.DependencyUnavailable()


def _translated(function: str, refused: APIError) -> errors.ApiError:
    """PostgREST's answer as ours: https://docs.postgrest.org/en/stable/references/errors.html"""
    code = str(refused.code or "")
    known = errors.from_code(refused.message or "") if code.startswith("PT") else None
    if known is not None:
        facts = json.loads(refused.details or "{}")
        retry_after = facts.pop("retry_after_seconds", None)
        return known(retry_after_seconds=retry_after, **facts)
    # The code says what it was; PostgreSQL's message may quote a value.
    log("ERROR", "supabase_refused", function=function, code=code)
    if _is_passing(code):
        return errors.DependencyUnavailable()
    return errors.InternalError()


def _is_passing(code: str) -> bool:
    """Whether the cause lies with Supabase: a gateway's status, a lost or exhausted connection, a conflict, a timeout,
    a schema cache that is being rebuilt, a key that was rotated away."""
    is_http_failure = code.isdigit() and len(code) == 3 and (code in ("401", "403", "429") or code >= "500")
    return is_http_failure or not code or code.startswith(("08", "40", "53", "57", "PGRST0", "PGRST3", "42501"))
