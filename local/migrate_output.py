"""What `make migrate` tells the one who started it."""

from __future__ import annotations

import os
import sys


def tell(text: str) -> None:
    """Print a line. A reader that has gone (`| head -1`) must not stop it between two migrations."""
    try:
        print(text, flush=True)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or the interpreter complains at its end
