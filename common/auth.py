"""Tokens: issued by login, checked by every function whose caller is a user.

HS256 (RFC 7518, section 3.2) with key ids (RFC 7515, section 4.1.4), so that a secret can be rotated without logging
anybody out: the first key signs, all of them verify.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import jwt

from common import clock
from common.errors import InvalidFields, InvalidToken
from common.quota import PLAYBACK_LIFETIME_SECONDS

ISSUER = "reelay"
ACCESS = "reelay-api"
PLAYBACK = "reelay-playback"
_CLAIMS = ["sub", "iss", "aud", "iat", "exp", "jti"]


@dataclass(frozen=True)
class Caller:
    """Who calls, as the token says. The role is a hint for display: decisions read it from the database."""

    id: uuid.UUID
    email: str
    role: str


class Tokens:
    """Issues and verifies. `secrets` are (key id, secret) pairs, the first one signs."""

    def __init__(self, secrets: tuple[tuple[str, str], ...]) -> None:
        self._signing_kid, self._signing_secret = secrets[0]
        self._secrets = dict(secrets)

    def issue(self, user: Mapping[str, Any], *, lifetime_seconds: int) -> str:
        """An access token for a user row (id, email, role)."""
        claims = {"sub": user["id"], "id": user["id"], "email": user["email"], "role": user["role"]}
        return self._sign(claims, ACCESS, lifetime_seconds)

    def caller(self, authorization: str | None) -> Caller:
        """The caller of an `Authorization: Bearer` header (RFC 6750); raises InvalidToken for anything else."""
        scheme, _, token = (authorization or "").partition(" ")
        if scheme.lower() != "bearer":
            raise InvalidToken
        claims = self._verify(token.strip(), ACCESS)
        try:
            return Caller(uuid.UUID(claims["sub"]), str(claims["email"]), str(claims["role"]))
        except (KeyError, ValueError) as malformed:
            raise InvalidToken from malformed

    def issue_playback(self, playback_id: str, user_id: uuid.UUID) -> str:
        """A token that lets its user report on this one playback, and nothing else."""
        claims = {"sub": str(user_id), "playback_id": playback_id}
        return self._sign(claims, PLAYBACK, PLAYBACK_LIFETIME_SECONDS)

    def playback_id(self, token: str, user_id: uuid.UUID) -> str:
        """The playback of a token of this user; raises InvalidFields naming playback_token."""
        try:
            claims = self._verify(token, PLAYBACK)
        except InvalidToken as invalid:
            raise InvalidFields({"playback_token": ["Not valid, or expired."]}) from invalid
        if claims["sub"] != str(user_id):
            raise InvalidFields({"playback_token": ["Not valid, or expired."]})
        return str(claims["playback_id"])

    def _sign(self, claims: dict[str, Any], audience: str, lifetime_seconds: int) -> str:
        issued_at = clock.now()
        lifetime = timedelta(seconds=lifetime_seconds)
        registered = {"iss": ISSUER, "aud": audience, "iat": issued_at, "exp": issued_at + lifetime}
        payload = claims | registered | {"jti": uuid.uuid4().hex}
        return jwt.encode(payload, self._signing_secret, algorithm="HS256", headers={"kid": self._signing_kid})

    def _verify(self, token: str, audience: str) -> dict[str, Any]:
        try:
            secret = self._secrets[jwt.get_unverified_header(token)["kid"]]
            # The algorithm is ours to say, never the token's: "none" and RS256-as-HS256 end here.
            claims: dict[str, Any] = jwt.decode(
                token, secret, algorithms=["HS256"], issuer=ISSUER, audience=audience, options={"require": _CLAIMS}
            )
        except (jwt.InvalidTokenError, KeyError, TypeError, ValueError) as invalid:
            raise InvalidToken from invalid
        return claims
