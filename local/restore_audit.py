"""Puts audit events back that no queue would take and a function printed instead: `make audit-restore LOG=file`.

    python -m local.restore_audit [--state DIR] FILE

FILE is what the functions printed, however it was collected: their own JSON lines, the local cloud's output, an export
of Cloud Logging (an entry a line), or what `gcloud logging read --format=json` prints (one array). Safe to repeat: an
event's id is its row's primary key.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing, redirect_stdout
from pathlib import Path

from common.db import Database
from common.errors import ApiError
from local import catalog, dotenv, ports
from local.audit_lines import Event, events_in
from local.failure import StartFailure
from local.settings import settings
from local.state import DEFAULT, State

BATCH_EVENTS = 200


def main() -> int:
    """0 once everything is in the table; 1, with a line on stderr for what is not, otherwise."""
    options = _options()
    try:
        lines = read_lines(options.file)
        database = connection(options.state, dotenv.load(catalog.ROOT / ".env"), os.environ)
    except StartFailure as failure:
        print(failure, file=sys.stderr)
        return 1
    events, bad = find(lines)
    restored = 0
    try:
        # Stdout is for the result; what common/ logs about a failure goes with the messages.
        with closing(database), redirect_stdout(sys.stderr):
            for number in range(0, len(events), BATCH_EVENTS):
                restored += insert(database, events[number : number + BATCH_EVENTS])
    except ApiError as failure:
        print(f"{restored} events restored, then: {failure.detail}. What is done stays done.", file=sys.stderr)
        return 1
    print(f"{len(events)} audit events found: {restored} restored, {len(events) - restored} already there.")
    for position, reason in bad.items():
        print(f"Line {position} is not restored: {reason}.", file=sys.stderr)
    if bad:
        print(f"Bad lines: {len(bad)}.", file=sys.stderr)
    return 1 if bad else 0


def read_lines(file: Path) -> list[str]:
    """The file's lines, or an array's entries as a line each. Raises StartFailure if the file cannot be read."""
    try:
        text = file.read_text(encoding="utf-8-sig", errors="replace")
    except OSError as refused:
        raise StartFailure(f"Cannot read {file}: {refused.strerror}.") from refused
    try:
        entries = json.loads(text)
    except ValueError:
        entries = None
    return [json.dumps(entry) for entry in entries] if isinstance(entries, list) else text.split("\n")


def find(lines: Iterable[str]) -> tuple[list[Event], dict[int, str]]:
    """The events, and why a line (by its number, from 1) that should hold one holds none."""
    events: list[Event] = []
    bad: dict[int, str] = {}
    for number, line in enumerate(lines, start=1):
        try:
            events += events_in(line)
        except ValueError as unusable:
            bad[number] = str(unusable)
    return events, bad


def insert(database: Database, events: Sequence[Event]) -> int:
    """Store a batch; answers how many were not there yet."""
    return int(database.call("insert_logs", events=json.dumps(events))["inserted"])


def connection(path: Path, values: Mapping[str, str], environ: Mapping[str, str]) -> Database:
    """The Supabase project that `.env` or the environment names; without one, the local cloud that runs in `path`.

    Raises StartFailure where neither is there.
    """
    chosen = settings(values, environ)
    if chosen.supabase_url and chosen.supabase_key:
        return Database(chosen.supabase_url, chosen.supabase_key)
    state = State(path)
    port = state.read("ports.json").get("supabase")
    if not isinstance(port, int) or ports.is_free(port):
        raise StartFailure(
            f"No local cloud runs in {path}: start it (make dev), or set SUPABASE_URL and SUPABASE_SECRET_KEY."
        )
    return Database(f"http://127.0.0.1:{port}", state.keys().supabase_secret_key)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m local.restore_audit", description="Put audit events back.")
    parser.add_argument("--state", type=Path, default=DEFAULT, help="the local cloud's state directory")
    parser.add_argument("file", type=Path, help="what the functions printed")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
