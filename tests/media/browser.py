"""What a page does with a ticket: sends a file to the media host itself, chunk by chunk."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import httpx

Ticket = Mapping[str, Any]


def chunks(ticket: Ticket, size_bytes: int) -> list[tuple[int, int]]:
    """(offset, length) of each chunk, in bytes."""
    step = ticket["chunk_size_bytes"]
    return [(offset, min(step, size_bytes - offset)) for offset in range(0, size_bytes, step)]


def send_chunk(ticket: Ticket, file: bytes, number: int) -> httpx.Response:
    """Sends one chunk (from 1 on), as docs/api.md says."""
    offset, length = chunks(ticket, len(file))[number - 1]
    chunk = file[offset : offset + length]
    with httpx.Client(trust_env=False, timeout=60) as client:
        if ticket["parts"] is not None:
            return client.put(ticket["parts"][number - 1]["url"], content=chunk)
        headers = {**ticket["headers"], "Content-Range": f"bytes {offset}-{offset + length - 1}/{len(file)}"}
        return client.post(ticket["url"], data=ticket["fields"], files={"file": ("clip", chunk)}, headers=headers)


def send(ticket: Ticket, file: bytes, *, but: Collection[int] = ()) -> httpx.Response:
    """Sends every chunk, in order, except those that are left out; the last answer."""
    numbers = [number for number, _ in enumerate(chunks(ticket, len(file)), 1) if number not in but]
    for number in numbers:
        answer = send_chunk(ticket, file, number)
        assert answer.is_success, answer.text
    return answer
