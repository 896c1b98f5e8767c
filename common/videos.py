"""A video as the wire shows it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from common.media import poster_path


def present(row: Mapping[str, Any], delivery_url: str) -> dict[str, Any]:
    """The row of SQL's video_json with addresses: `filepath` to play, `poster_url` to show.

    Rows of the predecessor hold a whole address already.
    """
    path = row["filepath"]
    address = path if path.startswith(("http://", "https://")) else f"{delivery_url}/{path}"
    return {**row, "filepath": address, "poster_url": poster_path(address)}
