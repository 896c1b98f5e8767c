"""Whatever happens in whatever order, alone or at once: kept figures stay right, limits hold, nothing deadlocks."""

from __future__ import annotations

import json
import random
import uuid
from collections import Counter

from tests.supabase.scratch import Refused, Sql

STEPS = 150
STORAGE, BANDWIDTH, ALLOWANCE = 3_000, 2_500, 700


class Everybody:
    """Does something at random, for a few users whose uploads, videos and playbacks all threads share."""

    def __init__(self, sql: Sql, users: int) -> None:
        self._sql = sql
        self._users = [sql.user() for _ in range(users)]
        self._uploads = [(uuid.uuid4(), self._users[0])]  # one that nobody has reserved
        self._files = ["unknown.mp4"]
        self._playbacks = [(str(uuid.uuid4()), self._users[0])]
        self.outcomes: Counter[str] = Counter()

    def act(self, seed: int) -> None:
        """STEPS steps. A business error is an outcome like any other; any other error ends the test."""
        dice = random.Random(seed)  # noqa: S311 - repeatable on purpose
        steps = [
            self.reserve, self.reserve, self.reserve, self.resize, self.settle, self.settle, self.release, self.delete,
            self.watch, self.report, self.expire, self.usage, self.close_day, self.purge, self.log, self.log_in,
        ]  # fmt: skip
        for _ in range(STEPS):
            step = dice.choice(steps)
            try:
                step(dice)
                self.outcomes[step.__name__] += 1
            except Refused as refused:
                self.outcomes[f"{step.__name__}: {refused}"] += 1

    def reserve(self, dice: random.Random) -> None:
        user, kind = dice.choice(self._users), dice.choice(["direct", "multipart"])
        self._reserve(uuid.uuid4(), user, kind, dice.randint(0, 900))

    def resize(self, dice: random.Random) -> None:
        self._reserve(*dice.choice(self._uploads), "direct", dice.randint(0, 900))

    def _reserve(self, upload_id: uuid.UUID, user: uuid.UUID, kind: str, size_bytes: int) -> None:
        limits = {"storage_limit_bytes": STORAGE, "bandwidth_limit_bytes": BANDWIDTH}
        self._sql.reserve(user, size_bytes, upload_id=upload_id, kind=kind, **limits)
        self._uploads.append((upload_id, user))

    def settle(self, dice: random.Random) -> None:
        upload = dice.choice(self._uploads[-8:])
        self._files.append(self._sql.settle(*upload, dice.randint(0, 900))["filename"])

    def release(self, dice: random.Random) -> None:
        self._sql.release(*dice.choice(self._uploads[-8:]), media_absent=dice.random() < 0.5)

    def delete(self, dice: random.Random) -> None:
        filename = dice.choice(self._files[-8:]) if dice.random() < 0.97 else None
        self._sql.call("delete_videos", user_id=dice.choice(self._users), filename=filename)

    def watch(self, dice: random.Random) -> None:
        user = dice.choice(self._users)
        playback = self._sql.watch(user, dice.choice(self._files[-8:]), allowance_bytes=ALLOWANCE)
        self._playbacks.append((playback["playback_id"], user))

    def report(self, dice: random.Random) -> None:
        playback_id, user = dice.choice(self._playbacks)
        self._sql.report(user, playback_id, dice.randint(0, 900))

    def expire(self, dice: random.Random) -> None:
        upload_id, _ = dice.choice(self._uploads)
        self._sql.run("update public.uploads set expires_at = now() - interval '1 second' where id = %s", upload_id)
        playback_id, _ = dice.choice(self._playbacks)
        self._sql.run("update public.playbacks set expires_at = now() - interval '1 second' where id = %s", playback_id)

    def usage(self, dice: random.Random) -> None:
        usage = self._sql.usage(dice.choice(self._users))
        assert usage["storage_used_bytes"] + usage["storage_reserved_bytes"] <= STORAGE
        assert usage["upload_used_bytes"] + usage["upload_reserved_bytes"] <= BANDWIDTH

    def close_day(self, dice: random.Random) -> None:
        self._sql.call("close_day", batch=dice.choice([1, 100]))

    def purge(self, dice: random.Random) -> None:
        media_ids = self._sql.call("claim_purges", batch=5)["media_ids"]
        self._sql.call("finish_purges", media_ids=dice.sample(media_ids, len(media_ids)))

    def log(self, dice: random.Random) -> None:
        fixed = {"action_type": "LOGIN", "description": "x", "service_name": "login", "created_at": "2026-01-01T00:00Z"}
        events = [
            {"id": str(uuid.UUID(int=dice.randint(1, 200))), "user_id": str(dice.choice(self._users)), **fixed}
            for _ in range(10)
        ]
        self._sql.call("insert_logs", events=json.dumps(events))

    def log_in(self, dice: random.Random) -> None:
        who = {"email": f"{dice.choice(self._users)}@example.com", "address": f"192.0.2.{dice.randint(1, 3)}"}
        self._sql.call("begin_login", **who, account_limit=3, address_limit=50, window_seconds=900)
        if dice.random() < 0.5:
            self._sql.call("finish_login", **who)


def test_one_after_the_other(sql: Sql) -> None:
    everybody = Everybody(sql, 2)
    for seed in range(4):
        everybody.act(seed)
        sql.days_pass()
        assert sql.inconsistencies() == []
    # The walk went everywhere: else it shows nothing.
    refusals = {outcome.rpartition(" ")[2] for outcome in everybody.outcomes}
    assert refusals >= {
        "storage_quota_exceeded", "bandwidth_quota_exceeded", "playback_quota_exceeded", "upload_in_progress",
        "upload_expired", "larger_than_reserved", "video_not_found", "playback_not_found", "too_many_attempts",
    }  # fmt: skip


def test_all_at_once(sql: Sql) -> None:
    everybody = Everybody(sql, 3)
    sql.together(6, everybody.act)
    assert everybody.outcomes.total() == 6 * STEPS
    assert sql.inconsistencies() == []
    for row in sql.rows("select storage_used_bytes + storage_reserved_bytes as bytes from public.users"):
        assert row["bytes"] <= STORAGE
