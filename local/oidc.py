"""Google's token issuer on one machine: signs the OIDC tokens that Cloud Tasks and Cloud Scheduler attach."""

from __future__ import annotations

import hashlib
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import jwt
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

ISSUER = "https://accounts.google.com"
TOKEN_SECONDS = 3600  # what Google's own identity tokens live
REMOVED_SIGNATURE = "SIGNATURE_REMOVED_BY_GOOGLE"
_ALGORITHM = "RS256"
_REQUIRED_CLAIMS = ["iss", "aud", "email", "sub", "iat", "exp"]


class Issuer:
    """Signs and checks identity tokens with one RSA key, shared through a file by every process of the local cloud."""

    def __init__(self, key: rsa.RSAPrivateKey, *, now: Callable[[], float] = time.time) -> None:
        """`now` gives unix seconds and dates the tokens; `verify` always goes by the real clock."""
        self._key = key
        self._public_key = key.public_key()
        self._key_id = _fingerprint(self._public_key)
        self._now = now

    @classmethod
    def load(cls, path: Path) -> Issuer:
        """The issuer whose key is the PEM file at `path`, created (mode 0600) if it is missing.

        Several processes may call this at once: all of them get the same key.
        Raises ValueError, with one line for the user, if the file holds anything else.
        """
        if not path.exists():
            _create_key(path)
        try:
            key = serialization.load_pem_private_key(path.read_bytes(), password=None)
        except (ValueError, TypeError, UnsupportedAlgorithm) as broken:
            raise _not_a_key(path) from broken
        if not isinstance(key, rsa.RSAPrivateKey):
            raise _not_a_key(path)
        return cls(key)

    def token(self, service_account_email: str, audience: str) -> str:
        """A signed JWT with the claims of a Google service account's identity token, valid for an hour."""
        issued_at = int(self._now())
        subject = _account_number(service_account_email)
        claims = {
            "iss": ISSUER,
            "aud": audience,
            "azp": subject,
            "sub": subject,
            "email": service_account_email,
            "email_verified": True,
            "iat": issued_at,
            "exp": issued_at + TOKEN_SECONDS,
        }
        return jwt.encode(claims, self._key, algorithm=_ALGORITHM, headers={"kid": self._key_id})

    def verify(self, token: str, audience: str) -> str:
        """The e-mail address of the service account that `token` names.

        Raises jwt.InvalidTokenError for a bad signature, another algorithm, issuer or audience, a missing claim, an
        address that is not verified, or an expired token.
        """
        claims = jwt.decode(
            token,
            self._public_key,
            algorithms=[_ALGORITHM],
            audience=audience,
            issuer=ISSUER,
            options={"require": _REQUIRED_CLAIMS},
        )
        if claims.get("email_verified") is not True:
            raise jwt.InvalidTokenError("the e-mail address is not verified")
        return str(claims["email"])


def without_signature(token: str) -> str:
    """`token` as Cloud Run hands it to the container once IAM has checked it: readable, and worthless if it leaks.

    Raises jwt.DecodeError (a jwt.InvalidTokenError) unless the token has three parts.
    Source: cloud.google.com/run/docs/troubleshooting#signature-removed.
    """
    parts = token.split(".")
    if len(parts) != 3:
        raise jwt.DecodeError("a JWT has three parts")
    return ".".join([*parts[:2], REMOVED_SIGNATURE])


def _create_key(path: Path) -> None:
    """Write a new key to `path`, unless another process was faster: then leave that one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pem = rsa.generate_private_key(public_exponent=65537, key_size=2048).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    # A hard link appears at once, complete, and never replaces a file: readers see a whole key, the same for all.
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.") as draft:  # mode 0600 from the start
        draft.write(pem)
        draft.flush()
        os.fsync(draft.fileno())
        try:
            os.link(draft.name, path)
        except FileExistsError:
            return


def _not_a_key(path: Path) -> ValueError:
    return ValueError(f"{path} is not an RSA private key in PEM: delete it, and a new one is made at the next start")


def _fingerprint(key: rsa.RSAPublicKey) -> str:
    encoded = key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return hashlib.sha256(encoded).hexdigest()[:40]


def _account_number(email: str) -> str:
    """A stable 21-digit number for an account, in the place of the unique id that Google gives each."""
    return str(10**20 + int.from_bytes(hashlib.sha256(email.encode()).digest()[:8], "big"))
