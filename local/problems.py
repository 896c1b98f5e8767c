"""The gateway's own refusals, in the shape that the functions answer too (RFC 9457)."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from http import HTTPStatus


@dataclass(eq=False)  # not frozen: Python itself sets attributes of an exception on its way up
class Problem(Exception):
    """A refusal: `code` is stable, `detail` is for people, `headers` come on top of the usual ones."""

    status: HTTPStatus
    code: str
    detail: str
    headers: dict[str, str] = field(default_factory=dict)

    def body(self, request_id: str) -> bytes:
        """The problem+json document; `message` equals `detail` because that is what frontends show."""
        document = {
            "type": "about:blank",
            "title": self.status.phrase,
            "status": self.status.value,
            "detail": self.detail,
            "message": self.detail,
            "code": self.code,
            "request_id": request_id,
        }
        return json.dumps(document).encode()


def not_found(path: str) -> Problem:
    return Problem(HTTPStatus.NOT_FOUND, "not_found", f"Nothing answers at {path}.")


def method_not_allowed(allowed: tuple[str, ...]) -> Problem:
    methods = ", ".join(allowed)
    detail = f"This path answers {methods} only."
    return Problem(HTTPStatus.METHOD_NOT_ALLOWED, "method_not_allowed", detail, {"Allow": f"{methods}, OPTIONS"})


def forbidden(function: str) -> Problem:
    detail = f"{function} is private: only its service account may call it, with an OIDC token for its URL."
    return Problem(HTTPStatus.FORBIDDEN, "forbidden", detail)


def file_too_large(limit_bytes: int) -> Problem:
    detail = (
        f"A request may carry {limit_bytes >> 20} MiB at most. Larger files need a direct upload to the media host."
    )
    return Problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "file_too_large", detail)


def unavailable(function: str) -> Problem:
    detail = f"{function} is not available at the moment. Try again."
    return Problem(HTTPStatus.SERVICE_UNAVAILABLE, "unavailable", detail, {"Retry-After": "1"})


def timed_out(function: str, seconds: int) -> Problem:
    return Problem(HTTPStatus.GATEWAY_TIMEOUT, "timeout", f"{function} took longer than its {seconds} seconds.")
