"""The tasks of the local Cloud Tasks in one SQLite file: an accepted task survives a SIGKILL of this process.

Every public method is one statement, committed when it returns. WAL with synchronous=NORMAL writes without waiting for
the disk: that is safe against the death of the process, while a power cut may lose the last moments.
"""

from __future__ import annotations

import sqlite3
import threading
from dataclasses import dataclass, fields
from pathlib import Path

NAME_KEPT_SECONDS = 3600  # how long a finished task's name stays taken; Google promises an hour, and may take longer

# A task is `leased` while its request is under way, and `held` while its queue is paused (unless RunTask let it go):
# both stand in the task, so that the index finds the next one without walking past a paused queue's.
_SCHEMA = """
create table if not exists tasks (
    name text primary key,
    queue text not null,
    spec blob not null,
    due_at real not null,
    keep_name integer not null,
    held integer not null,
    leased integer not null default 0,
    dispatch_count integer not null default 0,
    response_count integer not null default 0,
    execution_count integer not null default 0,
    last_status integer,
    last_reason text not null default ''
);
create index if not exists tasks_due on tasks (due_at) where leased = 0 and held = 0;
create index if not exists tasks_queue on tasks (queue, name);
create table if not exists paused_queues (name text primary key) without rowid;
create table if not exists spent_names (name text primary key, spent_at integer not null) without rowid;
create index if not exists spent_names_age on spent_names (spent_at);
create trigger if not exists hold after insert on paused_queues begin
    update tasks set held = 1 where queue = new.name;
end;
create trigger if not exists release after delete on paused_queues begin
    update tasks set held = 0 where queue = old.name;
end;
create trigger if not exists keep_name after delete on tasks when old.keep_name begin
    insert or replace into spent_names values (old.name, strftime('%s', 'now'));
end;
"""


@dataclass(frozen=True)
class StoredTask:
    """One waiting or running task; `spec` is the Task message as it was accepted, serialised."""

    name: str
    queue: str
    spec: bytes
    due_at: float
    dispatch_count: int
    response_count: int
    execution_count: int
    last_status: int | None
    last_reason: str


_FIELDS = [field.name for field in fields(StoredTask)]


class TaskStore:
    """Queues and tasks. Times are unix seconds; names are full resource names. Safe to share between threads."""

    def __init__(self, path: Path) -> None:
        """Open or create the file; raises OSError naming it if it cannot be used, or another process has it open."""
        path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = threading.Lock()
        self._database = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=1)
        self._database.row_factory = sqlite3.Row
        try:
            # Exclusive: two dispatchers on one file would send every task twice.
            for setting in ("locking_mode = exclusive", "journal_mode = wal", "synchronous = normal"):
                self._database.execute(f"pragma {setting}")
            self._database.executescript(_SCHEMA)
        except sqlite3.Error as unusable:
            self._database.close()
            raise OSError(f"{path}: {unusable}") from unusable
        self._change("update tasks set leased = 0, last_reason = 'the dispatcher stopped' where leased = 1")

    def close(self) -> None:
        with self._lock:
            self._database.close()

    def insert(self, name: str, queue: str, spec: bytes, due_at: float, *, keep_name: bool, now: float) -> bool:
        """Add a task; False if the name is taken, be it by a task that is gone for less than an hour."""
        self._change("delete from spent_names where spent_at < ?", now - NAME_KEPT_SECONDS)
        return self._change(
            "insert into tasks (name, queue, spec, due_at, keep_name, held)"
            " select ?, ?, ?, ?, ?, exists (select 1 from paused_queues where name = ?)"
            " where not exists (select 1 from spent_names where name = ?) on conflict do nothing",
            *(name, queue, spec, due_at, keep_name, queue, name),
        )

    def get(self, name: str) -> StoredTask | None:
        return next(iter(self._tasks("select * from tasks where name = ?", name)), None)

    def page(self, queue: str, after: str, limit: int) -> list[StoredTask]:
        """Up to `limit` tasks of a queue by name, from behind the name `after`."""
        return self._tasks(
            "select * from tasks where queue = ? and name > ? order by name limit ?", queue, after, limit
        )

    def delete(self, name: str) -> bool:
        """Forget a task, done or not; False if there is none."""
        return self._change("delete from tasks where name = ?", name)

    def purge(self, queue: str) -> None:
        self._change("delete from tasks where queue = ?", queue)

    def set_paused(self, queue: str, *, paused: bool) -> None:
        if paused:
            self._change("insert or ignore into paused_queues values (?)", queue)
        else:
            self._change("delete from paused_queues where name = ?", queue)

    def is_paused(self, queue: str) -> bool:
        return bool(self._rows("select 1 from paused_queues where name = ?", queue))

    def force(self, name: str, now: float) -> None:
        """Make a waiting task due now, even if its queue is paused; one that is running is left alone."""
        self._change("update tasks set due_at = ?, held = 0 where name = ? and leased = 0", now, name)

    def claim(self, now: float) -> StoredTask | None:
        """Lease the task that has been due longest and count the dispatch; None if nothing is due."""
        claimed = self._tasks(
            "update tasks set leased = 1, dispatch_count = dispatch_count + 1"
            " where name = (select name from tasks where leased = 0 and held = 0 and due_at <= ?"
            " order by due_at limit 1) returning *",
            now,
        )
        return claimed[0] if claimed else None

    def next_due_at(self) -> float | None:
        """When the next task that may run is due, past or future."""
        due_at: float | None = self._rows("select min(due_at) from tasks where leased = 0 and held = 0")[0][0]
        return due_at

    def postpone(self, name: str, due_at: float, *, status: int | None, reason: str) -> None:
        """Give back a leased task after a failed attempt; `status` is None if there was no answer at all."""
        answered, executed = status is not None, status is not None and status < 500
        self._change(
            "update tasks set leased = 0, held = exists (select 1 from paused_queues where name = queue),"
            " due_at = ?, last_status = ?, last_reason = ?, response_count = response_count + ?,"
            " execution_count = execution_count + ? where name = ?",
            *(due_at, status, reason, answered, executed, name),
        )

    def _tasks(self, statement: str, *values: object) -> list[StoredTask]:
        return [StoredTask(*(row[field] for field in _FIELDS)) for row in self._rows(statement, *values)]

    def _rows(self, statement: str, *values: object) -> list[sqlite3.Row]:
        with self._lock:
            return self._database.execute(statement, values).fetchall()  # an unread statement would not commit

    def _change(self, statement: str, *values: object) -> bool:
        """Run a statement and say whether it touched any row."""
        with self._lock:
            return self._database.execute(statement, values).rowcount > 0
