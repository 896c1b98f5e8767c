"""The host's one SQLite file. A connection per call: threads share nothing, and a call here costs well under 1 ms."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

SCHEMA = """
create table if not exists assets (
    type text not null,
    public_id text not null,
    document text not null,  -- an Asset as JSON
    primary key (type, public_id)
);
create table if not exists chunked_uploads (
    upload_id text primary key,
    public_id text not null,
    received_bytes integer not null,
    total_bytes integer not null,
    touched_at integer not null,  -- unix seconds
    version_id text,  -- of the asset that came of it; null while bytes are missing
    existed integer not null default 0  -- 1: that asset had been there before (overwrite=0)
);
create table if not exists eager_orders (
    batch_id text primary key,
    document text not null  -- an Order as JSON, until its renditions are made and its notification is sent
);
"""


class Database:
    """Committed means on disk: `synchronous = full`, so that an answered upload survives SIGKILL and power loss."""

    def __init__(self, path: Path) -> None:
        self._path = path
        with closing(self._connect()) as connection:
            connection.execute("pragma journal_mode = wal")
            connection.executescript(SCHEMA)
            _add_missing_column(connection)

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self._path, timeout=30, isolation_level=None)
        connection.row_factory = sqlite3.Row
        connection.execute("pragma synchronous = full")
        return connection

    @contextmanager
    def read(self) -> Iterator[sqlite3.Connection]:
        with closing(self._connect()) as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[sqlite3.Connection]:
        """One transaction that holds the write lock from its start: what it reads stays true until it commits."""
        with closing(self._connect()) as connection:
            connection.execute("begin immediate")
            try:
                yield connection
            except BaseException:
                connection.execute("rollback")
                raise
            connection.execute("commit")


def _add_missing_column(connection: sqlite3.Connection) -> None:
    """Of a database from before there was `existed`."""
    columns = {row["name"] for row in connection.execute("pragma table_info(chunked_uploads)")}
    if "existed" not in columns:
        connection.execute("alter table chunked_uploads add column existed integer not null default 0")
