"""The catalog's check is strict: what it does not know, it refuses by name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import yaml
from marshmallow import ValidationError

from local import catalog

Change = Callable[[dict[str, Any]], object]


def entry() -> dict[str, Any]:
    """A valid entry, to be spoilt in one place."""
    return {
        "summary": "Close the day",
        "methods": ["POST"],
        "caller": "scheduler",
        "schedule": "0 0 * * *",
        "routes": [{"method": "POST", "path": "/api/days/{day}", "target": "/{day}"}],
        "memory_mb": 256,
        "cpu": 1,
        "timeout_seconds": 30,
        "concurrency": 1,
        "secrets": ["SUPABASE_SECRET_KEY"],
        "environment": ["SUPABASE_URL"],
    }


def parse(value: dict[str, Any]) -> dict[str, catalog.Function]:
    return catalog.parse(yaml.safe_dump({"functions": {"close_day": value}}))


def test_the_repository_s_own_catalog_is_valid() -> None:
    assert "login" in catalog.load()


def test_an_entry_becomes_a_typed_function() -> None:
    function = parse(entry())["close_day"]
    assert function.is_private
    assert function.methods == ("POST",)
    assert function.routes[0].pattern.fullmatch("/api/days/2026-11-20")
    assert not function.routes[0].pattern.fullmatch("/api/days/2026/11")


@pytest.mark.parametrize(
    ("change", "key"),
    [
        pytest.param(lambda e: e.update(time_out=3), "time_out", id="unknown key"),
        pytest.param(lambda e: e.update(memory_bm=e.pop("memory_mb")), "memory_bm", id="misspelt key"),
        pytest.param(lambda e: e.pop("caller"), "caller", id="no caller"),
        pytest.param(lambda e: e.update(caller="anybody"), "caller", id="unknown caller"),
        pytest.param(lambda e: e.update(methods=["FETCH"]), "methods", id="unknown method"),
        pytest.param(lambda e: e.update(methods=[]), "methods", id="no method"),
        pytest.param(lambda e: e.update(timeout_seconds="30"), "timeout_seconds", id="text for a number"),
        pytest.param(lambda e: e.update(timeout_seconds=3601), "timeout_seconds", id="over the platform's limit"),
        pytest.param(lambda e: e.update(concurrency=0), "concurrency", id="no concurrency"),
        pytest.param(lambda e: e.update(secrets=["supabase-key"]), "secrets", id="not a variable's name"),
        pytest.param(lambda e: e.update(schedule="daily"), "schedule", id="not a cron line"),
        pytest.param(lambda e: e["routes"][0].update(path="api/days"), "routes", id="path without a slash"),
        pytest.param(lambda e: e["routes"][0].update(verb="GET"), "routes", id="unknown key of a route"),
    ],
)
def test_a_fault_is_refused_by_function_and_key(change: Change, key: str) -> None:
    value = entry()
    change(value)
    with pytest.raises(ValidationError) as refused:
        parse(value)
    assert isinstance(refused.value.messages, dict)
    assert list(refused.value.messages) == ["close_day"]
    assert key in refused.value.messages["close_day"]


@pytest.mark.parametrize("text", ["", "[]", "functions: {}\nmore: 1", "function: {}"])
def test_a_document_without_the_single_key_functions_is_refused(text: str) -> None:
    with pytest.raises(ValidationError, match="functions"):
        catalog.parse(text)
