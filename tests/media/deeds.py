"""What somebody can do in one step: planned with what is known before it, and done alone, at once, or under a fault."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from contextlib import nullcontext
from threading import Barrier
from typing import Any

from tests.cloud import eventually
from tests.media.breakage import host_fault, lost_sql
from tests.media.ledger import Books, Ledger, read
from tests.media.uploader import Attempt
from tests.media.world import User, World

Doing = Callable[[], object]

SIZES = (30_000, 45_000, 60_000)
BIG_BYTES = 8 * 1024 * 1024 + 40_000  # two chunks
TITLES = ("A video", "Tom & Jerry = <b>\"'100%'</b>", "🎬 ünï\u0301 \u202ertl", "a" * 200)
FILES = ("the right one", "a smaller one", "a larger one", "no video")
USUALLY = ("the right one", "the right one", "the right one", *FILES)
DEEDS = (
    "complete", "again", "cancel", "delete", "delete all", "send", "send as new", "notify", "notify first",
    "form", "form with text", "ticket", "job",
)  # fmt: skip

FORGERIES = ("stale", "unsigned", "unknown", "other account's")
# Whose answer is lost: the host's to the ticket, Supabase's to the settling, which arrives or does not.
LOSSES = ("none", "none", "none", "ticket", "settling", "unsettled", "ticket, unsettled")
# What becomes of an upload for good.
OVER = {(404, "video_not_found"), (410, "upload_expired"), (413, "larger_than_reserved"), (415, "not_a_video")}


class Deeds:
    """The people of one example. `fresh` collects the tickets that were handed out during a step."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.users = [world.user("tight"), world.user("thrifty"), world.user("roomy")]
        self.ledger = Ledger(world, self.users)
        self.books: Books = read(world, self.users)
        self.fresh: list[Attempt] = []
        self._begun: list[Attempt] = []

    def check(self) -> None:
        self.books = self.ledger.check()

    def plan(self, deed: str, attempt: Attempt) -> Doing:
        """Decides now, with what is known, and does it when it is called, perhaps in another thread."""
        world, user = self.world, attempt.user
        filename = next((video["filename"] for video in self.books.videos if video["user_id"] == user.id), "no.mp4")
        told = attempt.told or ([self.facts(attempt)] if world.is_s3 else [])
        doings: dict[str, Doing] = {
            "complete": lambda: world.complete(user, attempt.id),
            "again": lambda: self._again(attempt),
            "cancel": lambda: world.delete(user, attempt.id),
            "delete": lambda: world.delete(user, filename),
            "delete all": lambda: world.delete(user, "all"),
            "send": lambda: self.send(attempt, "the right one", as_new=False),
            "send as new": lambda: self.send(attempt, "the right one", as_new=True),
            "notify": lambda: [world.notify(facts) for facts in told[-1:]],
            "notify first": lambda: [world.notify(facts) for facts in told[:1]],
            "form": lambda: world.form(user, world.video(SIZES[0]), TITLES[1]),
            "form with text": lambda: world.form(user, b"no video " * 2_000, TITLES[0]),
            "ticket": lambda: self.ask(user, SIZES[0], announced=False),
            "job": world.run_job,
        }
        return doings[deed]

    def together(self, *doings: Doing) -> None:
        barrier = Barrier(len(doings), timeout=30)

        def one(doing: Doing) -> None:
            barrier.wait()
            doing()

        for future in [self.world.threads.submit(one, doing) for doing in doings]:
            future.result(120)

    def ask(
        self, user: User, size_bytes: int, title: str = TITLES[0], content_type: str = "video/mp4", *, announced: bool
    ) -> None:
        answer = self.world.ticket(user, size_bytes, title, content_type, announced=announced)
        if answer.status == 201:
            self.fresh.append(Attempt(user, answer.body, announced and not self.world.is_s3))

    def upload(self, user: User, what: str, lost: str) -> None:
        """Asks, sends one of FILES and completes; after one of LOSSES it all goes on with the same ticket."""
        with host_fault(self.world, "write", "lose_answer", 1) if "ticket" in lost else nullcontext():
            self.ask(user, SIZES[0], announced=False)
        for attempt in self.fresh:
            self.send(attempt, what, as_new=False)
            if lost in ("none", "ticket"):
                self.world.complete(user, attempt.id)
                continue
            with lost_sql(self.world, "settle_direct_upload", arrives=lost == "settling"):
                self.world.complete(user, attempt.id)
            self._again(attempt)
            self.send(attempt, what, as_new=False)
            self.world.complete(user, attempt.id)

    def forge(self, attempt: Attempt, which: str) -> None:
        """One of FORGERIES: a notification that the host did not send like this, or not for us."""
        named = {"unknown": f"{attempt.user.folder}{uuid.uuid4()}", "other account's": "others/holiday"}
        facts = {**self.facts(attempt), "public_id": named.get(which, attempt.media_id)}
        secret = "a guess" if which == "unsigned" else None
        status = self.world.notify(facts, age_seconds=7_300 * (which == "stale"), secret=secret).status
        assert status == (200 if which in named and not self.world.is_s3 else 401)

    def handed_out(self) -> list[Attempt]:
        """The tickets of this step, each once."""
        fresh, self.fresh = self.fresh, []
        self._begun += fresh
        return fresh

    def send(self, attempt: Attempt, what: str, *, as_new: bool) -> None:
        """One of FILES. `as_new`: see Attempt.send."""
        if attempt.has_ended:
            return
        size_bytes = attempt.size_bytes
        files: dict[str, Callable[[], bytes]] = {
            "the right one": lambda: self.world.video(size_bytes),
            "a smaller one": lambda: self.world.video(25_000),
            "a larger one": lambda: self.world.video(size_bytes + 5_000),
            "no video": lambda: b"no video " * (size_bytes // 9) + b"!" * (size_bytes % 9),
        }
        attempt.send(files[what](), as_new=as_new)

    def facts(self, attempt: Attempt) -> dict[str, Any]:
        """What the host says of this upload, or would say."""
        likely = {"resource_type": "video", "type": "upload", "version": 1, "format": "mp4", "duration": 1.0}
        likely |= {"notification_type": "upload", "public_id": attempt.media_id, "bytes": attempt.size_bytes}
        return attempt.told[-1] if attempt.told else likely

    def wait_for_host(self, attempt: Attempt) -> None:
        """Until the host's own notification of what it holds has done its work."""
        if attempt.announced:
            eventually(lambda: self._is_told(attempt))

    def delete_everything(self) -> None:
        """Every video goes, and what has ended stays ended, however often it is asked for."""
        for user in self.users:
            self.world.delete(user, "all")
        for attempt in self._begun[-5:]:
            answer = self.world.complete(attempt.user, attempt.id)
            assert answer.kind in OVER

    def expire(self, attempt: Attempt) -> None:
        """One open reservation is over; nobody has looked at it since."""
        self.world.sql.run(
            "update public.uploads set expires_at = now() - interval '1 second' where id = %s and state = 'open'",
            attempt.id,
        )
        attempt.has_ended = True

    def pass_time(self) -> None:
        """More than an hour: tickets end, and what is queued is due."""
        ids, prefixes = [user.id for user in self.users], [f"{user.folder}%" for user in self.users]
        self.world.sql.run(
            "update public.uploads set expires_at = expires_at - interval '80 minutes' where user_id = any(%s)", ids
        )
        self.world.sql.run(
            """update public.media_purges set last_attempt_at = last_attempt_at - interval '80 minutes',
                 not_before = not_before - interval '80 minutes' where media_id like any(%s)""", prefixes,
        )  # fmt: skip
        for attempt in self._begun:
            attempt.has_ended = True

    def _again(self, attempt: Attempt) -> None:
        answer = self.world.again(attempt.user, attempt.id, announced=attempt.announced)
        if answer.status == 200:
            attempt.ticket = answer.body

    def _is_told(self, attempt: Attempt) -> bool:
        """Whether no open upload has its file: what comes later can only destroy what is queued for it anyway."""
        open_ids = read(self.world, [attempt.user]).open_ids
        return attempt.media_id not in open_ids & set(self.world.shelf.holdings([attempt.user.folder]).files)
