"""GET /record_usage - today's bandwidth; POST /record_usage - report what a playback really used."""

import functions_framework
from marshmallow import Schema, fields, validate

from common.http import Answer, Call, endpoint
from common.quota import Usage, megabytes


class PlaybackReport(Schema):
    playback_token = fields.String(required=True, validate=validate.Length(max=2000))
    used_bytes = fields.Integer(required=True, strict=True, validate=validate.Range(0, 2**40))


def action(method: str, _: str | None) -> str:
    return "RECORD_PLAYBACK" if method == "POST" else "CHECK_BANDWIDTH"


@functions_framework.http
@endpoint(methods=["GET", "POST"], caller="user", action=action, body=PlaybackReport)
def record_usage(call: Call) -> Answer:
    """A playback may be reported often as it goes on: the highest figure counts, once. Raises PlaybackNotFound."""
    app, rpc, report = call.app, "account_usage", {}
    if call.request.method == "POST":
        playback_id = app.tokens.playback_id(call.input["playback_token"], call.user.id)
        rpc, report = "record_playback", {"playback_id": playback_id, "used_bytes": call.input["used_bytes"]}
    usage = Usage(**app.db.call(rpc, user_id=call.user.id, **report))
    call.describe("Playback {playback_id} used {used_bytes} bytes".format(**report) if report else "Bandwidth checked")

    upload = usage.upload(app.config.upload_bandwidth_bytes)
    is_exceeded = upload["remaining_bytes"] == 0
    return upload | {
        "message": "Exceeding daily bandwidth limit" if is_exceeded else "Within the daily bandwidth limit",
        "totalUsageMb": megabytes(usage.upload_used_bytes),
        "dailyLimitMb": megabytes(app.config.upload_bandwidth_bytes),
        "isThresholdExceeded": is_exceeded,
        "playback": usage.playback(app.config.playback_allowance_bytes),
    }
