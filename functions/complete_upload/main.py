"""POST /complete_upload - the client says that its direct upload is done; answers the video."""

import functions_framework
from marshmallow import Schema, fields

from common.http import Answer, Call, endpoint
from common.videos import present


class CompleteUpload(Schema):
    upload_id = fields.UUID(required=True)


@functions_framework.http
@endpoint(methods=["POST"], caller="user", action="COMPLETE_UPLOAD", body=CompleteUpload, needs=["media"])
def complete_upload(call: Call) -> Answer:
    """Safe to repeat, and to do while the media host's notification does the same: there is one video.

    Raises UploadNotFound, UploadIncomplete (send the rest), UploadExpired; NotAVideo and LargerThanReserved, with the
    file destroyed and the reservation released.
    """
    row = call.app.direct_uploads.complete(call.user.id, call.input["upload_id"])
    call.describe(f"Video {row['id']} uploaded, {row['size_bytes']} bytes")
    return {"message": "Video uploaded successfully", "file": present(row, call.app.media)}
