"""POST /register - create an account."""

import uuid

import functions_framework
from marshmallow import Schema

from common.http import Answer, Call, endpoint
from common.passwords import hash_password
from common.validation import Email, Password, Text


class Register(Schema):
    email = Email(required=True)
    username = Text(required=True, maximum=64)
    password = Password(required=True, minimum=8)


@functions_framework.http
@endpoint(methods=["POST"], caller="public", action="REGISTER", body=Register)
def register(call: Call) -> Answer:
    """Raises EmailTaken, whatever the e-mail's case. Nobody becomes an admin here."""
    hashed = hash_password(call.input["password"], cost=call.app.config.bcrypt_cost)
    account = call.input | {"password": hashed}
    user = call.app.db.call("register_user", id=uuid.uuid4(), **account)
    call.describe("Account created", user_id=user["id"])
    return {"message": "User registered successfully", "user": user}, 201
