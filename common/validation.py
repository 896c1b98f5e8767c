"""Field types that every endpoint's schema is made of, and how a schema's complaints become one error."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from typing import Any

from marshmallow import Schema, ValidationError, fields, validate
from werkzeug.datastructures import FileStorage

from common.errors import InvalidFields
from common.passwords import LIMIT_BYTES

# Cc: control characters, NUL among them; Cs: lone surrogates, which no UTF-8 can hold; Zl, Zp: line separators.
_FORBIDDEN_CATEGORIES = {"Cc", "Cs", "Zl", "Zp"}


def _refuse_control_characters(text: str) -> None:
    if any(unicodedata.category(character) in _FORBIDDEN_CATEGORIES for character in text):
        raise ValidationError("Control characters are not allowed.")


class Text(fields.String):
    """One line of text, trimmed, of `minimum` to `maximum` characters."""

    def __init__(self, *, maximum: int, minimum: int = 1, **options: Any) -> None:
        self.length = validate.Length(min=minimum, max=maximum)
        super().__init__(**options)

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> str:
        text = super()._deserialize(value, attr, data, **kwargs)
        text = text.strip(" ")
        _refuse_control_characters(text)
        self.length(text)
        return text


class Email(Text):
    """An e-mail address of at most 254 characters (RFC 5321, section 4.5.3.1.3), kept as typed: SQL compares without
    case."""

    _is_email = validate.Email()

    def __init__(self, **options: Any) -> None:
        super().__init__(maximum=254, **options)

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> str:
        text = super()._deserialize(value, attr, data, **kwargs)
        return self._is_email(text)


class Password(fields.String):
    """A password as typed, not trimmed; bounded by bcrypt's limit in bytes."""

    def __init__(self, *, minimum: int = 1, **options: Any) -> None:
        self.minimum = minimum
        super().__init__(**options)

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> str:
        text = super()._deserialize(value, attr, data, **kwargs)
        _refuse_control_characters(text)
        if len(text) < self.minimum:
            raise ValidationError(f"Shorter than minimum length {self.minimum}.")
        if len(text.encode()) > LIMIT_BYTES:
            raise ValidationError(f"Longer than {LIMIT_BYTES} bytes.")
        return text


class QueryInteger(fields.Integer):
    """A whole number written in a query string: ASCII digits only, within bounds."""

    def __init__(self, *, minimum: int, maximum: int, **options: Any) -> None:
        super().__init__(validate=validate.Range(minimum, maximum), **options)

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> int:
        if not re.fullmatch(r"-?[0-9]{1,18}", value):
            raise self.make_error("invalid")
        return super()._deserialize(value, attr, data, **kwargs)


class Filename(Text):
    """A video's filename, as upload_video returned it (or as the predecessor chose it: any text)."""

    def __init__(self, **options: Any) -> None:
        super().__init__(maximum=255, **options)


class UserOrAll(fields.UUID):
    """A user's id, or the word `all` (which stays text)."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> Any:
        return value if value == "all" else super()._deserialize(value, attr, data, **kwargs)


class File(fields.Field[FileStorage]):
    """A file of a form, as Werkzeug parsed it. A text field of the same name is not one."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> FileStorage:
        if not isinstance(value, FileStorage):
            raise ValidationError("Not a file.")
        return value


def load(schema: type[Schema], data: Mapping[str, Any]) -> dict[str, Any]:
    """The schema's typed values; raises InvalidFields naming each field at fault, unknown ones included."""
    try:
        values: dict[str, Any] = schema().load(data)
    except ValidationError as invalid:
        raise InvalidFields(_flat(invalid.messages_dict)) from invalid
    return values


def _flat(messages: Mapping[Any, Any], prefix: str = "") -> dict[str, list[str]]:
    """{"events": {0: {"id": [..]}}} as {"events.0.id": [..]}."""
    flat: dict[str, list[str]] = {}
    for key, value in messages.items():
        name = prefix if key == "_schema" and prefix else f"{prefix}.{key}" if prefix else str(key)
        if isinstance(value, Mapping):
            flat |= _flat(value, name)
        else:
            flat[name] = list(value)
    return flat
