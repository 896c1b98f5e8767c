"""gcloud, as far as docs/operations.md and terraform's outputs call it: secrets are files, the rest is written down.

    GCLOUD_PLAYED=DIR gcloud.py COMMAND...

DIR/<secret>/<version> are a secret's values; with a file DIR/logged-out nothing can be read. A command that it does not
know fails.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

PLAYED = Path(os.environ["GCLOUD_PLAYED"])


def main(arguments: list[str]) -> int:
    named = {name: value for name, _, value in (one.partition("=") for one in arguments if one.startswith("--"))}
    match [one for one in arguments if not one.startswith("--")]:
        case ["secrets", "versions", "add", secret] if named["--data-file"] == "-":
            versions = _versions(secret)
            (PLAYED / secret / str(len(versions) + 1)).write_bytes(sys.stdin.buffer.read())
        case ["secrets", "versions", "access", "latest"] if not (PLAYED / "logged-out").exists():
            sys.stdout.buffer.write(_versions(named["--secret"])[-1].read_bytes())
        case ["logging", "read", _]:
            sys.stdout.write("[]\n")
        case ["secrets", "versions", "list" | "disable", _]:
            pass
        case ["auth", *_] | ["config", "set", "project", _] | ["services", "enable", *_]:
            pass
        case ["storage", "buckets", "create" | "update", _] | ["scheduler", "jobs", "run", _]:
            pass
        case other:
            sys.stderr.write(f"gcloud is not played for: {other}\n")
            return 1
    return 0


def _versions(secret: str) -> list[Path]:
    folder = PLAYED / secret
    folder.mkdir(exist_ok=True)
    return sorted(folder.iterdir(), key=lambda version: int(version.name))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
