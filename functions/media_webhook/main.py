"""POST /media_webhook - the media host says that an upload is done, with its signature."""

import functions_framework
from marshmallow import INCLUDE, Schema, fields

from common.http import Answer, Call, endpoint
from common.media_cloudinary import described
from common.validation import Text


class Notification(Schema):
    """https://cloudinary.com/documentation/notifications: more fields may come, and do."""

    class Meta:
        unknown = INCLUDE

    notification_type = Text(required=True, maximum=64)
    public_id = fields.String(load_default="")
    resource_type = fields.String(load_default="video")


@functions_framework.http
@endpoint(methods=["POST"], caller="media", action="MEDIA_WEBHOOK", body=Notification, needs=["media"])
def media_webhook(call: Call) -> Answer:
    """Does what complete_upload does, when the client does not come back. Safe to repeat, late, early or never.

    What is refused is destroyed and answered with 200: repeating it would change nothing.
    """
    message, user_id = "Nothing to do", None
    if call.input["notification_type"] == "upload":
        about = call.input["public_id"], call.input["resource_type"]
        user_id, message = call.app.direct_uploads.arrived(*about, lambda: described(call.input))
    call.describe(message, user_id=str(user_id) if user_id else None)
    return {"message": message}
