"""GET /watch_video/<filename> - playback address, poster and remaining allowance."""

import uuid

import functions_framework
from marshmallow import Schema

from common.http import Answer, Call, endpoint
from common.quota import PLAYBACK_LIFETIME_SECONDS, level
from common.validation import Filename
from common.videos import present


class WatchVideo(Schema):
    filename = Filename(required=True)


@functions_framework.http
@endpoint(methods=["GET"], caller="user", action="STREAM_VIDEO", path=WatchVideo, needs=["media"])
def watch_video(call: Call) -> Answer:
    """Reserves the video's size against the day's playback allowance; record_usage settles it with playback_token.

    Raises VideoNotFound, PlaybackQuotaExceeded.
    """
    config = call.app.config
    limits = {"allowance_bytes": config.playback_allowance_bytes, "lifetime_seconds": PLAYBACK_LIFETIME_SECONDS}
    playback = call.app.db.call(
        "reserve_playback", playback_id=uuid.uuid4(), user_id=call.user.id, **call.input, **limits
    )
    video = present(playback["video"], call.app.media)
    call.describe(f"Video {video['id']} opened")
    return {
        "url": video["filepath"],
        **{name: video[name] for name in ("hls_url", "poster_url", "url_expires_at")},
        "video": video,
        "playback_token": call.app.tokens.issue_playback(playback["playback_id"], call.user.id),
        "allowance": level(**playback["allowance"], limit_bytes=config.playback_allowance_bytes or None),
    }
