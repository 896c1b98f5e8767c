"""Answers on the wire: JSON, problem details (RFC 9457) and CORS headers. The only place that makes a response."""

from __future__ import annotations

import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from flask import Request, Response

from common.errors import ApiError

_PREFLIGHT_SECONDS = 3600


def success(body: Mapping[str, Any], status: int) -> Response:
    """A JSON answer. It may hold somebody's data, so no cache keeps it."""
    return _response(body, status, "application/json")


def problem(error: ApiError, request_id: str) -> Response:
    """Problem details, with `message` equal to `detail` because that is what frontends show."""
    facts = dict(error.facts)
    if error.retry_after_seconds is not None:
        facts["retry_after_seconds"] = error.retry_after_seconds
    body = {
        "type": "about:blank",
        "title": HTTPStatus(error.status).phrase,
        "status": int(error.status),
        "detail": error.detail,
        "message": error.detail,
        "code": error.code,
        "request_id": request_id,
        **facts,
    }
    response = _response(body, int(error.status), "application/problem+json")
    response.headers.update(error.headers())
    return response


def preflight(methods: tuple[str, ...]) -> Response:
    """The answer to OPTIONS (https://fetch.spec.whatwg.org/#http-cors-protocol)."""
    response = Response(status=HTTPStatus.NO_CONTENT)
    response.headers["Allow"] = ", ".join((*methods, "OPTIONS"))
    response.headers["Access-Control-Allow-Methods"] = ", ".join(methods)
    response.headers["Access-Control-Allow-Headers"] = "Authorization, Content-Type"
    response.headers["Access-Control-Max-Age"] = str(_PREFLIGHT_SECONDS)
    return response


def allow_origin(response: Response, request: Request, origins: frozenset[str]) -> None:
    """Lets a browser of a configured origin read the answer, errors too. No cookies are used, so no credentials."""
    response.headers.add("Vary", "Origin")
    origin = request.headers.get("Origin")
    if origin in origins:
        response.headers["Access-Control-Allow-Origin"] = origin
        response.headers["Access-Control-Expose-Headers"] = "Retry-After, X-Request-Id"


def _response(body: Mapping[str, Any], status: int, mimetype: str) -> Response:
    # ASCII: an unpaired surrogate that a client sent as a field's name could not be encoded otherwise.
    response = Response(json.dumps(body), status=status, mimetype=mimetype)
    response.headers["Cache-Control"] = "no-store"
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response
