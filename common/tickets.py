"""What a client says of a file that it wants to send to the media host itself."""

from __future__ import annotations

from typing import Any

from marshmallow import Schema, ValidationError, fields, post_load, validate, validates_schema

from common import errors
from common.formats import announced
from common.validation import Filename, Text


class TicketRequest(Schema):
    """{title, filename, size_bytes, content_type} for a new upload, {upload_id} to go on with one.

    Loads as {title, size_bytes, video_format: Format} or {upload_id}. Raises NotAVideo for a type that is none.
    """

    upload_id = fields.UUID()
    title = Text(maximum=200)
    filename = Filename()
    size_bytes = fields.Integer(strict=True, validate=validate.Range(1, 2**40))
    content_type = Text(minimum=0, maximum=255)

    @validates_schema(pass_original=True, skip_on_field_errors=False)
    def _check_one_of_both(self, _: object, given: dict[str, Any], **__: object) -> None:
        new = ("title", "filename", "size_bytes", "content_type")
        if "upload_id" in given:
            wrong = {name: ["Not together with upload_id."] for name in new if name in given}
        else:
            wrong = {name: ["Missing data for required field."] for name in new if name not in given}
        if wrong:
            raise ValidationError(wrong)

    @post_load
    def _tell_format(self, data: dict[str, Any], **_: object) -> dict[str, Any]:
        if "upload_id" in data:
            return data
        video_format = announced(data["content_type"], data["filename"])
        if video_format is None:
            raise errors.NotAVideo
        return {"title": data["title"], "size_bytes": data["size_bytes"], "video_format": video_format}
