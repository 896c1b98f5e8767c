"""Failures on demand, for tests of what the application does when the media host misbehaves."""

from __future__ import annotations

import time
from dataclasses import dataclass
from http import HTTPStatus
from threading import Lock
from typing import Any, ClassVar

from marshmallow import Schema, ValidationError, fields, post_load, validate

from local.media_host.errors import MediaError, bad_request

# `eager` is no request: it is the work on one rendition, and fails or hangs in the background.
OPERATIONS = ("upload", "explicit", "destroy", "delivery", "admin", "eager")


class AnswerLostError(ConnectionAbortedError):
    """The work is done and the client will not hear of it. A ConnectionError: the server then just hangs up."""


@dataclass
class Fault:
    """What goes wrong with one operation, for the next `times` calls (None: until replaced)."""

    status: int | None
    hang_seconds: float
    lose_answer: bool
    times: int | None


NO_FAULT = Fault(status=None, hang_seconds=0, lose_answer=False, times=None)


class _Fault(Schema):
    status = fields.Integer(load_default=None, strict=True, validate=validate.Range(400, 599))
    hang_seconds = fields.Float(load_default=0.0, validate=validate.Range(0, 600))
    lose_answer = fields.Boolean(load_default=False)
    times = fields.Integer(load_default=None, strict=True, validate=validate.Range(1))

    @post_load
    def build(self, data: dict[str, Any], **_: object) -> Fault:
        return Fault(**data)


class _Faults(Schema):
    class Meta:
        include: ClassVar = {operation: fields.Nested(_Fault) for operation in OPERATIONS}

    delay_seconds = fields.Float(load_default=0.0, validate=validate.Range(0, 60))


class Faults:
    """The faults in force. Fresh ones do nothing."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._delay_seconds = 0.0
        self._by_operation: dict[str, Fault] = {}

    def replace(self, document: object) -> None:
        """Put `{"upload": {"status": 503, "times": 2}, "delay_seconds": 0.1}` in force; `{}` ends all faults.

        Raises 400, naming the key, for what it does not know: a misspelt fault must not look like a passed test.
        """
        try:
            values = _Faults().load(document if isinstance(document, dict) else {"document": document})
        except ValidationError as invalid:
            raise bad_request(f"Invalid faults - {invalid.messages}") from invalid
        with self._lock:
            self._delay_seconds = values.pop("delay_seconds")
            self._by_operation = values

    def before(self, operation: str) -> Fault:
        """Wait and fail as ordered; answers the fault, whose `lose_answer` is for the end of the call.

        Raises MediaError with the ordered status.
        """
        fault = self._take(operation)
        time.sleep(self._delay_seconds + fault.hang_seconds)
        if fault.status is not None:
            raise MediaError(HTTPStatus(fault.status), f"Injected fault - {fault.status}")
        return fault

    def _take(self, operation: str) -> Fault:
        with self._lock:
            fault = self._by_operation.get(operation, NO_FAULT)
            if fault.times is not None:
                fault.times -= 1
                if fault.times == 0:
                    del self._by_operation[operation]
            return fault
