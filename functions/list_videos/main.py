"""GET /list_videos[/<user_id>] - everybody's videos or the caller's own, newest first, paged and searchable."""

import functions_framework
from marshmallow import Schema, fields

from common.http import Answer, Call, endpoint
from common.paging import Page
from common.validation import QueryInteger, Text
from common.videos import present


class VideosOf(Schema):
    user_id = fields.UUID(load_default=None)


class VideoPage(Page):
    limit = QueryInteger(minimum=1, maximum=100, load_default=16)
    q = Text(maximum=100, load_default=None)


def action(_: str, segment: str | None) -> str:
    return "FETCH_USER_VIDEOS" if segment else "FETCH_VIDEOS"


@functions_framework.http
@endpoint(methods=["GET"], caller="user", action=action, path=VideosOf, query=VideoPage, needs=["media"])
def list_videos(call: Call) -> Answer:
    """`q` finds titles by whole words and the last one's beginning. Raises Forbidden for another user's own list."""
    user_id, search = call.input["user_id"], call.input["q"]
    scope = f"videos/{user_id}/{search}"
    part = call.app.cursors.part(call.input, scope)
    page = call.app.db.call("list_videos", caller_id=call.user.id, user_id=user_id, search=search, **part)
    videos = [present(row, call.app.media) for row in page["videos"]]
    call.describe(f"{len(videos)} videos listed")
    count = {"total": page["total"], "total_is_exact": page["total_is_exact"]}
    return {"videos": videos, **count, "next_cursor": call.app.cursors.seal(page["next"], scope)}
