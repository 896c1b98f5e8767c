"""One direct upload as its client sees it, and the ways to send its file."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx

from tests.media.browser import Ticket, chunks, send_chunk
from tests.media.world import User


@dataclass
class Attempt:
    """`told` are the answers to finished uploads: what the host says of them in its notifications, the oldest first.

    `has_ended`: its time is over, by the database's clock; the host's signatures, whose clock is the real one, would
    still be good for it, but a client that comes so late is refused.
    """

    user: User
    ticket: Ticket
    announced: bool
    has_ended: bool = False
    told: list[dict[str, Any]] = field(default_factory=list)

    @property
    def id(self) -> str:
        return str(self.ticket["upload_id"])

    @property
    def media_id(self) -> str:
        return f"{self.user.folder}{self.id}"

    @property
    def size_bytes(self) -> int:
        return int(self.ticket["size_bytes"])

    def __repr__(self) -> str:
        return f"<{self.size_bytes} bytes of a {self.user.variant} user{', announced' * self.announced}>"

    def send(self, file: bytes, *, only: Sequence[int] = (), as_new: bool = False) -> None:
        """Sends the file's chunks, or some of them (from 1 on), until the host refuses one or hangs up.

        `as_new` is what a client does that takes the ticket for another file: nothing signed says which upload the
        chunks belong to.
        """
        ticket = self.ticket
        if as_new:
            ticket = {**ticket, "headers": {name: uuid.uuid4().hex for name in ticket["headers"]}}
        there = len(chunks(ticket, len(file))) if ticket["parts"] is None else len(ticket["parts"])
        numbers = only or range(1, len(chunks(ticket, len(file))) + 1)
        for number in numbers:
            if number > min(there, len(chunks(ticket, len(file)))):
                break  # a bucket has signed no address for it
            try:
                answer = send_chunk(ticket, file, number)
            except httpx.TransportError:  # the answer is lost, and what the host did is not known
                return
            assert answer.status_code < 500 or "Injected fault" in answer.text, answer.text
            if not answer.is_success:
                return
            self._remember(answer)

    def _remember(self, answer: httpx.Response) -> None:
        facts = answer.json() if answer.headers.get("Content-Type", "").startswith("application/json") else {}
        if "version" in facts:  # the last chunk's
            self.told.append({**facts, "notification_type": "upload"})
