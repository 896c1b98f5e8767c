"""What strangers send, read with bounds: paths, queries, JSON bodies, forms."""

from __future__ import annotations

import base64
import io
import ipaddress
import json
import re
import uuid
from typing import Any

from flask import Request
from werkzeug.exceptions import ClientDisconnected, RequestEntityTooLarge

from common import errors, quota

JSON_LIMIT_BYTES = 128 * 1024  # a task's batch has 100 KB at most; everything else is far smaller

_PIECE_BYTES = 64 * 1024
_TRACE = re.compile(r"([0-9a-f]{32})(?:/|$)")


def request_id(request: Request) -> str:
    """The trace id that Google's front gives each request (X-Cloud-Trace-Context), or a new one."""
    trace = _TRACE.match(request.headers.get("X-Cloud-Trace-Context", ""))
    return trace[1] if trace else uuid.uuid4().hex


def client_address(request: Request, trusted_proxy_count: int) -> str:
    """The address that Google's front appended to X-Forwarded-For, before the entries of our own proxies.

    What stands further left was sent by the client and proves nothing.
    """
    entries = [entry.strip() for entry in request.headers.get("X-Forwarded-For", "").split(",") if entry.strip()]
    position = len(entries) - 1 - trusted_proxy_count
    return entries[position] if position >= 0 else request.remote_addr or "unknown"


def throttling_key(address: str) -> str:
    """The address that failed logins are counted by: an IPv6 client owns its whole /64, so that counts as one."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    parsed = getattr(parsed, "ipv4_mapped", None) or parsed
    return str(ipaddress.ip_network((parsed, 64), strict=False)) if parsed.version == 6 else str(parsed)


def segments(request: Request, function: str) -> list[str]:
    """The path's segments after the function's own address.

    That ends in the function's name on cloudfunctions.net and at the gateway, and is the root on run.app.
    """
    found = [segment for segment in request.path.split("/") if segment]
    return found[1:] if found and found[0] in (function, f"fn-{function.replace('_', '-')}") else found


def path_segment(request: Request, function: str) -> str | None:
    """The one segment after the function's own address, or None; raises NotFound for more."""
    found = segments(request, function)
    if len(found) > 1:
        raise errors.NotFound
    return found[0] if found else None


def require_account(request: Request, email: str) -> None:
    """Refuses every service account but one, by the OIDC token's e-mail.

    The platform has checked the token before (roles/run.invoker) and has taken its signature away, so there is nothing
    left to verify here: this only keeps a second invoker, granted by mistake, out.
    """
    _, _, token = request.headers.get("Authorization", "").partition(" ")
    try:
        payload = token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        is_allowed = claims["email"] == email and claims["email_verified"] is True
    except (IndexError, KeyError, TypeError, ValueError, RecursionError):
        is_allowed = False
    if not is_allowed:
        raise errors.Forbidden


def query(request: Request) -> dict[str, str]:
    """The query's parameters; raises InvalidFields for one that is given twice."""
    repeated = {name: ["Given more than once."] for name, values in request.args.lists() if len(values) > 1}
    if repeated:
        raise errors.InvalidFields(repeated)
    return request.args.to_dict()


def json_object(request: Request) -> dict[str, Any]:
    """The body as a JSON object. Raises UnsupportedMediaType, BodyTooLarge, InvalidBody."""
    if not request.is_json:
        raise errors.UnsupportedMediaType("Send a JSON object as application/json")
    try:
        document = json.loads(body(request))
    except (ValueError, RecursionError) as malformed:
        raise errors.InvalidBody("The body is not valid JSON") from malformed
    if not isinstance(document, dict):
        raise errors.InvalidBody("The body must be a JSON object")
    return document


def body(request: Request) -> bytes:
    """The body's very bytes, kept for a second look. Raises BodyTooLarge, InvalidBody."""
    request.max_content_length = JSON_LIMIT_BYTES + 1  # at its limit Werkzeug stops as if a chunked body ended there
    try:
        data = request.get_data()
    except RequestEntityTooLarge as too_large:
        raise errors.BodyTooLarge(limit_bytes=JSON_LIMIT_BYTES) from too_large
    except ClientDisconnected as gone:
        raise errors.InvalidBody("The body ended too early") from gone
    if len(data) > JSON_LIMIT_BYTES:
        raise errors.BodyTooLarge(limit_bytes=JSON_LIMIT_BYTES)
    return data


def require_size(request: Request, *, is_form: bool) -> None:
    """Refuses by its announced length, before a byte is read, what is too long."""
    length_bytes = request.content_length or 0
    if is_form and length_bytes > quota.REQUEST_LIMIT_BYTES:
        raise errors.FileTooLarge(limit_bytes=quota.DIRECT_FILE_LIMIT_BYTES)
    if not is_form and length_bytes > JSON_LIMIT_BYTES:
        raise errors.BodyTooLarge(limit_bytes=JSON_LIMIT_BYTES)


def require_form(request: Request) -> None:
    """Refuses what is not a form with UnsupportedMediaType."""
    if request.mimetype != "multipart/form-data":
        raise errors.UnsupportedMediaType(
            "Send multipart/form-data with the fields video (a file) and title, or JSON for a direct upload"
        )


def form(request: Request) -> dict[str, Any]:
    """The form's fields and files in one mapping; files of more than 500 KB are spooled to /tmp by Werkzeug.

    A form that ends before its last boundary has no fields. Raises InvalidFields for what is given twice, FileTooLarge,
    BodyTooLarge for text fields of more than 500 KB or too many parts, InvalidBody when the client went away.
    """
    request.max_content_length = quota.REQUEST_LIMIT_BYTES
    try:
        lists: list[tuple[str, list[Any]]] = [*request.form.lists(), *request.files.lists()]
    except RequestEntityTooLarge as too_large:
        # Announced lengths were checked before: what is over a limit now is a field, or a body without a length.
        if request.content_length is not None:
            raise errors.BodyTooLarge("The form's text fields are too large, or too many") from too_large
        raise errors.FileTooLarge(limit_bytes=quota.DIRECT_FILE_LIMIT_BYTES) from too_large
    except ClientDisconnected as gone:
        raise errors.InvalidBody("The body ended too early") from gone
    values: dict[str, Any] = {}
    for name, given in lists:
        if len(given) > 1 or name in values:
            raise errors.InvalidFields({name: ["Given more than once."]})
        values[name or "(unnamed)"] = given[0]
    return values


def drop_rest(request: Request) -> None:
    """Reads what is left of the body and drops it, a piece at a time.

    The framework reads it after the answer (functions_framework.read_request): whole, into memory, and with an error of
    its own where a limit of ours has stopped before.
    """
    rest = request.environ["wsgi.input"]
    try:
        while rest.read(_PIECE_BYTES):
            pass
    except OSError:
        pass  # the client is gone
    request.stream = io.BytesIO()
