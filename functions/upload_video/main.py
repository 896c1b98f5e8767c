"""POST /upload_video - take a small file as a form, or hand out the ticket for a direct upload (JSON)."""

import functions_framework
from marshmallow import Schema

from common import requests
from common.http import Answer, Call, endpoint
from common.quota import FORM_OVERHEAD_BYTES
from common.tickets import TicketRequest
from common.validation import File, Text, load
from common.videos import present


class UploadForm(Schema):
    video = File(required=True)
    title = Text(required=True, maximum=200)


@functions_framework.http
@endpoint(methods=["POST"], caller="user", action="UPLOAD_VIDEO", takes_form=True, body=TicketRequest, needs=["media"])
def upload_video(call: Call) -> Answer:
    """Raises UploadInProgress and the quota errors before a byte of the file is read or sent, NotAVideo for what cannot
    be played. Nothing stays behind after a failure: neither a turn, nor a reserved byte, nor a file at the media host.
    """
    if call.input:
        return _ticket(call)
    at_least_bytes = (call.request.content_length or 0) - FORM_OVERHEAD_BYTES
    with call.app.uploads.turn(call.user.id, at_least_bytes) as upload:
        form = load(UploadForm, requests.form(call.request))
        row = call.app.uploads.take(upload, form["video"].stream, form["title"])
    call.describe(f"Video {row['id']} uploaded, {row['size_bytes']} bytes")
    return {"message": "Video uploaded successfully", "file": present(row, call.app.media)}, 201


def _ticket(call: Call) -> Answer:
    is_new = "upload_id" not in call.input
    ticket = (call.app.direct_uploads.open if is_new else call.app.direct_uploads.again)(call.user.id, **call.input)
    call.describe(f"Ticket for upload {ticket['upload_id']}, {ticket['size_bytes']} bytes")
    return {"message": "Send the file to the media host, then complete the upload", **ticket}, 201 if is_new else 200
