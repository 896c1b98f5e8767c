"""Notifications of the media host, and the signature that tells them from anybody's.

https://cloudinary.com/documentation/notification_signatures
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence
from datetime import datetime

from common.errors import InvalidSignature

FRESH_SECONDS = 7200  # as long as Cloudinary's own SDK takes one for fresh
_ALGORITHMS = {40: "sha1", 64: "sha256"}  # by the length in hex digits


def require_signature(
    body: bytes, timestamp: str | None, signature: str | None, secrets: Sequence[str], now: datetime
) -> None:
    """Refuses what none of the `secrets` has signed, and what is FRESH_SECONDS away, with InvalidSignature.

    The signature is the digest of the body's very bytes, the timestamp (Unix seconds) and the secret: X-Cld-Signature,
    X-Cld-Timestamp. One that comes again within that time changes nothing: see common/direct_uploads.py.
    """
    timestamp, signature = timestamp or "", signature or ""
    algorithm = _ALGORITHMS.get(len(signature))
    if algorithm is None or not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) < 12):
        raise InvalidSignature
    if abs(now.timestamp() - int(timestamp)) > FRESH_SECONDS:
        raise InvalidSignature
    expected = [hashlib.new(algorithm, body + timestamp.encode() + one.encode()).hexdigest() for one in secrets]
    # All of them are compared, so that the time taken does not tell which one came close.
    if not sum(hmac.compare_digest(one.encode(), signature.lower().encode()) for one in expected):
        raise InvalidSignature
