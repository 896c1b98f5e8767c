"""What a proxy does to headers: RFC 9110 section 7.6.1, and the headers that Google's front adds."""

from __future__ import annotations

import re
import secrets

from local.upstream import RawHeaders

_HOP_BY_HOP = frozenset(
    b"connection keep-alive proxy-connection proxy-authenticate proxy-authorization te trailer transfer-encoding "
    b"upgrade expect".split()
)
_REPLACED = frozenset((b"x-forwarded-for", b"x-forwarded-proto", b"x-cloud-trace-context"))
_TRACE = re.compile(rb"(?P<trace>[0-9a-f]{32})(/\d{1,20})?(;o=\d)?")


def first(headers: RawHeaders, name: bytes) -> str | None:
    """The first value of a header; `name` in lower case, as ASGI servers give names."""
    return next((value.decode("latin-1") for key, value in headers if key == name), None)


def trace_context(headers: RawHeaders) -> bytes:
    """The request's X-Cloud-Trace-Context: the client's if it is well-formed, otherwise a new one."""
    sent = next((value for key, value in headers if key == b"x-cloud-trace-context"), b"")
    if _TRACE.fullmatch(sent):
        return sent
    return f"{secrets.token_hex(16)}/{secrets.randbits(63)};o=1".encode()


def to_function(headers: RawHeaders, peer: str, scheme: str, trace: bytes) -> RawHeaders:
    """The headers as the function gets them.

    X-Forwarded-For is what the client claimed and, last, the address that it really came from.
    """
    passed = _end_to_end(headers)
    forwarded = [value for key, value in headers if key == b"x-forwarded-for"]
    kept = [pair for pair in passed if pair[0] not in _REPLACED]
    if any(key == b"transfer-encoding" for key, _ in headers):
        kept.append((b"transfer-encoding", b"chunked"))
    kept.append((b"x-forwarded-for", b", ".join([*forwarded, peer.encode()])))
    kept.append((b"x-forwarded-proto", scheme.encode()))
    kept.append((b"x-cloud-trace-context", trace))
    return kept


def to_client(headers: RawHeaders) -> RawHeaders:
    """The function's headers as the client gets them; the server frames the body anew."""
    return _end_to_end([(key.lower(), value) for key, value in headers])


def _end_to_end(headers: RawHeaders) -> RawHeaders:
    listed = [value for key, value in headers if key == b"connection"]
    named = {name.strip().lower() for value in listed for name in value.split(b",")}
    return [pair for pair in headers if pair[0] not in _HOP_BY_HOP and pair[0] not in named]
