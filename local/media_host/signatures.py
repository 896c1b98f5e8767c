"""Cloudinary's signatures as pure functions: plain digests of text and secret, not HMACs.

Sources: cloudinary/pycloudinary utils.py (`api_sign_request`, `verify_notification_signature`, `cloudinary_url`).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping

UNSIGNED_PARAMS = frozenset({"file", "api_key", "signature", "resource_type", "cloud_name"})
ALGORITHM_BY_HEX_LENGTH = {40: "sha1", 64: "sha256"}
# (algorithm, length) of the `s--...--` forms that the SDK writes: short, short with SHA-256 accounts, long.
DELIVERY_FORMS = (("sha1", 8), ("sha256", 8), ("sha256", 32))


def string_to_sign(params: Mapping[str, str], *, version: int = 2) -> str:
    """`key=value` pairs, sorted and joined with `&`; empty values and UNSIGNED_PARAMS are left out.

    From version 2 on an `&` inside a pair becomes `%26`, so that a value cannot smuggle in a parameter. Answers of the
    service itself are signed with version 1.
    """
    pairs = [f"{key}={value}" for key, value in params.items() if key not in UNSIGNED_PARAMS and value]
    if version >= 2:
        pairs = [pair.replace("&", "%26") for pair in pairs]
    return "&".join(sorted(pairs))


def hex_digest(text: str, algorithm: str) -> str:
    return hashlib.new(algorithm, text.encode(), usedforsecurity=False).hexdigest()


def sign(params: Mapping[str, str], secret: str, *, algorithm: str = "sha1", version: int = 2) -> str:
    """The hex signature of an API call's params."""
    return hex_digest(string_to_sign(params, version=version) + secret, algorithm)


def is_signed(params: Mapping[str, str], signature: str, secret: str) -> bool:
    """Whether `signature` (SHA-1 or SHA-256, told by its length) belongs to `params`; in constant time."""
    algorithm = ALGORITHM_BY_HEX_LENGTH.get(len(signature))
    if algorithm is None:
        return False
    return hmac.compare_digest(sign(params, secret, algorithm=algorithm).encode(), signature.encode())


def sign_notification(body: str, timestamp: int, secret: str, *, algorithm: str = "sha1") -> str:
    """The `X-Cld-Signature` of a webhook: over the exact body that is sent, then the timestamp, then the secret."""
    return hex_digest(f"{body}{timestamp}{secret}", algorithm)


def is_signed_delivery(signed_path: str, signature: str, secret: str) -> bool:
    """Whether `signature` (the part inside `s--...--`) belongs to `[transformations/]public_id.ext`.

    The version is not part of the signed path: it may change without the address becoming invalid.
    """
    return any(
        hmac.compare_digest(_delivery_signature(signed_path, secret, algorithm)[:length], signature.encode())
        for algorithm, length in DELIVERY_FORMS
    )


def sign_delivery(signed_path: str, secret: str, *, algorithm: str = "sha1") -> str:
    """The short form, as the service writes it into its answers."""
    return _delivery_signature(signed_path, secret, algorithm)[:8].decode()


def _delivery_signature(signed_path: str, secret: str, algorithm: str) -> bytes:
    digest = hashlib.new(algorithm, f"{signed_path}{secret}".encode(), usedforsecurity=False).digest()
    return base64.urlsafe_b64encode(digest)
