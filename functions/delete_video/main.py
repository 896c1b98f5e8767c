"""DELETE /delete_video/<filename> - delete one of the caller's videos; /all deletes them all, /<upload_id> cancels one
direct upload."""

import functions_framework
from marshmallow import Schema

from common.http import Answer, Call, endpoint
from common.validation import Filename

EVERYTHING = "all"  # no filename: those end in a format


class DeleteVideo(Schema):
    filename = Filename(required=True)


def action(_: str, segment: str | None) -> str:
    return "DELETE_ALL_VIDEOS" if segment == EVERYTHING else "DELETE_VIDEO"


@functions_framework.http
@endpoint(methods=["DELETE"], caller="user", action=action, path=DeleteVideo, needs=["media"])
def delete_video(call: Call) -> Answer:
    """Gives the storage back, not the day's bandwidth; deleting everything twice deletes nothing more.

    Raises VideoNotFound for an unknown, a deleted and another user's video alike.
    """
    is_everything = call.input["filename"] == EVERYTHING
    filename = None if is_everything else call.input["filename"]
    hidden = call.app.db.call("delete_or_cancel", user_id=call.user.id, filename=filename)
    # Hidden before destroyed: what cannot be destroyed now is queued, and the daily job tries again.
    call.app.purge.destroy(hidden["media_ids"])

    deleted = hidden["deleted"]
    message = "Upload cancelled" if hidden["cancelled"] else f"{deleted} videos deleted"
    call.describe(message)
    return {"message": "Video deleted" if deleted == 1 and not is_everything else message, "deleted": deleted}
