"""Structured log lines: one JSON object a line, as Cloud Logging reads them from stdout.

https://cloud.google.com/logging/docs/structured-logging
"""

from __future__ import annotations

import json
import sys
from typing import Any, Literal

Severity = Literal["INFO", "WARNING", "ERROR"]


def log(severity: Severity, event: str, /, **fields: Any) -> None:
    """Writes one line: a constant event name and its fields. Ids only, never tokens, passwords or e-mails."""
    line = json.dumps({"severity": severity, "message": event, **fields}, default=str)
    # One write a line: lines of several threads must not mix.
    sys.stdout.write(line + "\n")
    sys.stdout.flush()
