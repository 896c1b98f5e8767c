"""functions/catalog.yaml as typed values, with a strict check: what Terraform deploys is what runs here."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from croniter import croniter
from marshmallow import Schema, ValidationError, fields, post_load, validate, validates

ROOT = Path(__file__).resolve().parent.parent
CALLERS = ("public", "user", "admin", "tasks", "scheduler", "media")
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")


@dataclass(frozen=True)
class Route:
    """An alias of a function on the single origin: `path` outside, `target` as the function sees it."""

    method: str
    path: str
    target: str

    @property
    def pattern(self) -> re.Pattern[str]:
        """`path` as a regular expression with one named group per `{placeholder}` (one path segment each)."""
        parts = re.split(r"\{(\w+)\}", self.path)
        return re.compile("".join(re.escape(p) if i % 2 == 0 else f"(?P<{p}>[^/]+)" for i, p in enumerate(parts)))


@dataclass(frozen=True)
class Function:
    """One entry of the catalog."""

    name: str
    summary: str
    methods: tuple[str, ...]
    caller: str
    routes: tuple[Route, ...]
    memory_mb: int
    cpu: float
    timeout_seconds: int
    concurrency: int
    secrets: tuple[str, ...]
    environment: tuple[str, ...]
    options: tuple[str, ...] = ()
    schedule: str | None = None

    @property
    def is_private(self) -> bool:
        """Whether the platform itself refuses every caller but one service account."""
        return self.caller in ("tasks", "scheduler")

    @property
    def resource_name(self) -> str:
        """What Google calls the function, its service and its account: names there have no underscores."""
        return f"fn-{self.name.replace('_', '-')}"

    @property
    def source(self) -> Path:
        return ROOT / "functions" / self.name / "main.py"


class _Route(Schema):
    method = fields.String(required=True, validate=validate.OneOf(METHODS))
    path = fields.String(required=True, validate=validate.Regexp(r"^(/[a-z-]+|/\{\w+\})+$"))
    target = fields.String(load_default="/", validate=validate.Regexp(r"^/(\{\w+\}|[a-z]+)?$"))

    @post_load
    def build(self, data: dict[str, Any], **_: object) -> Route:
        return Route(**data)


class _Function(Schema):
    summary = fields.String(required=True, validate=validate.Length(min=1, max=120))
    methods = fields.List(
        fields.String(validate=validate.OneOf(METHODS)), required=True, validate=validate.Length(min=1)
    )
    caller = fields.String(required=True, validate=validate.OneOf(CALLERS))
    routes = fields.List(fields.Nested(_Route), required=True)
    memory_mb = fields.Integer(required=True, strict=True, validate=validate.Range(128, 32768))
    cpu = fields.Float(required=True, validate=validate.Range(0.08, 8))
    timeout_seconds = fields.Integer(required=True, strict=True, validate=validate.Range(1, 3600))
    concurrency = fields.Integer(required=True, strict=True, validate=validate.Range(1, 1000))
    secrets = fields.List(fields.String(validate=validate.Regexp(r"^[A-Z][A-Z0-9_]+$")), required=True)
    environment = fields.List(fields.String(validate=validate.Regexp(r"^[A-Z][A-Z0-9_]+$")), required=True)
    options = fields.List(fields.String(validate=validate.Regexp(r"^[A-Z][A-Z0-9_]+$")), load_default=list)
    schedule = fields.String(load_default=None)

    @validates("schedule")
    def check_schedule(self, value: str | None, **_: object) -> None:
        if value is not None and not croniter.is_valid(value):
            raise ValidationError("not a cron line")


def parse(text: str) -> dict[str, Function]:
    """The catalog's functions by name, in the file's order.

    Raises marshmallow.ValidationError naming function and key for anything missing, unknown, misspelt or out of range.
    """
    document = yaml.safe_load(text)
    if not isinstance(document, dict) or set(document) != {"functions"}:
        raise ValidationError({"catalog": ["expected the single key 'functions'"]})
    functions, errors = {}, {}
    for name, entry in document["functions"].items():
        try:
            values = _Function().load(entry)
        except ValidationError as invalid:
            errors[name] = invalid.messages
            continue
        lists = {key: tuple(value) for key, value in values.items() if isinstance(value, list)}
        functions[name] = Function(name=name, **(values | lists))
    if errors:
        raise ValidationError(errors)
    return functions


def load() -> dict[str, Function]:
    """The repository's own catalog; raises as `parse` does."""
    return parse((ROOT / "functions" / "catalog.yaml").read_text(encoding="utf-8"))
