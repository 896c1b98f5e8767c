"""The catalog's functions by kind, for parametrised contracts: a new endpoint is held to them without being asked."""

from __future__ import annotations

import uuid
from typing import Any

from local.catalog import Function, load

FUNCTIONS: list[Function] = list(load().values())
NAMES = [function.name for function in FUNCTIONS]
USER = [function.name for function in FUNCTIONS if function.caller == "user"]
PRIVATE = [function.name for function in FUNCTIONS if function.is_private]
OPEN = [function.name for function in FUNCTIONS if not function.is_private]

# A path that the function accepts, where the bare address is not enough.
SEGMENT = {"watch_video": f"/{uuid.uuid4()}.mp4", "delete_video": f"/{uuid.uuid4()}.mp4"}
# Functions with a JSON body.
JSON_BODY = ["register", "login", "record_usage"]


def form(name: str) -> dict[str, Any]:
    """Options of the test client that make a request a form, where the function takes one (its file is missing)."""
    return {"data": {"title": "t"}, "content_type": "multipart/form-data"} if name == "upload_video" else {}


def method(name: str) -> str:
    """The function's first method."""
    return next(function.methods[0] for function in FUNCTIONS if function.name == name)


def path(name: str) -> str:
    return SEGMENT.get(name, "/")
