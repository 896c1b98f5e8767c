"""Which function a request is for: its own URL, `/<function>`, or one of the REST aliases of the catalog."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from local.catalog import Function, Route


@dataclass(frozen=True)
class Match:
    """`path` is what the function sees, percent-encoded as the client sent it, without the query."""

    function: Function
    path: str


@dataclass(frozen=True)
class WrongMethod:
    """The path is an alias, but for these methods only."""

    allowed: tuple[str, ...]


@dataclass
class _Alias:
    """One REST path: its function and the target for each method, in the catalog's order."""

    pattern: re.Pattern[str]
    targets: dict[str, tuple[Function, str]] = field(default_factory=dict)

    def answer(self, method: str, asked_method: str | None, values: dict[str, str]) -> Match | WrongMethod:
        """`asked_method` is what a CORS preflight announces; any function of the path can answer one."""
        if method == "OPTIONS":
            method = asked_method if asked_method in self.targets else next(iter(self.targets))
        if method not in self.targets:
            return WrongMethod(tuple(self.targets))
        function, target = self.targets[method]
        return Match(function, target.format_map(values))


class Routes:
    """The routing table, made once from the catalog."""

    def __init__(self, functions: Iterable[Function]) -> None:
        self._functions = {function.name: function for function in functions}
        self._fixed: dict[str, _Alias] = {}
        self._patterns: dict[str, _Alias] = {}
        for function in self._functions.values():
            for route in function.routes:
                self._add(function, route)

    def _add(self, function: Function, route: Route) -> None:
        table = self._patterns if "{" in route.path else self._fixed
        alias = table.setdefault(route.path, _Alias(route.pattern))
        alias.targets[route.method] = (function, route.target)

    def find(self, method: str, path: str, asked_method: str | None = None) -> Match | WrongMethod | None:
        """The function for a percent-encoded path; None where nothing answers.

        Nothing is decoded: an encoded slash stays inside its segment, as it does at Google's front.
        """
        name, slash, rest = path[1:].partition("/")
        if name in self._functions:
            return Match(self._functions[name], slash + rest or "/")
        if path in self._fixed:
            return self._fixed[path].answer(method, asked_method, {})
        for alias in self._patterns.values():
            if found := alias.pattern.fullmatch(path):
                return alias.answer(method, asked_method, found.groupdict())
        return None
