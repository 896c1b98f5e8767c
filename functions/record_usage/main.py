"""GET /record_usage - today's bandwidth; POST /record_usage - report what a playback really used."""

import functions_framework
from marshmallow import Schema, fields, validate

from common.http import Answer, Call, endpoint
from common.quota import Usage, level, megabytes


class PlaybackReport(Schema):
    playback_token = fields.String(required=True, validate=validate.Length(max=2000))
    used_bytes = fields.Integer(required=True, strict=True, validate=validate.Range(0, 2**40))


@functions_framework.http
@endpoint(methods=["GET", "POST"], caller="user", action="CHECK_BANDWIDTH", body=PlaybackReport)
def record_usage(call: Call) -> Answer:
    """A playback may be reported often as it goes on: the highest figure counts, once. Raises PlaybackNotFound."""
    call.describe("Bandwidth checked")
    if call.request.method == "POST":
        used_bytes = call.input["used_bytes"]
        playback_id = call.app.tokens.playback_id(call.input["playback_token"], call.user.id)
        call.app.db.call("record_playback", playback_id=playback_id, user_id=call.user.id, used_bytes=used_bytes)
        call.describe(f"Playback {playback_id} used {used_bytes} bytes", action="RECORD_PLAYBACK")

    config, usage = call.app.config, Usage(**call.app.db.call("account_usage", user_id=call.user.id))
    upload = level(usage.upload_used_bytes, usage.upload_reserved_bytes, config.upload_bandwidth_bytes, usage.resets_at)
    allowance_bytes = config.playback_allowance_bytes or None
    is_exceeded = upload["remaining_bytes"] == 0
    return {
        "message": "Exceeding daily bandwidth limit" if is_exceeded else "Within the daily bandwidth limit",
        "totalUsageMb": megabytes(usage.upload_used_bytes),
        "dailyLimitMb": megabytes(config.upload_bandwidth_bytes),
        "isThresholdExceeded": is_exceeded,
        **upload,
        "playback": level(usage.playback_used_bytes, usage.playback_reserved_bytes, allowance_bytes, usage.resets_at),
    }
