"""Compares the media host with the database: `make reconcile`, and `make reconcile FIX=orphans,missing,sizes`.

    python -m local.reconcile [--state DIR] [--fix KIND[,KIND...]]

- orphans: files, and unfinished uploads, that no video, no open upload and no waiting purge names; fixed by destroying
- foreign: the same, of users that this database does not know: another deployment's; never touched
- missing: videos whose file the host has lost; fixed by hiding them, which gives their storage back
- sizes: videos whose file has another size than their row; fixed by correcting the row and the user's storage

Nothing is changed without --fix. Only media ids that begin with MEDIA_FOLDER are looked at. Uploads may go on
meanwhile: the host's list is read first, and whatever differs is looked at once more before it counts. When the host
has the files of less than half of the videos, MEDIA_URL may be the wrong one: then nothing is fixed without --force.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Collection, Iterator, Mapping
from contextlib import closing, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from common.config import Config, ConfigError
from common.errors import ApiError, NotAVideo
from common.services import Services
from local import catalog, dotenv, environment, ports
from local.failure import StartFailure
from local.keys import Keys
from local.settings import settings
from local.state import DEFAULT, State

KINDS = ("orphans", "missing", "sizes")  # that can be fixed
BATCH = 500
_FIRST = "00000000-0000-0000-0000-000000000000"


@dataclass(frozen=True)
class Difference:
    """`host_bytes` and `row_bytes` are None where there is no file and no row."""

    kind: str
    media_id: str
    host_bytes: int | None
    row_bytes: int | None
    video_id: str | None = None

    def __str__(self) -> str:
        return f"{self.kind:8} {self.media_id}  host: {self.host_bytes}  row: {self.row_bytes}"


def main() -> int:
    """0 when host and database agree, or do so after fixing; 1 when they do not, 2 when one of them cannot be asked."""
    options = _options()
    try:
        app = connection(options.state, dotenv.load(catalog.ROOT / ".env"), os.environ)
        # Stdout is for the result; what common/ logs about a failure goes with the messages.
        with closing(app.db), redirect_stdout(sys.stderr):
            found = list(differences(app))
            if options.fix and not options.force:
                require_plausible(app, found)
            fixed = [one for one in found if one.kind in options.fix and fix(app, one)]
    except (StartFailure, ConfigError, ApiError) as failure:
        print(failure, file=sys.stderr)
        return 2
    for one in found:
        print(one, " fixed" if one in fixed else "")
    counts = ", ".join(f"{sum(one.kind == kind for one in found)} {kind}" for kind in (*KINDS, "foreign"))
    hint = "" if len(fixed) == len(found) else f" Fix with: make reconcile FIX={','.join(KINDS)}"
    print(f"{counts}; {len(fixed)} fixed.{hint}")
    return 0 if len(fixed) == len(found) else 1


def differences(app: Services) -> Iterator[Difference]:
    """Everything that differs, each looked at twice. Raises DependencyUnavailable."""
    prefix = f"{app.config.media_folder}/"
    at_host: dict[str, int | None] = {}
    for file in app.media.list_files(prefix):
        at_host[file.media_id] = at_host.get(file.media_id) or file.size_bytes
    without_row = dict(at_host)
    for row in _rows(app):
        without_row.pop(row["media_id"], None)
        if at_host.get(row["media_id"]) != row["size_bytes"]:
            yield from _changed(app, row)
    unknown = list(without_row)
    for start in range(0, len(unknown), BATCH):
        answer = app.db.call("unknown_media", media_ids=unknown[start : start + BATCH])
        yield from (Difference("foreign", media_id, at_host[media_id], None) for media_id in answer["foreign_ids"])
        yield from (
            Difference("orphans", media_id, at_host[media_id], None)
            for media_id in answer["media_ids"]
            if at_host[media_id] is None or _is_there(app, media_id)
        )


def fix(app: Services, difference: Difference) -> bool:
    """Whether that difference is gone. SQL looks once more, in the transaction that changes something."""
    if difference.kind == "orphans":
        queued = app.db.call("purge_unknown_media", media_ids=[difference.media_id])["media_ids"]
        return app.purge.destroy(queued) == len(queued)
    changed = app.db.call("correct_video", video_id=difference.video_id, size_bytes=difference.host_bytes)["changed"]
    return bool(changed)


def require_plausible(app: Services, found: Collection[Difference]) -> None:
    """Raises StartFailure when the host has the files of less than half of the videos."""
    missing = sum(one.kind == "missing" for one in found)
    if missing and 2 * missing > sum(1 for _ in _rows(app)):
        raise StartFailure(
            "The media host has the files of less than half of the videos: is MEDIA_URL the right one? Nothing was "
            "changed; --force fixes all the same."
        )


def connection(path: Path, values: Mapping[str, str], environ: Mapping[str, str]) -> Services:
    """The Supabase project and the media host that `.env` or the environment name; the local cloud's that runs in
    `path` for the one that is not named.

    Raises StartFailure where neither is there, ConfigError for what cannot be used.
    """
    chosen = settings(values, environ)
    keys, listening = Keys.generate(), {"supabase": 0, "media_host": 0, "cloud_tasks": 0}
    if not (chosen.supabase_url and chosen.media_url):
        state = State(path)
        listening |= state.read("ports.json")
        if not listening["supabase"] or ports.is_free(listening["media_host"]):
            raise StartFailure(
                f"No local cloud runs in {path}: start it (make dev), or set SUPABASE_URL, SUPABASE_SECRET_KEY and "
                "MEDIA_URL."
            )
        keys = state.keys()
    return Services(Config.from_env(environment.grants(chosen, keys, listening), ("database", "media")))


def _rows(app: Services) -> Iterator[dict[str, Any]]:
    after = _FIRST
    while after:
        page = app.db.call("list_media", folder=app.config.media_folder, after=after, limit=BATCH)
        yield from page["videos"]
        after = page["next"]


def _changed(app: Services, row: Mapping[str, Any]) -> Iterator[Difference]:
    try:
        stored = app.media.find(row["media_id"])
    except NotAVideo:  # it is there; whether it plays is another question
        return
    size_bytes = stored.size_bytes if stored else None
    if size_bytes != row["size_bytes"]:
        kind = "missing" if size_bytes is None else "sizes"
        yield Difference(kind, row["media_id"], size_bytes, row["size_bytes"], row["id"])


def _is_there(app: Services, media_id: str) -> bool:
    """Whether a file that was listed is there still: it may have been deleted since."""
    try:
        return app.media.find(media_id) is not None
    except NotAVideo:
        return True


def _kinds(text: str) -> Collection[str]:
    chosen = [part.strip() for part in text.split(",") if part.strip()]
    if unknown := sorted(set(chosen) - set(KINDS)):
        raise argparse.ArgumentTypeError(f"{', '.join(unknown)}: expected {', '.join(KINDS)}")
    return chosen


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m local.reconcile", description="Compare host and database.")
    parser.add_argument("--state", type=Path, default=DEFAULT, help="the local cloud's state directory")
    parser.add_argument("--fix", type=_kinds, default=(), help=f"what to put right, of {', '.join(KINDS)}")
    parser.add_argument("--force", action="store_true", help="fix although most videos have no file there")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
