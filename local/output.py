"""What a person sees of the children: each line with its process's name, secrets masked, JSON log lines made short."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Collection

_COLOURS = (36, 33, 32, 35, 34, 96, 93, 92, 95, 94)  # of the terminal (ECMA-48), never red: that means an error
_RED = 31
_HIDDEN = frozenset(("severity", "message", "time", "timestamp", "service", "request_id"))
_WRONG = frozenset(("ERROR", "CRITICAL", "ALERT", "EMERGENCY"))


class Output:
    """The terminal, or whatever stdout is."""

    def __init__(self, names: Collection[str], masked: Collection[str]) -> None:
        """`masked`: secrets that are replaced in every line of a child."""
        self._width = max(map(len, names), default=0)
        self._masked = tuple(value for value in masked if value)
        self._colours = {name: _COLOURS[number % len(_COLOURS)] for number, name in enumerate(names)}
        self._coloured = sys.stdout.isatty() and not os.environ.get("NO_COLOR")  # https://no-color.org

    def child(self, name: str, line: str) -> None:
        """Show one line that a child wrote."""
        for value in self._masked:
            line = line.replace(value, "[secret]")
        severity, text = shortened(line)
        shown = self._painted(text, _RED) if severity in _WRONG else text
        self.say(f"{self._painted(name.ljust(self._width), self._colours.get(name, 37))} | {shown}")

    def say(self, text: str) -> None:
        """Show a line of the local cloud's own. A reader that went away must not stop the children."""
        try:
            print(text, flush=True)
        except OSError:
            self._coloured = False

    def _painted(self, text: str, colour: int) -> str:
        return f"\x1b[{colour}m{text}\x1b[0m" if self._coloured else text


def shortened(line: str) -> tuple[str, str]:
    """(severity, text) of a line: a JSON log entry as `SEVERITY message key=value ...`, any other line as it is."""
    if not line.startswith("{"):
        return "", line
    try:
        entry = json.loads(line)
    except ValueError:
        return "", line
    if not isinstance(entry, dict) or "message" not in entry:
        return "", line
    extras = [f"{key}={_value(value)}" for key, value in entry.items() if key not in _HIDDEN and "/" not in key]
    severity = str(entry.get("severity", "INFO"))
    return severity, " ".join([severity, str(entry["message"]), *extras])


def _value(value: object) -> str:
    return value if isinstance(value, str) and value and " " not in value else json.dumps(value, ensure_ascii=False)
