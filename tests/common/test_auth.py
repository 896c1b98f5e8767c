"""Tokens: only ours, only for what they were issued, only while they last."""

import uuid
from datetime import timedelta
from typing import Any

import jwt
import pytest

from common import clock
from common.auth import Tokens
from common.errors import InvalidFields, InvalidToken

SECRET, OTHER = "s" * 40, "t" * 40
USER = {"id": str(uuid.uuid4()), "email": "a@example.com", "role": "user"}
TOKENS = Tokens((("k1", SECRET),))


def claims(**changes: Any) -> dict[str, Any]:
    now = clock.now()
    base = {"sub": USER["id"], "iss": "reelay", "aud": "reelay-api", "iat": now, "exp": now + timedelta(hours=1)}
    merged = base | {"jti": "j", "email": USER["email"], "role": "user"} | changes
    return {name: value for name, value in merged.items() if value is not None}


def bearer(payload: dict[str, Any], secret: str = SECRET, algorithm: str = "HS256", kid: str | None = "k1") -> str:
    return "Bearer " + jwt.encode(payload, secret, algorithm=algorithm, headers={"kid": kid} if kid else None)


def test_an_issued_token_names_its_caller_and_carries_the_agreed_claims() -> None:
    token = TOKENS.issue(USER, lifetime_seconds=60)
    assert str(TOKENS.caller(f"Bearer {token}").id) == USER["id"]
    assert str(TOKENS.caller(f"bearer {token}").id) == USER["id"]
    payload = jwt.decode(token, options={"verify_signature": False})
    assert set(payload) == {"sub", "id", "email", "role", "iss", "aud", "iat", "exp", "jti"}
    assert payload["id"] == payload["sub"]
    assert payload["exp"] - payload["iat"] == 60


@pytest.mark.parametrize(
    "authorization",
    [
        None,
        "",
        "Bearer",
        "Bearer ",
        "Bearer not.a.token",
        "Basic dXNlcjpwYXNz",
        bearer(claims(), OTHER),
        bearer(claims(), "", algorithm="none"),
        bearer(claims(), kid=None),
        bearer(claims(), kid="unknown"),
        bearer(claims(), SECRET * 2, algorithm="HS512"),
        bearer(claims(exp=clock.now() - timedelta(seconds=1))),
        bearer(claims(exp=None)),
        bearer(claims(iss="somebody")),
        bearer(claims(iss=None)),
        bearer(claims(aud="reelay-playback")),
        bearer(claims(aud=None)),
        bearer(claims(jti=None)),
        bearer(claims(sub="not-a-uuid")),
        bearer(claims(email=None)),
    ],
)
def test_anything_but_a_valid_access_token_is_refused(authorization: str | None) -> None:
    with pytest.raises(InvalidToken):
        TOKENS.caller(authorization)


def test_a_rotated_secret_keeps_the_tokens_that_the_old_one_signed() -> None:
    old = TOKENS.issue(USER, lifetime_seconds=60)
    rotated = Tokens((("k2", OTHER), ("k1", SECRET)))
    assert str(rotated.caller(f"Bearer {old}").id) == USER["id"]
    assert jwt.get_unverified_header(rotated.issue(USER, lifetime_seconds=60))["kid"] == "k2"


def test_a_playback_token_serves_its_user_only_and_is_no_access_token() -> None:
    owner = uuid.UUID(USER["id"])
    token = TOKENS.issue_playback("playback", owner)
    assert TOKENS.playback_id(token, owner) == "playback"
    with pytest.raises(InvalidFields, match="playback_token"):
        TOKENS.playback_id(token, uuid.uuid4())
    with pytest.raises(InvalidFields, match="playback_token"):
        TOKENS.playback_id(TOKENS.issue(USER, lifetime_seconds=60), owner)
    with pytest.raises(InvalidToken):
        TOKENS.caller(f"Bearer {token}")
