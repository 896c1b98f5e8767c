"""The collaborators of one running host, put together in one place."""

from __future__ import annotations

import fcntl
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Self

from local.media_host.account import Account
from local.media_host.addresses import AddressBook
from local.media_host.assets import Library
from local.media_host.chunks import ChunkedUploads
from local.media_host.database import Database
from local.media_host.eager import EagerWork
from local.media_host.faults import Faults
from local.media_host.renditions import Renditions


@dataclass(frozen=True)
class Host:
    """`incoming` holds bodies while they arrive; `faults` is None unless the host was started for tests."""

    account: Account
    addresses: AddressBook
    database: Database
    library: Library
    renditions: Renditions
    eager: EagerWork
    chunked_uploads: ChunkedUploads
    incoming: Path
    faults: Faults | None
    lock: IO[str]

    @classmethod
    def open(cls, state: Path, *, account: Account, base_url: str, faults: Faults | None) -> Self:
        """Open `state` and clear away what an earlier run left half-done.

        Raises BlockingIOError when another host has it open.
        """
        state.mkdir(parents=True, exist_ok=True)
        lock = (state / "lock").open("w")
        # Clearing up under a running host would take its uploads away. The kernel drops the lock with the process.
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        incoming = state / "incoming"
        shutil.rmtree(incoming, ignore_errors=True)
        # It may be there still: an ffmpeg whose host was killed can be writing into it to its end.
        incoming.mkdir(exist_ok=True)
        database = Database(state / "media.db")
        library = Library(state, database, scratch=incoming)
        library.sweep()
        renditions = Renditions(library)
        addresses = AddressBook(base_url, account)
        eager = EagerWork(database, library, renditions, addresses, faults)
        chunked_uploads = ChunkedUploads(state / "chunked", database)
        chunked_uploads.expire()
        eager.resume()
        return cls(account, addresses, database, library, renditions, eager, chunked_uploads, incoming, faults, lock)
