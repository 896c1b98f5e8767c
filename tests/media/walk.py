"""A random walk over everything that can become of direct uploads: one step is one thing that somebody does."""

from __future__ import annotations

import sys
import uuid

from hypothesis import strategies as st
from hypothesis.stateful import Bundle, MultipleResults, RuleBasedStateMachine, initialize, invariant, multiple, rule

from tests.media.breakage import FAULTS, HOST_FAILS, SQL_FAILS, host_fault, lost_sql
from tests.media.deeds import BIG_BYTES, DEEDS, FILES, FORGERIES, LOSSES, SIZES, TITLES, USUALLY, Deeds
from tests.media.uploader import Attempt
from tests.media.world import World


class Walk(RuleBasedStateMachine):
    """Every step is followed by the whole check."""

    attempts: Bundle[Attempt] = Bundle("attempts")

    def __init__(self, world: World) -> None:
        super().__init__()
        self.world = world
        self.deeds = Deeds(world)

    @initialize(target=attempts, announced=st.booleans())
    def begin(self, announced: bool) -> MultipleResults[Attempt]:
        self.deeds.ask(self.deeds.users[0], SIZES[1], announced=announced)
        return self._handed_out()

    @rule(
        target=attempts,
        user=st.sampled_from([0, 1]),
        size_bytes=st.sampled_from(SIZES),
        title=st.sampled_from(TITLES),
        content_type=st.sampled_from(["video/mp4", "video/mp4", "video/webm"]),
        announced=st.sampled_from([False, False, False, True]),
    )
    def ask(
        self, user: int, size_bytes: int, title: str, content_type: str, announced: bool
    ) -> MultipleResults[Attempt]:
        self.deeds.ask(self.deeds.users[user], size_bytes, title, content_type, announced=announced)
        return self._handed_out()

    @rule(target=attempts, number=st.sampled_from([1, 2]), whole=st.booleans(), ends=st.booleans())
    def send_two_chunks(self, number: int, whole: bool, ends: bool) -> MultipleResults[Attempt]:
        """A large file: one of its two chunks, the other one too, and the end of it."""
        self.deeds.ask(self.deeds.users[2], BIG_BYTES, announced=False)
        for attempt in self.deeds.fresh:
            file = self.world.video(attempt.size_bytes)
            attempt.send(file, only=[number])
            if whole:
                attempt.send(file)
            if ends:
                self.world.complete(attempt.user, attempt.id)
        return self._handed_out()

    @rule(attempt=attempts, what=st.sampled_from(FILES), as_new=st.booleans())
    def send(self, attempt: Attempt, what: str, as_new: bool) -> None:
        self.deeds.send(attempt, what, as_new=as_new)
        self.deeds.wait_for_host(attempt)

    @rule(attempt=attempts, what=st.sampled_from(FILES), fault=st.sampled_from(["423", "500", "lose_answer"]))
    def send_to_a_host_that_fails(self, attempt: Attempt, what: str, fault: str) -> None:
        with host_fault(self.world, "write", fault, 1):
            self.deeds.send(attempt, what, as_new=False)
        self.deeds.wait_for_host(attempt)

    @rule(target=attempts, attempt=attempts, deed=st.sampled_from(DEEDS))
    def do(self, attempt: Attempt, deed: str) -> MultipleResults[Attempt]:
        self.deeds.plan(deed, attempt)()
        self.deeds.wait_for_host(attempt)
        return self._handed_out()

    @rule(target=attempts, user=st.sampled_from([0, 1]), what=st.sampled_from(USUALLY), lost=st.sampled_from(LOSSES))
    def upload(self, user: int, what: str, lost: str) -> MultipleResults[Attempt]:
        """From the ticket to the video, as most do; on a bad line some answers are lost, and the client tries again."""
        self.deeds.upload(self.deeds.users[user], what, lost)
        return self._handed_out()

    @rule(
        target=attempts,
        attempt=attempts,
        what=st.sampled_from(HOST_FAILS),
        fault=st.sampled_from(FAULTS),
        times=st.sampled_from([None, 1]),
    )
    def do_with_a_host_that_fails(
        self, attempt: Attempt, what: tuple[str, str], fault: str, times: int | None
    ) -> MultipleResults[Attempt]:
        deed, operation = what
        planned = self.deeds.plan(deed, attempt)
        with host_fault(self.world, operation, fault, times):
            planned()
        self.deeds.wait_for_host(attempt)
        return self._handed_out()

    @rule(
        target=attempts,
        attempt=attempts,
        what=st.sampled_from(SQL_FAILS),
        arrives=st.sampled_from([True, True, False]),
    )
    def do_without_an_answer_of_supabase(
        self, attempt: Attempt, what: tuple[str, str], arrives: bool
    ) -> MultipleResults[Attempt]:
        deed, functions = what
        planned = self.deeds.plan(deed, attempt)
        with lost_sql(self.world, functions, arrives=arrives):
            planned()
        self.deeds.wait_for_host(attempt)
        return self._handed_out()

    @rule(
        target=attempts,
        attempt=attempts,
        other=attempts,
        deeds=st.tuples(st.sampled_from(DEEDS), st.sampled_from(DEEDS)),
        is_same=st.booleans(),
    )
    def do_two_things_at_once(
        self, attempt: Attempt, other: Attempt, deeds: tuple[str, str], is_same: bool
    ) -> MultipleResults[Attempt]:
        other = attempt if is_same else other
        self.deeds.together(self.deeds.plan(deeds[0], attempt), self.deeds.plan(deeds[1], other))
        for one in (attempt, other):
            self.deeds.wait_for_host(one)
        return self._handed_out()

    @rule(attempt=attempts, which=st.sampled_from(["somebody else", "unknown", *FORGERIES]))
    def intrude(self, attempt: Attempt, which: str) -> None:
        """Nobody learns of, ends or goes on with another user's upload, or speaks in the host's name."""
        if which in FORGERIES:
            self.deeds.forge(attempt, which)
            return
        other = next(user for user in self.deeds.users if user is not attempt.user)
        user, upload_id = (other, attempt.id) if which == "somebody else" else (attempt.user, str(uuid.uuid4()))
        assert self.world.complete(user, upload_id).kind == (404, "upload_not_found")
        assert self.world.again(user, upload_id).kind == (404, "upload_not_found")
        assert self.world.delete(user, upload_id).kind == (404, "video_not_found")
        assert self.world.delete(user, f"{upload_id}.mp4").kind == (404, "video_not_found")

    @rule(attempt=attempts, how=st.sampled_from(["one ends", "one ends, and the job runs", "the job runs", "an hour"]))
    def let_time_pass(self, attempt: Attempt, how: str) -> None:
        """One reservation is over, or all are."""
        if how.startswith("one ends"):
            self.deeds.expire(attempt)
        if how == "an hour":
            self.deeds.pass_time()
        if how != "one ends":
            self.world.run_job()

    @rule(attempt=attempts)
    def lose_the_file(self, attempt: Attempt) -> None:
        held = self.world.shelf.holdings([attempt.user.folder])
        if attempt.media_id not in held.files:
            return
        self.world.shelf.lose(attempt.media_id)
        self.deeds.ledger.lost.add(attempt.media_id)
        if attempt.media_id in self.deeds.books.open_ids:
            assert self.world.complete(attempt.user, attempt.id).kind == (409, "upload_incomplete")

    @invariant()
    def no_byte_leaks(self) -> None:
        self.deeds.check()
        self.world.steps += 1

    def teardown(self) -> None:
        """The end of all things: what has not become a video by now never will."""
        if sys.exc_info()[0] is not None:
            return  # what went wrong is the thing to report
        self.deeds.pass_time()
        self.world.run_job()
        self.deeds.ledger.check_end()
        self.deeds.delete_everything()
        self.deeds.pass_time()
        self.world.run_job()
        self.deeds.ledger.check_end()

    def _handed_out(self) -> MultipleResults[Attempt]:
        return multiple(*self.deeds.handed_out())
