"""The promise itself: no byte leaks. What the database keeps, what the host holds and what is queued must agree."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.media.held import Holdings
from tests.media.world import User, World


@dataclass(frozen=True)
class Books:
    """What the database says of some users at one moment. `videos` are visible ones, `open` are open uploads."""

    users: dict[uuid.UUID, dict[str, Any]]
    days: dict[uuid.UUID, tuple[int, int]]  # (used, reserved) upload bytes, over all days
    settled: dict[uuid.UUID, int]  # bytes of every video there ever was
    videos: list[dict[str, Any]]
    open: list[dict[str, Any]]
    purges: set[str]

    @property
    def visible_ids(self) -> set[str]:
        return {video["media_id"] for video in self.videos}

    @property
    def open_ids(self) -> set[str]:
        return {upload["media_id"] for upload in self.open}


def read(world: World, users: Sequence[User]) -> Books:
    ids = [user.id for user in users]
    with world.sql.transaction():
        world.sql.run("set transaction isolation level repeatable read")
        rows = world.sql.rows("select * from public.users where id = any(%s)", ids)
        days = world.sql.rows("select * from public.daily_usage where user_id = any(%s)", ids)
        videos = world.sql.rows("select * from public.videos where user_id = any(%s)", ids)
        uploads = world.sql.rows("select * from public.uploads where user_id = any(%s) and state = 'open'", ids)
        purges = world.sql.purges()
    settled: dict[uuid.UUID, int] = defaultdict(int)
    for video in videos:
        settled[video["user_id"]] += video["size_bytes"]
    kept: dict[uuid.UUID, tuple[int, int]] = {user_id: (0, 0) for user_id in ids}
    for day in days:
        used, reserved = kept[day["user_id"]]
        kept[day["user_id"]] = used + day["upload_used_bytes"], reserved + day["upload_reserved_bytes"]
    return Books(
        users={row["id"]: row for row in rows},
        days=kept,
        settled=settled,
        videos=[video for video in videos if video["deleted_at"] is None],
        open=uploads,
        purges={media_id for media_id in purges if media_id.startswith(tuple(user.folder for user in users))},
    )


@dataclass
class Ledger:
    """Checks after every step. `lost` are the media ids whose file was taken away behind our back."""

    world: World
    users: Sequence[User]
    lost: set[str] = field(default_factory=set)
    _uploaded: dict[uuid.UUID, int] = field(default_factory=lambda: defaultdict(int))

    def check(self) -> Books:
        books = read(self.world, self.users)
        held = self.world.shelf.holdings([user.folder for user in self.users])
        for user in self.users:
            self._check_totals(user, books)
        self._check_sizes(books, held)
        self._check_every_file(books, held)
        ids = {user.id for user in self.users}
        assert [one for one in self.world.sql.inconsistencies() if one["owner"] in ids] == []
        return books

    def check_end(self) -> None:
        """After everything has ended and the daily job has run: visible videos, and nothing else at all."""
        books = self.check()
        held = self.world.shelf.holdings([user.folder for user in self.users])
        assert set(held.files) - self.lost == books.visible_ids - self.lost, "files of nobody, or videos without a file"
        assert dict(held.parts) == {}, "parts of nobody"
        assert books.open == []
        assert books.purges == set(), "still to be purged"
        for user in self.users:
            assert books.users[user.id]["storage_reserved_bytes"] == 0
            assert books.days[user.id][1] == 0

    def _check_totals(self, user: User, books: Books) -> None:
        row = books.users[user.id]
        reserved = sum(upload["reserved_bytes"] for upload in books.open if upload["user_id"] == user.id)
        used = sum(video["size_bytes"] for video in books.videos if video["user_id"] == user.id)
        assert (row["storage_used_bytes"], row["storage_reserved_bytes"]) == (used, reserved)
        assert books.days[user.id] == (books.settled[user.id], reserved)
        assert used + reserved <= user.storage_bytes
        assert books.settled[user.id] + reserved <= user.bandwidth_bytes
        assert books.settled[user.id] >= self._uploaded[user.id], "the day's bandwidth was given back"
        self._uploaded[user.id] = books.settled[user.id]

    def _check_sizes(self, books: Books, held: Holdings) -> None:
        """A video is as large as its one file, and no part of another attempt is left beside it."""
        for video in books.videos:
            media_id = video["media_id"]
            if media_id not in self.lost:
                assert held.files.get(media_id) == [video["size_bytes"]], f"{media_id}: {held.files.get(media_id)}"

    def _check_every_file(self, books: Books, held: Holdings) -> None:
        accounted = books.visible_ids | books.open_ids | books.purges
        assert set(held.files) - accounted == set(), "files that nothing names"
        under_way = books.open_ids | books.purges
        assert {media_id for media_id, size in held.parts.items() if size} - under_way == set(), "parts of nobody"
        # What the queue names is destroyed sooner or later.
        assert books.purges & (books.visible_ids | books.open_ids) == set(), "queued, and still wanted"
