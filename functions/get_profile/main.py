"""GET /get_profile[/<user_id>] - the caller's account; an admin may read any."""

import functions_framework
from marshmallow import Schema, fields

from common.http import Answer, Call, endpoint


class ProfileOf(Schema):
    user_id = fields.UUID(load_default=None)


@functions_framework.http
@endpoint(methods=["GET"], caller="user", action="FETCH_PROFILE", path=ProfileOf)
def get_profile(call: Call) -> Answer:
    """Raises Forbidden for another's account, unless the database (not the token) says that the caller is an admin."""
    user_id = call.input["user_id"] or call.user.id
    user = call.app.db.call("get_profile", caller_id=call.user.id, user_id=user_id)
    call.describe(f"Profile {user_id} read")
    return {"user": user}
