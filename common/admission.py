"""Who and what may pass: the checks before a function's body, in the same order everywhere.

Method -> size of the body -> caller -> validation.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from flask import Request
from marshmallow import Schema

from common import clock, errors, notifications, requests, validation
from common.config import Need
from common.services import Services

if TYPE_CHECKING:
    from common.auth import Caller

CallerKind = Literal["public", "user", "tasks", "scheduler", "media"]
# An audit event's action type, or how to tell it from the method and the segment after the function's address.
Action = str | Callable[[str, str | None], str]

NEEDS: Mapping[CallerKind, tuple[Need, ...]] = {
    "public": ("browsers",),
    "user": ("browsers", "tokens"),
    "tasks": ("tasks",),
    "scheduler": ("scheduler",),
    "media": ("media",),
}


@dataclass(frozen=True)
class Posture:
    """What an endpoint's decorator line says. Contract tests hold it against functions/catalog.yaml."""

    name: str
    methods: tuple[str, ...]
    caller: CallerKind
    action: Action | None
    needs: frozenset[Need]
    path: type[Schema] | None
    query: type[Schema] | None
    body: type[Schema] | None
    takes_form: bool

    def action_type(self, request: Request) -> str | None:
        """The action type of a request, refused or not; None where nothing is logged."""
        if not callable(self.action):
            return self.action
        return self.action(request.method, next(iter(requests.segments(request, self.name)), None))


def identify(posture: Posture, app: Services, request: Request) -> Caller | None:
    """Refuses the wrong method, a body that is too long and a caller who may not; answers the user, if it is one."""
    if request.method not in posture.methods:
        raise errors.MethodNotAllowed(posture.methods)
    requests.require_size(request, is_form=posture.takes_form and not request.is_json)
    if posture.caller == "user":
        return app.tokens.caller(request.headers.get("Authorization"))
    if posture.caller == "tasks":
        requests.require_account(request, app.config.tasks_service_account)
    elif posture.caller == "scheduler":
        requests.require_account(request, app.config.scheduler_service_account)
    elif posture.caller == "media":
        timestamp, signature = request.headers.get("X-Cld-Timestamp"), request.headers.get("X-Cld-Signature")
        secrets = app.media_account.webhook_secrets
        notifications.require_signature(requests.body(request), timestamp, signature, secrets, clock.now())
    return None


def validated(posture: Posture, request: Request) -> dict[str, Any]:
    """The typed path, query and body together; raises InvalidFields and the errors of common.requests."""
    wants_form = posture.takes_form and not (posture.body and request.is_json)
    if wants_form:
        requests.require_form(request)
    segment = requests.path_segment(request, posture.name)
    values: dict[str, Any] = {}
    if posture.path is not None:
        (name,) = posture.path().fields
        values |= validation.load(posture.path, {} if segment is None else {name: segment})
    elif segment is not None:
        raise errors.NotFound
    values |= validation.load(posture.query or Schema, requests.query(request))
    if posture.body is not None and request.method == "POST" and not wants_form:
        values |= validation.load(posture.body, requests.json_object(request))
    return values
