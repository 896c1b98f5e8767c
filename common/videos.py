"""A video as the wire shows it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from common.media import Addresses, MediaHost


def present(row: Mapping[str, Any], media: MediaHost) -> dict[str, Any]:
    """The row of SQL's video_json with addresses: `filepath` to play, `hls_url` to play adaptively, `poster_url` to
    show; null where the media host has no such thing. `url_expires_at` is null for addresses that do not expire.

    Rows of the predecessor hold a whole address already.
    """
    path = row["filepath"]
    is_whole = path.startswith(("http://", "https://"))
    found = Addresses(path, re.sub(r"\.[A-Za-z0-9]+$", ".jpg", path), None) if is_whole else media.addresses(path)
    return {
        **row,
        "filepath": found.url,
        "poster_url": found.poster_url,
        "hls_url": found.hls_url,
        "url_expires_at": found.expires_at.isoformat() if found.expires_at else None,
    }
