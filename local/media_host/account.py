"""The one Cloudinary account that this host serves, and who may act for it."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Self
from urllib.parse import parse_qs, urlsplit

from werkzeug.datastructures import Authorization

from local.media_host import signatures
from local.media_host.errors import bad_request, unauthorized

SIGNATURE_VALID_SECONDS = 3600


@dataclass(frozen=True)
class Account:
    """`algorithm` is what this account signs its own answers and webhooks with; it accepts both in requests."""

    cloud: str
    key: str
    secret: str = field(repr=False)
    algorithm: str = "sha1"

    @classmethod
    def from_url(cls, url: str) -> Self:
        """`cloudinary://KEY:SECRET@CLOUD[?signature_algorithm=sha256]`, read as the SDK reads it.

        Other options of the query are the SDK's business and ignored. Raises ValueError for anything else.
        """
        parts = urlsplit(url)
        if parts.scheme != "cloudinary" or not (parts.hostname and parts.username and parts.password):
            raise ValueError("expected cloudinary://KEY:SECRET@CLOUD")
        algorithm = parse_qs(parts.query).get("signature_algorithm", ["sha1"])[0]
        if algorithm not in signatures.ALGORITHM_BY_HEX_LENGTH.values():
            raise ValueError("signature_algorithm must be sha1 or sha256")
        return cls(cloud=parts.hostname, key=parts.username, secret=parts.password, algorithm=algorithm)

    def require_cloud(self, cloud: str) -> None:
        """Raises 401, as the real service answers for a cloud that it does not know."""
        if cloud != self.cloud:
            raise unauthorized(f"Invalid cloud_name {cloud}")

    def require_signature(self, params: Mapping[str, str], *, now: datetime) -> None:
        """Check a signed upload-API call.

        Raises 400 for a missing param or a timestamp older than an hour, 401 for an unknown key or a bad signature.
        """
        for name in ("api_key", "timestamp", "signature"):
            if not params.get(name):
                raise bad_request(f"Missing required parameter - {name}")
        if params["api_key"] != self.key:
            raise unauthorized("unknown api_key")
        if not signatures.is_signed(params, params["signature"], self.secret):
            signed = signatures.string_to_sign(params)
            raise unauthorized(f"Invalid Signature {params['signature']}. String to sign - '{signed}'.")
        _require_fresh(params["timestamp"], now=now)

    def require_credentials(self, credentials: Authorization | None) -> None:
        """Check the HTTP Basic credentials of an Admin API call; raises 401."""
        if credentials is None or credentials.type != "basic" or credentials.username != self.key:
            raise unauthorized("unknown api_key")
        if not hmac.compare_digest((credentials.password or "").encode(), self.secret.encode()):
            raise unauthorized("api_secret mismatch")

    def sign_answer(self, public_id: str, version: int) -> str:
        """The `signature` of an upload's answer: signature version 1, whatever requests are signed with."""
        params = {"public_id": public_id, "version": str(version)}
        return signatures.sign(params, self.secret, algorithm=self.algorithm, version=1)

    def sign_delivery(self, signed_path: str) -> str:
        """The part inside `s--...--` of an address."""
        return signatures.sign_delivery(signed_path, self.secret, algorithm=self.algorithm)


def _require_fresh(timestamp: str, *, now: datetime) -> None:
    # isdecimal() and the length keep int() and fromtimestamp() inside their ranges.
    if not (timestamp.isascii() and timestamp.isdecimal() and len(timestamp) <= 11):
        raise bad_request(f"Invalid timestamp {timestamp}")
    reported = datetime.fromtimestamp(int(timestamp), UTC)
    if (now - reported).total_seconds() > SIGNATURE_VALID_SECONDS:
        when = reported.strftime("%Y-%m-%d %H:%M:%S +0000")
        raise bad_request(f"Stale request - reported time is {when} which is more than 1 hour ago")
