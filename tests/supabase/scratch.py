"""The SQL functions of a scratch database as Python calls."""

from __future__ import annotations

import json
import threading
import uuid
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, LiteralString, TypeVar

import psycopg
from psycopg import sql as compose
from psycopg.rows import dict_row

Connection = psycopg.Connection[dict[str, Any]]
Result = TypeVar("Result")

MIB = 1024 * 1024
STORAGE, BANDWIDTH = 50 * MIB, 100 * MIB
# Each row is a kept figure that differs from what it stands for.
_INCONSISTENCIES = """
with kept as (
  select 'storage used' as what, id as owner, null::date as day, storage_used_bytes as value from public.users
  union all select 'storage reserved', id, null, storage_reserved_bytes from public.users
  union all select 'videos', id, null, video_count from public.users
  union all select 'uploading', id, null, uploading::int from public.users
  union all select 'upload reserved', user_id, day, upload_reserved_bytes from public.daily_usage
  union all select 'playback reserved', user_id, day, playback_reserved_bytes from public.daily_usage
  union all select 'uploaded', user_id, day, upload_used_bytes from public.daily_usage
  union all select 'uploaded', user_id, day, upload_bytes from public.usage_archive
  union all select 'played', user_id, day, playback_used_bytes from public.daily_usage
  union all select 'played', user_id, day, playback_bytes from public.usage_archive
  union all select 'total ' || scope, nullif(owner_id, '00000000-0000-0000-0000-000000000000'), null, value
    from public.totals
), true_values as (
  select 'storage used' as what, user_id as owner, null::date as day, size_bytes as value
    from public.videos where deleted_at is null
  union all select 'storage reserved', user_id, null, reserved_bytes from public.uploads where state = 'open'
  union all select 'videos', user_id, null, 1 from public.videos where deleted_at is null
  union all select 'uploading', user_id, null, 1 from public.uploads where state = 'open' and kind = 'multipart'
  union all select 'upload reserved', user_id, day, reserved_bytes from public.uploads where state = 'open'
  union all select 'playback reserved', user_id, day, reserved_bytes from public.playbacks where state = 'open'
  union all select 'uploaded', u.user_id, u.day, v.size_bytes
    from public.uploads u join public.videos v on v.id = u.id where u.state = 'settled'
  union all select 'played', user_id, day, used_bytes from public.playbacks
  union all select 'total videos', null, null, 1 from public.videos where deleted_at is null
  union all select 'total logs', null, null, 1 from public.logs
  union all select 'total logs', user_id, null, 1 from public.logs where user_id is not null
)
select what, owner, day, sum(kept) as kept, sum(true_value) as true_value from (
  select what, owner, day, value as kept, 0 as true_value from kept
  union all select what, owner, day, 0, value from true_values
) figures group by what, owner, day having sum(kept) <> sum(true_value)
"""


class Refused(Exception):
    """A business error as SQL raises it: `str` is "PTxyz code", `detail` what the caller may be told."""

    def __init__(self, raised: psycopg.Error) -> None:
        super().__init__(f"{raised.sqlstate} {raised.diag.message_primary}")
        self.detail = json.loads(raised.diag.message_detail or "{}")


def _calling(function: str, parameters: Mapping[str, Any]) -> compose.Composed:
    arguments = [
        compose.SQL("{} => {}").format(compose.Identifier(f"p_{name}"), compose.Placeholder(name))
        for name in parameters
    ]
    return compose.SQL("select public.{}({}) as answer").format(
        compose.Identifier(function), compose.SQL(", ").join(arguments)
    )


class Sql:
    """The database as the API sees it: every call as service_role, in a transaction of its own."""

    def __init__(self, dsn: str) -> None:
        self.dsn = dsn
        self._main = self.connect()
        self._local = threading.local()

    def connect(self, *, role: str = "service_role") -> Connection:
        return psycopg.connect(self.dsn, autocommit=True, row_factory=dict_row, options=f"-c role={role}")

    def close(self) -> None:
        self._main.close()

    @property
    def _connection(self) -> Connection:
        """This thread's own inside `together`, else the test's."""
        own: Connection | None = getattr(self._local, "connection", None)
        return own or self._main

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """One transaction around several calls of this thread."""
        with self._connection.transaction():
            yield

    def call(self, function: str, **parameters: Any) -> Any:
        """What public.<function> answers; raises Refused for its business errors, psycopg's own for any other."""
        try:
            row = self._connection.execute(_calling(function, parameters), parameters).fetchone()
        except psycopg.Error as raised:
            if (raised.sqlstate or "").startswith("PT"):
                raise Refused(raised) from raised
            raise
        assert row is not None
        return row["answer"]

    def blocks(self, function: str, **parameters: Any) -> int:
        """How many blocks of tables and indexes a call touches, the statements inside it included."""
        statement = compose.SQL("explain (analyze, buffers, format json) {}").format(_calling(function, parameters))
        self._connection.execute(statement, parameters)  # once for the catalog's caches
        row = self._connection.execute(statement, parameters).fetchone()
        assert row is not None
        plan = row["QUERY PLAN"][0]["Plan"]
        return int(plan["Shared Hit Blocks"] + plan["Shared Read Blocks"])

    def run(self, statement: LiteralString, *parameters: Any) -> None:
        self._connection.execute(statement, parameters)

    def rows(self, statement: LiteralString, *parameters: Any) -> list[dict[str, Any]]:
        return self._connection.execute(statement, parameters).fetchall()

    def value(self, statement: LiteralString, *parameters: Any) -> Any:
        (row,) = self.rows(statement, *parameters)
        (value,) = row.values()
        return value

    def together(self, count: int, work: Callable[[int], Result]) -> tuple[list[Result], list[Refused]]:
        """(answers, refusals) of work(0) to work(count - 1), in threads released at once."""
        barrier = threading.Barrier(count, timeout=30)

        def one(number: int) -> Result | Refused:
            with self.connect() as self._local.connection:
                barrier.wait()
                try:
                    return work(number)
                except Refused as refused:
                    return refused

        with ThreadPoolExecutor(count) as pool:
            outcomes = list(pool.map(one, range(count)))
        return (
            [outcome for outcome in outcomes if not isinstance(outcome, Refused)],
            [outcome for outcome in outcomes if isinstance(outcome, Refused)],
        )

    def user(self, *, role: str = "user") -> uuid.UUID:
        """A fresh account's id."""
        user_id = uuid.uuid4()
        self.call("register_user", id=user_id, email=f"{user_id}@example.com", username="somebody", password="hash")
        self.run("update public.users set role = %s where id = %s", role, user_id)
        return user_id

    def reserve(self, user_id: uuid.UUID, size_bytes: int, **options: Any) -> uuid.UUID:
        """The upload's id. Options: upload_id, kind, and the limits."""
        upload_id = options.pop("upload_id", None) or uuid.uuid4()
        defaults = {"kind": "direct", "storage_limit_bytes": STORAGE, "bandwidth_limit_bytes": BANDWIDTH}
        self.call(
            "reserve_upload", upload_id=upload_id, user_id=user_id, size_bytes=size_bytes,
            media_id=f"reelay/{upload_id}", **{**defaults, "lifetime_seconds": 300, **options},
        )  # fmt: skip
        return upload_id

    def settle(self, upload_id: uuid.UUID, user_id: uuid.UUID, size_bytes: int, title: str = "A video") -> Any:
        """The video's row."""
        return self.call(
            "settle_upload", upload_id=upload_id, user_id=user_id, size_bytes=size_bytes, filename=f"{upload_id}.mp4",
            filepath=f"video/{upload_id}.mp4", title=title, format="mp4", duration_seconds=1.5,
        )  # fmt: skip

    def upload(self, user_id: uuid.UUID, size_bytes: int, title: str = "A video") -> Any:
        """The row of a video that was reserved and settled."""
        return self.settle(self.reserve(user_id, size_bytes), user_id, size_bytes, title)

    def release(self, upload_id: uuid.UUID, user_id: uuid.UUID, *, media_absent: bool = False) -> str:
        """The upload's state afterwards."""
        outcome = self.call(
            "release_upload", upload_id=upload_id, user_id=user_id, media_id=f"reelay/{upload_id}",
            media_absent=media_absent,
        )  # fmt: skip
        return str(outcome["state"])

    def watch(self, user_id: uuid.UUID, filename: str, *, allowance_bytes: int = 0) -> Any:
        return self.call(
            "reserve_playback", playback_id=uuid.uuid4(), user_id=user_id, filename=filename,
            allowance_bytes=allowance_bytes, lifetime_seconds=300,
        )  # fmt: skip

    def report(self, user_id: uuid.UUID, playback_id: str, used_bytes: int) -> int:
        """The highest figure that counts so far."""
        recorded = self.call("record_playback", playback_id=playback_id, user_id=user_id, used_bytes=used_bytes)
        return int(recorded["playback_used_bytes"])

    def usage(self, user_id: uuid.UUID) -> Any:
        return self.call("account_usage", user_id=user_id)

    def levels(self, user_id: uuid.UUID) -> tuple[int, int, int, int]:
        """(storage used, storage reserved, uploaded today, reserved today), in bytes, as they are kept."""
        (row,) = self.rows(
            """select storage_used_bytes, storage_reserved_bytes, coalesce(upload_used_bytes, 0) as used,
                 coalesce(upload_reserved_bytes, 0) as reserved
               from public.users u left join public.daily_usage d
                 on d.user_id = u.id and d.day = (now() at time zone 'utc')::date where u.id = %s""",
            user_id,
        )
        return row["storage_used_bytes"], row["storage_reserved_bytes"], row["used"], row["reserved"]

    def expire(self) -> None:
        """Makes every open reservation one that has just expired."""
        self.run("update public.uploads set expires_at = now() where state = 'open'")
        self.run("update public.playbacks set expires_at = now() where state = 'open'")

    def days_pass(self, days: int = 1) -> None:
        """Everything becomes that much older, as far as the day is concerned."""
        for table in ("uploads", "playbacks", "daily_usage", "usage_archive"):
            for step in (-10_000, 10_000 - days):  # in two steps: no row lands on the day that another one leaves
                self._connection.execute(
                    compose.SQL("update public.{} set day = day + %s").format(compose.Identifier(table)), (step,)
                )

    def purges(self) -> set[str]:
        return {row["media_id"] for row in self.rows("select media_id from public.media_purges")}

    def waiting(self) -> int:
        """How many sessions of this database wait for a lock."""
        with self.connect(role="reelay") as connection:  # another role would not be shown the others' waits
            waiting = connection.execute(
                "select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"
            )
            return waiting.rowcount

    def inconsistencies(self) -> list[dict[str, Any]]:
        """Kept figures that are not what they should be."""
        with self.connect(role="reelay") as connection:
            return connection.execute(_INCONSISTENCIES).fetchall()
