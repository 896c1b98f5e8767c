"""Cursors: what one list handed out opens that list, and nothing else opens anything."""

import base64

import pytest

from common.errors import InvalidFields
from common.paging import Cursors

SECRETS = (("k1", "s" * 40),)
POSITION = {"at": "2026-01-01T00:00:00.123456+00:00", "id": "0b9e5a3e-0000-4000-8000-000000000000"}


def test_a_cursor_opens_to_the_position_it_was_made_of() -> None:
    cursor = Cursors(SECRETS).seal(POSITION, "videos")
    assert Cursors(SECRETS).open(cursor, "videos") == (POSITION["at"], POSITION["id"])
    assert Cursors((("k2", "t" * 40), *SECRETS)).open(cursor, "videos")[1] == POSITION["id"]


def test_the_last_page_has_no_cursor() -> None:
    assert Cursors(SECRETS).seal(None, "videos") is None
    assert Cursors(SECRETS).open(None, "videos") == (None, None)


def test_a_cursor_with_any_bit_changed_is_refused_by_name() -> None:
    cursor = Cursors(SECRETS).seal(POSITION, "videos")
    assert cursor is not None
    raw = bytearray(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    for position in range(len(raw)):
        raw[position] ^= 1
        with pytest.raises(InvalidFields, match="cursor"):
            Cursors(SECRETS).open(base64.urlsafe_b64encode(raw).decode(), "videos")
        raw[position] ^= 1


@pytest.mark.parametrize("cursor", ["", "abc", "!!!!", "W10=", "é", "A" * 5000])
def test_nonsense_is_refused_by_name(cursor: str) -> None:
    with pytest.raises(InvalidFields, match="cursor"):
        Cursors(SECRETS).open(cursor, "videos")


def test_a_cursor_of_another_list_is_refused() -> None:
    cursor = Cursors(SECRETS).seal(POSITION, "videos/a")
    with pytest.raises(InvalidFields, match="cursor"):
        Cursors(SECRETS).open(cursor, "videos/b")
