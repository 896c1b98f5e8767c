"""POST /upload_video - take a small video file as a multipart form (fields video and title)."""

import functions_framework
from marshmallow import Schema

from common import requests
from common.http import Answer, Call, endpoint
from common.quota import FORM_OVERHEAD_BYTES
from common.validation import File, Text, load
from common.videos import present


class UploadForm(Schema):
    video = File(required=True)
    title = Text(required=True, maximum=200)


@functions_framework.http
@endpoint(methods=["POST"], caller="user", action="UPLOAD_VIDEO", takes_form=True, needs=["media"])
def upload_video(call: Call) -> Answer:
    """Raises UploadInProgress and the quota errors before the file is read, NotAVideo for what cannot be played.

    Nothing stays behind after a failure: neither the user's turn, nor a reserved byte, nor a file at the media host.
    """
    at_least_bytes = (call.request.content_length or 0) - FORM_OVERHEAD_BYTES
    with call.app.uploads.turn(call.user.id, at_least_bytes) as upload:
        form = load(UploadForm, requests.form(call.request))
        row = call.app.uploads.take(upload, form["video"].stream, form["title"])
    call.describe(f"Video {row['id']} uploaded, {row['size_bytes']} bytes")
    return {"message": "Video uploaded successfully", "file": present(row, call.app.config.media_delivery_url)}, 201
