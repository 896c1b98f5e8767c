"""Passwords: bcrypt, nothing cut, nothing that a damaged row could open."""

import bcrypt
import pytest

from common.passwords import hash_password, is_correct


def test_a_password_fits_its_own_hash_only() -> None:
    hashed = hash_password("correct horse", cost=4)
    assert is_correct("correct horse", hashed, cost=4)
    assert not is_correct("correct horsf", hashed, cost=4)


def test_hashes_of_the_node_predecessor_still_open() -> None:
    node = bcrypt.hashpw(b"secret123", bcrypt.gensalt(4)).decode().replace("$2b$", "$2a$")
    assert is_correct("secret123", node, cost=12)


@pytest.mark.parametrize("hashed", [None, "", "plain text", "$2b$04$short"])
def test_no_hash_or_a_damaged_one_fits_no_password(hashed: str | None) -> None:
    assert not is_correct("secret123", hashed, cost=4)


def test_an_unknown_account_costs_a_whole_bcrypt_run(monkeypatch: pytest.MonkeyPatch) -> None:
    checked: list[bytes] = []

    def spy(password: bytes, hashed: bytes) -> bool:
        checked.append(hashed)
        return True

    monkeypatch.setattr(bcrypt, "checkpw", spy)
    assert not is_correct("secret123", None, cost=9)
    assert checked[0].startswith(b"$2b$09$")
    assert len(checked[0]) == 60


def test_72_bytes_are_hashed_and_73_refused() -> None:
    assert is_correct("é" * 36, hash_password("é" * 36, cost=4), cost=4)
    with pytest.raises(ValueError, match="72"):
        hash_password("é" * 36 + "x", cost=4)
