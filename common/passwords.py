"""Password hashes: bcrypt, never cut silently."""

from __future__ import annotations

LIMIT_BYTES = 72  # bcrypt reads no further: a longer password would be cut, so it is refused instead


def hash_password(password: str, *, cost: int) -> str:
    """The bcrypt hash of a password of at most LIMIT_BYTES bytes in UTF-8; ValueError for a longer one."""
    import bcrypt

    return bcrypt.hashpw(password.encode(), bcrypt.gensalt(cost)).decode()


def is_correct(password: str, hashed: str | None, *, cost: int) -> bool:
    """Whether the password fits the hash. For None (an unknown e-mail) the same time is spent, and the answer is no.

    A hash that is not bcrypt's (a damaged row) fits nothing.
    """
    import bcrypt

    known = hashed is not None
    # 22 characters of salt and 31 of digest that no password produces on purpose.
    candidate = hashed if hashed is not None else f"$2b${cost:02d}$" + "." * 53
    try:
        return bcrypt.checkpw(password.encode(), candidate.encode()) and known
    except ValueError:
        return False
