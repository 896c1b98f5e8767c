"""Ports of the inner services: any free one at first, the same one at the next start."""

from __future__ import annotations

import random
import socket
from collections.abc import Iterable

from local.failure import StartFailure

# Below every system's ephemeral range: an outgoing connection must not take the port of a process while it restarts.
LOWEST, HIGHEST = 20_000, 29_999
_TRIES = 200


def is_free(port: int) -> bool:
    """Whether a server could listen on 127.0.0.1:`port` now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # Without this, connections of the previous run in TIME_WAIT would make its ports look taken.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
            probe.listen(1)
        except OSError:
            return False
    return True


def choose(names: Iterable[str], remembered: dict[str, object]) -> dict[str, int]:
    """A port for each name: the remembered one if it is still free, otherwise a free one at random."""
    chosen: dict[str, int] = {}
    for name in names:
        port = remembered.get(name)
        if not isinstance(port, int) or port in chosen.values() or not is_free(port):
            port = _any_free(set(chosen.values()))
        chosen[name] = port
    return chosen


def _any_free(taken: set[int]) -> int:
    for _ in range(_TRIES):
        port = random.randint(LOWEST, HIGHEST)  # noqa: S311 - it only has to be free, not secret
        if port not in taken and is_free(port):
            return port
    raise StartFailure(f"No free port between {LOWEST} and {HIGHEST}: stop what listens there.")
