"""GET /list_logs[/<user_id>|/all] - the caller's audit events; for an admin everybody's."""

import functions_framework
from marshmallow import Schema

from common.http import Answer, Call, endpoint
from common.paging import Page
from common.validation import QueryInteger, UserOrAll


class LogsOf(Schema):
    whose = UserOrAll(load_default=None)


class LogPage(Page):
    limit = QueryInteger(minimum=1, maximum=100, load_default=100)


@functions_framework.http
@endpoint(methods=["GET"], caller="user", action="FETCH_LOGS", path=LogsOf, query=LogPage)
def list_logs(call: Call) -> Answer:
    """Without a segment, everybody's for an admin and their own for anybody else.

    Raises Forbidden for another user's log, and for everybody's (`/all`) unless the caller is an admin.
    """
    whose = call.input["whose"]
    scope = f"logs/{whose}"
    part = call.app.cursors.part(call.input, scope)
    owner = {"user_id": None if whose == "all" else whose, "own_unless_admin": whose is None}
    page = call.app.db.call("list_logs", caller_id=call.user.id, **owner, **part)
    call.describe(f"{len(page['logs'])} events listed")
    return {"logs": page["logs"], "total": page["total"], "next_cursor": call.app.cursors.seal(page["next"], scope)}
