"""The `.env` file: NAME=value lines, read strictly, because a line half understood is a service half replaced."""

from __future__ import annotations

import re
from pathlib import Path

from local.failure import StartFailure

_LINE = re.compile(r"(?:export\s+)?(?P<name>[A-Za-z_][A-Za-z0-9_]*)\s*=\s*(?P<value>.*)")
_VALUE = re.compile(r"""'(?P<single>[^']*)'|"(?P<double>[^"]*)"|(?P<plain>[^'"\s#]\S*(?:\s+[^#\s]\S*)*)?""")
_COMMENT = re.compile(r"\s*(?:\s#.*)?")


def parse(text: str, name: str = ".env") -> dict[str, str]:
    """The values by name; an empty value counts as not set and is left out.

    Understood: blank lines, `# comments` (also after a value), `export`, single and double quotes without escapes.
    Raises StartFailure with the number of the line that is none of these, or that sets a name again.
    """
    values: dict[str, str] = {}
    for number, raw in enumerate(text.splitlines(), start=1):
        line = raw.strip()
        if not line or line.startswith("#"):
            continue
        found = _LINE.fullmatch(line)
        value = _unquoted(found["value"]) if found else None
        if found is None or value is None:
            raise StartFailure(f"{name}, line {number}: expected NAME=value, with matching quotes if there are any.")
        if found["name"] in values:
            raise StartFailure(f"{name}, line {number}: {found['name']} is set a second time; keep one of the two.")
        values[found["name"]] = value
    return {key: value for key, value in values.items() if value}


def load(path: Path) -> dict[str, str]:
    """As `parse`, for a file; no file is no values."""
    try:
        return parse(path.read_text(encoding="utf-8"), path.name)
    except FileNotFoundError:
        return {}
    except UnicodeDecodeError as broken:
        raise StartFailure(
            f"{path.name} is not UTF-8 text: save it as such, or start again from .env.example."
        ) from broken
    except OSError as broken:
        raise StartFailure(f"Cannot read {path}: {broken.strerror}.") from broken


def _unquoted(text: str) -> str | None:
    """The value without quotes and comment; None where quotes do not match."""
    if text.startswith("#"):
        return ""
    found = _VALUE.match(text)
    if found is None or not _COMMENT.fullmatch(text[found.end() :]):
        return None
    return next((group for group in found.groups() if group is not None), "")
