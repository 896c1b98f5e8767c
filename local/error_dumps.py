"""Turns the dumps that Node programs print of errors into one line each, without what was in the query.

@supabase/lite prints every SQL error with its stack, its fields and, over pglite, the query's parameters: e-mails and
password hashes. Business refusals are such errors too; the functions log those themselves.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from enum import Enum, auto

# The names of pglite's error class and of the one of npm's postgres. Both always have a stack, and fields after it.
_SQL_ERROR = re.compile(r"(?:error|PostgresError): (?P<message>.*)")
_OTHER_ERROR = re.compile(r"(?:.* )?(?:\w*Error|\[\w*Error\]): ")
_STACK_LINE = re.compile(r"    at .+?(?P<fields> \{)?")
_CODE = re.compile(r"  code: '(?P<code>\w+)',?")
# PostgreSQL quotes the value at fault in errors of class 22 (data exception), and in no other.
_QUOTED = re.compile(r'"[^"]*("|$)')


class _Part(Enum):
    """Where in a dump the next line is expected to be."""

    NONE = auto()
    MESSAGE = auto()
    STACK = auto()
    FIELDS = auto()


class ErrorDumps:
    """Takes a program's lines one by one, and passes on to `show` what a person should see of them.

    An SQL error becomes `error CODE: message`, or nothing if its code is PT... (raised by our own SQL functions); any
    other error is its first line.
    """

    def __init__(self, show: Callable[[str], None]) -> None:
        self._show = show
        self._part = _Part.NONE
        self._message: str | None = None  # held back until the code is known
        self._code = ""

    def take(self, line: str) -> None:
        """One line, without its line break."""
        if self._part is _Part.FIELDS and line == "}":
            self.end()
        elif not self._is_inside(line):
            self.end()
            self._begin(line)

    def end(self) -> None:
        """The dump is over, or there is no more to come: show what was held back."""
        if self._message is not None and not self._code.startswith("PT"):
            is_safe = self._code and not self._code.startswith("22")
            message = self._message if is_safe else _QUOTED.sub('"..."', self._message)
            self._show(f"error {self._code}: {message}" if self._code else f"error: {message}")
        self._part, self._message, self._code = _Part.NONE, None, ""

    def _begin(self, line: str) -> None:
        if found := _SQL_ERROR.fullmatch(line):
            self._part, self._message = _Part.MESSAGE, found["message"]
            return
        self._show(line)
        if _OTHER_ERROR.match(line):
            self._part = _Part.STACK

    def _is_inside(self, line: str) -> bool:
        """Whether the line belongs to the dump that was begun; remembers the code, and which part comes next."""
        if self._part is _Part.FIELDS:
            if found := _CODE.fullmatch(line):
                self._code = found["code"]
            return line.startswith("  ")
        if self._part is not _Part.NONE and (found := _STACK_LINE.fullmatch(line)):
            self._part = _Part.FIELDS if found["fields"] else _Part.STACK
            return True
        # A message may have several lines, and quote a value in the later ones.
        return self._part is _Part.MESSAGE and not _SQL_ERROR.fullmatch(line)
