"""POST /write_log - store a batch of audit events that Cloud Tasks delivers."""

import functions_framework
from marshmallow import Schema, fields, validate

from common.http import Answer, Call, endpoint
from common.validation import Text


class LogEvent(Schema):
    id = fields.UUID(required=True)
    user_id = fields.UUID(required=True, allow_none=True)
    action_type = Text(required=True, maximum=64)
    description = Text(required=True, maximum=1000)
    service_name = Text(required=True, maximum=64)
    created_at = fields.AwareDateTime(required=True)


class Batch(Schema):
    events = fields.List(fields.Nested(LogEvent), required=True, validate=validate.Length(min=1, max=1000))


@functions_framework.http
@endpoint(methods=["POST"], caller="tasks", action=None, body=Batch)  # no action: a log of log writes would never end
def write_log(call: Call) -> Answer:
    """Safe to repeat: Cloud Tasks delivers at least once, and an event's id is its row's primary key."""
    stored: Answer = call.app.db.call("insert_logs", events=LogEvent(many=True).dumps(call.input["events"]))
    return stored
