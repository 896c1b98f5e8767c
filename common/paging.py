"""Lists page by page: `limit`, `start` (an offset) or `cursor` (a keyset position, which costs the same on any page).

A cursor is signed and bound to its list, so that a forged one, or one of another list, is refused by name instead of
answered with a page that means nothing.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from typing import Any

from marshmallow import Schema, ValidationError, fields, validates_schema

from common.errors import InvalidFields
from common.validation import QueryInteger

START_LIMIT = 100_000  # an offset reads all it skips: beyond this, only a cursor


class Page(Schema):
    """The query of a paged list; subclasses set `limit`."""

    start = QueryInteger(minimum=0, maximum=START_LIMIT, load_default=0)
    cursor = fields.String(load_default=None)

    @validates_schema
    def one_way_only(self, data: dict[str, Any], **_: object) -> None:
        if data.get("cursor") and data.get("start"):
            raise ValidationError({"start": ["Give start or cursor, not both."]})


class Cursors:
    """Signs and opens positions with the token secret; a position is {at, id} as SQL returns it."""

    def __init__(self, secrets: tuple[tuple[str, str], ...]) -> None:
        self._keys = [hashlib.sha256(b"cursor:" + secret.encode()).digest() for _, secret in secrets]

    def seal(self, position: dict[str, str] | None, scope: str) -> str | None:
        """The cursor for the page after `position` in the list that `scope` names; None after the last page."""
        if position is None:
            return None
        payload = json.dumps([position["at"], position["id"]]).encode()
        return base64.urlsafe_b64encode(_tag(self._keys[0], scope, payload) + payload).decode().rstrip("=")

    def part(self, page: Mapping[str, Any], scope: str) -> dict[str, Any]:
        """The part of the list that a Page's values ask for, as the parameters that the SQL lists share.

        Raises InvalidFields naming `cursor`.
        """
        after_at, after_id = self.open(page["cursor"], scope)
        return {"limit": page["limit"], "start": page["start"], "after_at": after_at, "after_id": after_id}

    def open(self, cursor: str | None, scope: str) -> tuple[str | None, str | None]:
        """(at, id) to go on after, (None, None) without a cursor; raises InvalidFields naming `cursor`."""
        if cursor is None:
            return None, None
        try:
            raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        except ValueError as malformed:
            raise InvalidFields({"cursor": ["Not a cursor of this list."]}) from malformed
        tag, payload = raw[:16], raw[16:]
        if not any(hmac.compare_digest(tag, _tag(key, scope, payload)) for key in self._keys):
            raise InvalidFields({"cursor": ["Not a cursor of this list."]})
        at, row_id = json.loads(payload)
        return at, row_id


def _tag(key: bytes, scope: str, payload: bytes) -> bytes:
    return hmac.digest(key, scope.encode() + b"\0" + payload, "sha256")[:16]
