"""The local issuer makes tokens as Google does, and accepts nothing else."""

from __future__ import annotations

import base64
import json
import stat
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from local.oidc import ISSUER, Issuer, without_signature

ACCOUNT = "tasks@local.iam.gserviceaccount.com"
AUDIENCE = "http://127.0.0.1:8080/write_log"


@pytest.fixture(scope="module")
def key_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("issuer") / "state" / "oidc.pem"
    Issuer.load(path)
    return path


@pytest.fixture
def issuer(key_file: Path) -> Issuer:
    return Issuer.load(key_file)


def _private_key(key_file: Path) -> str:
    return key_file.read_text(encoding="ascii")


def test_a_token_carries_the_claims_of_googles(issuer: Issuer) -> None:
    token = issuer.token(ACCOUNT, AUDIENCE)
    header, claims = jwt.get_unverified_header(token), jwt.decode(token, options={"verify_signature": False})
    assert header["alg"] == "RS256"
    assert header["kid"]
    assert (claims["iss"], claims["aud"], claims["email"]) == (ISSUER, AUDIENCE, ACCOUNT)
    assert claims["email_verified"] is True
    assert claims["sub"] == claims["azp"]
    assert claims["sub"].isdecimal()
    assert len(claims["sub"]) == 21
    assert claims["exp"] - claims["iat"] == 3600


def test_every_process_that_loads_the_key_verifies_the_others_tokens(issuer: Issuer, key_file: Path) -> None:
    assert Issuer.load(key_file).verify(issuer.token(ACCOUNT, AUDIENCE), AUDIENCE) == ACCOUNT


def test_all_who_create_the_key_at_the_same_moment_get_the_same_one(tmp_path: Path) -> None:
    path = tmp_path / "oidc.pem"
    with ThreadPoolExecutor(6) as pool:
        issuers = list(pool.map(lambda _: Issuer.load(path), range(6)))
    token = issuers[0].token(ACCOUNT, AUDIENCE)
    assert [issuer.verify(token, AUDIENCE) for issuer in issuers] == [ACCOUNT] * 6
    assert [file.name for file in tmp_path.iterdir()] == ["oidc.pem"]


def test_only_the_owner_may_read_the_key(key_file: Path) -> None:
    assert stat.S_IMODE(key_file.stat().st_mode) == 0o600


def test_another_audience_is_refused(issuer: Issuer) -> None:
    with pytest.raises(jwt.InvalidAudienceError):
        issuer.verify(issuer.token(ACCOUNT, AUDIENCE), AUDIENCE + "/other")


def test_another_issuers_key_is_refused(issuer: Issuer, tmp_path: Path) -> None:
    stranger = Issuer.load(tmp_path / "stranger.pem")
    with pytest.raises(jwt.InvalidSignatureError):
        issuer.verify(stranger.token(ACCOUNT, AUDIENCE), AUDIENCE)


def test_a_changed_claim_is_refused(issuer: Issuer) -> None:
    header, claims, signature = issuer.token(ACCOUNT, AUDIENCE).split(".")
    values = json.loads(base64.urlsafe_b64decode(claims + "==")) | {"email": "someone@else.example"}
    forged = base64.urlsafe_b64encode(json.dumps(values).encode()).decode().rstrip("=")
    with pytest.raises(jwt.InvalidSignatureError):
        issuer.verify(f"{header}.{forged}.{signature}", AUDIENCE)


def test_an_expired_token_is_refused(key_file: Path) -> None:
    key = serialization.load_pem_private_key(key_file.read_bytes(), password=None)
    yesterday = Issuer(key, now=lambda: time.time() - 86_400)  # type: ignore[arg-type]  # it is RSA: we made it
    with pytest.raises(jwt.ExpiredSignatureError):
        yesterday.verify(yesterday.token(ACCOUNT, AUDIENCE), AUDIENCE)


@pytest.mark.parametrize(
    "change",
    [{"iss": "https://accounts.example"}, {"email_verified": False}, {"email": None}, {"exp": None}],
    ids=["another issuer", "unverified address", "no address", "no expiry"],
)
def test_claims_that_google_would_not_send_are_refused(
    issuer: Issuer, key_file: Path, change: dict[str, object]
) -> None:
    claims = jwt.decode(issuer.token(ACCOUNT, AUDIENCE), options={"verify_signature": False}) | change
    kept = {name: value for name, value in claims.items() if value is not None}
    with pytest.raises(jwt.InvalidTokenError):
        issuer.verify(jwt.encode(kept, _private_key(key_file), algorithm="RS256"), AUDIENCE)


def test_an_unsigned_token_is_refused(issuer: Issuer) -> None:
    claims = jwt.decode(issuer.token(ACCOUNT, AUDIENCE), options={"verify_signature": False})
    with pytest.raises(jwt.InvalidTokenError):
        issuer.verify(jwt.encode(claims, "", algorithm="none"), AUDIENCE)


def test_a_token_without_its_signature_can_be_read_but_not_verified(issuer: Issuer) -> None:
    stripped = without_signature(issuer.token(ACCOUNT, AUDIENCE))
    assert stripped.endswith(".SIGNATURE_REMOVED_BY_GOOGLE")
    assert jwt.decode(stripped, options={"verify_signature": False})["email"] == ACCOUNT
    with pytest.raises(jwt.InvalidTokenError):
        issuer.verify(stripped, AUDIENCE)


def test_only_a_token_can_lose_its_signature() -> None:
    with pytest.raises(jwt.InvalidTokenError):
        without_signature("not-a-token")


@pytest.mark.parametrize(
    "content", [b"", b"nonsense", b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"]
)
def test_a_broken_key_file_is_named_in_one_line(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "oidc.pem"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"^.*oidc\.pem is not an RSA private key in PEM.*$"):
        Issuer.load(path)
    assert path.read_bytes() == content


def test_a_key_of_another_kind_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "oidc.pem"
    key = ec.generate_private_key(ec.SECP256R1())
    path.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    with pytest.raises(ValueError, match="not an RSA private key"):
        Issuer.load(path)
