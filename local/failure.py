"""The one way in which the local cloud gives up."""

from __future__ import annotations


class StartFailure(Exception):
    """Why the local cloud cannot start, in one line that names the thing at fault and the cure."""
