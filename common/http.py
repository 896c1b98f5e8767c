"""The endpoint decorator: a function's whole posture in one line, and the same order of checks in every function.

CORS and OPTIONS -> method -> size of the body -> caller -> validation -> body -> audit event -> answer.
"""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from functools import wraps
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, cast

import flask
import functions_framework
from flask import Request, Response
from marshmallow import Schema
from werkzeug.exceptions import NotFound

from common import errors, requests, responses
from common.admission import NEEDS, Action, CallerKind, Posture, identify, validated
from common.config import Config, Need
from common.logs import log
from common.services import Services

if TYPE_CHECKING:
    from common.auth import Caller

Answer = Mapping[str, Any] | tuple[Mapping[str, Any], int]
Body = Callable[["Call"], Answer]


@dataclass
class Call:
    """One request, as a function's body sees it. `input` holds the validated path, query and body together."""

    app: Services
    request: Request
    id: str
    input: dict[str, Any] = field(default_factory=dict)
    caller: Caller | None = None
    about_user_id: str | None = None  # the audit event's user, where the token does not say it
    description: str | None = None

    @property
    def user(self) -> Caller:
        """The caller of a `caller="user"` function."""
        assert self.caller is not None, "only functions with caller='user' have one"  # noqa: S101 - for mypy
        return self.caller

    @property
    def client_address(self) -> str:
        return requests.client_address(self.request, self.app.config.trusted_proxy_count)

    def describe(self, description: str, *, user_id: str | None = None) -> None:
        """What the audit event says of this request if it succeeds."""
        self.description = description
        self.about_user_id = user_id or self.about_user_id


def endpoint(
    *,
    methods: Collection[str],
    caller: CallerKind,
    action: Action | None,
    path: type[Schema] | None = None,
    query: type[Schema] | None = None,
    body: type[Schema] | None = None,
    takes_form: bool = False,
    needs: Collection[Need] = (),
) -> Callable[[Body], Callable[[Request], Response]]:
    """Makes an HTTP function of a body that takes a Call and answers a dict, or a dict and a status.

    `caller` and `action` have no default: forgetting who may call, or what the audit log says, is a TypeError.
    `path` is a schema of one field, the segment after the function's address. `body` is checked on POST; with
    `takes_form` a form is taken as well, which the body reads itself, once it has its turn: `input` is empty then.
    Reads the configuration at once: an instance with a missing setting does not start (common.config.ConfigError).
    """

    def decorate(function: Body) -> Callable[[Request], Response]:
        wanted: set[Need] = {"database", *NEEDS[caller], *needs}
        if action is not None:
            wanted.add("audit")
        posture = Posture(
            function.__name__, tuple(methods), caller, action, frozenset(wanted), path, query, body, takes_form
        )
        app = Services(Config.from_process(posture.needs))

        @wraps(function)
        def handle(request: Request) -> Response:
            return _handle(app, posture, function, request)

        # What the framework's router keeps to itself (/robots.txt, a line break in the path) is ours to answer.
        outside = functions_framework.errorhandler
        if outside is not None:
            outside(NotFound)(lambda _: handle(flask.request))
        cast(Any, handle).posture, cast(Any, handle).app = posture, app  # for the contract tests
        return handle

    return decorate


def _handle(app: Services, posture: Posture, function: Body, request: Request) -> Response:
    started = time.perf_counter()
    call = Call(app, request, requests.request_id(request))
    if request.method == "OPTIONS":
        response = responses.preflight(posture.methods)
    else:
        response = _answered(posture, function, call)
    requests.drop_rest(request)
    responses.allow_origin(response, request, app.config.allowed_origins)
    response.headers["X-Request-Id"] = call.id
    duration_ms = round((time.perf_counter() - started) * 1000, 1)
    log(
        "INFO", "request", function=posture.name, method=request.method, status=response.status_code,
        duration_ms=duration_ms, request_id=call.id,
    )  # fmt: skip
    return response


def _answered(posture: Posture, function: Body, call: Call) -> Response:
    """Runs the checks and the body; every failure becomes a problem, every outcome an audit event."""
    if posture.action is not None:
        call.app.audit.begin()
    try:
        call.caller = identify(posture, call.app, call.request)
        call.input = validated(posture, call.request)
        answer = function(call)
        body, status = answer if isinstance(answer, tuple) else (answer, HTTPStatus.OK)
        response = responses.success(body, int(status))
    except errors.ApiError as refused:
        call.description = f"Refused: {refused.code}"
        response = responses.problem(refused, call.id)
    except Exception:  # noqa: BLE001 - the last line of defence: a stranger never sees an exception's text
        log("ERROR", "unhandled_exception", request_id=call.id, stack_trace=traceback.format_exc())
        call.description = "Failed: internal_error"
        response = responses.problem(errors.InternalError(), call.id)
    action_type = posture.action_type(call.request)
    if action_type is not None:
        _announce(action_type, posture.name, call, response.status_code)
    return response


def _announce(action_type: str, function: str, call: Call, status: int) -> None:
    from common.audit import DESCRIPTION_CHARACTERS, Event

    user_id = call.about_user_id or (str(call.caller.id) if call.caller else None)
    description = f"{call.description or 'Done'} ({status})"[:DESCRIPTION_CHARACTERS]
    call.app.audit.send(Event(user_id, action_type, description, function))
