"""Finds the audit events that functions printed (common.audit.print_fallback), whatever carried the lines here."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Iterator
from datetime import datetime
from uuid import UUID

from common import audit

Event = dict[str, str | None]

_NAME = "audit_fallback"
_FIELDS = tuple(field.name for field in dataclasses.fields(audit.Event))
_SHORT = f"{_NAME} event="  # as local/output.py shows the line
# Also inside a JSON string, where each quote has a backslash before it.
_ANNOUNCED = re.compile(rf'message\\*"\s*:\s*\\*"{_NAME}\\*"|{re.escape(_SHORT)}')
_DECODER = json.JSONDecoder()


def events_in(line: str) -> list[Event]:
    """The events in one line: most often none or one.

    Understood: a JSON object `{"message": "audit_fallback", "event": {...}}` anywhere in the line, on its own or at any
    depth of another one (Cloud Logging nests it under `jsonPayload`), and the local cloud's short form of it.
    Raises ValueError with the reason if the line announces an event and holds none that could be stored.
    """
    if _NAME not in line:
        return []
    events = [_checked(value) for value in _in_text(line)]
    if not events and _ANNOUNCED.search(line):
        raise ValueError("it is cut off, or no JSON")
    return events


def _in_text(text: str) -> Iterator[object]:
    start = text.find("{")
    while start >= 0:
        try:
            value, end = _DECODER.raw_decode(text, start)
        except ValueError:
            end = start + 1
        else:
            yield from [value] if text.endswith(_SHORT, 0, start) else _in_value(value)
        start = text.find("{", end)


def _in_value(value: object) -> Iterator[object]:
    if isinstance(value, str):
        if _NAME in value:
            yield from _in_text(value)
    elif isinstance(value, dict) and value.get("message") == _NAME:
        yield value.get("event")
    elif isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _in_value(inner)


def _checked(value: object) -> Event:
    """An event that the database will take, because one that it refuses would take its whole batch with it."""
    event = {name: value.get(name) if isinstance(value, dict) else None for name in _FIELDS}
    for name, content in event.items():
        if content is None and name == "user_id":
            continue
        if not isinstance(content, str) or not _is_valid(name, content):
            raise ValueError(f"its event has no valid {name}")
    return event


def _is_valid(name: str, content: str) -> bool:
    try:
        content.encode()  # half a surrogate pair is no text to PostgreSQL, and neither is NUL
        if name in ("id", "user_id"):
            return str(UUID(content)) == content.lower()
        return "\0" not in content and (name != "created_at" or datetime.fromisoformat(content).tzinfo is not None)
    except ValueError:
        return False
