"""The one way in which the commands of this directory give up."""

from __future__ import annotations


class StartFailure(Exception):
    """Why a command cannot begin, in one line that names the thing at fault and the cure."""
