"""The catalog's functions by kind, for parametrised contracts: a new endpoint is held to them without being asked."""

from __future__ import annotations

import uuid
from typing import Any

from local.catalog import Function, load

FUNCTIONS: list[Function] = list(load().values())
NAMES = [function.name for function in FUNCTIONS]
USER = [function.name for function in FUNCTIONS if function.caller == "user"]
PRIVATE = [function.name for function in FUNCTIONS if function.is_private]
# What browsers call.
OPEN = [function.name for function in FUNCTIONS if function.caller in ("public", "user", "admin")]

# A path that the function accepts, where the bare address is not enough.
SEGMENT = {"watch_video": f"/{uuid.uuid4()}.mp4", "delete_video": f"/{uuid.uuid4()}.mp4"}
# Functions with a JSON body.
JSON_BODY = ["register", "login", "record_usage", "upload_video", "complete_upload"]


def body(name: str) -> dict[str, Any]:
    """Options of the test client for a body with which an upload gets as far as the database, whoever the user is."""
    bodies: dict[str, dict[str, Any]] = {
        "upload_video": {"data": {"title": "t"}, "content_type": "multipart/form-data"},
        "complete_upload": {"json": {"upload_id": str(uuid.uuid4())}},
    }
    return bodies.get(name, {})


def method(name: str) -> str:
    """The function's first method."""
    return next(function.methods[0] for function in FUNCTIONS if function.name == name)


def path(name: str) -> str:
    return SEGMENT.get(name, "/")
