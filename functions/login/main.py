"""POST /login - check the password, issue a token."""

import functions_framework
from marshmallow import Schema

from common.errors import InvalidCredentials
from common.http import Answer, Call, endpoint
from common.passwords import is_correct
from common.quota import LOGIN_LIMITS
from common.requests import throttling_key
from common.validation import Email, Password


class Login(Schema):
    email = Email(required=True)
    password = Password(required=True)


@functions_framework.http
@endpoint(methods=["POST"], caller="public", action="LOGIN", body=Login, needs=["tokens"])
def login(call: Call) -> Answer:
    """Raises TooManyAttempts per account and per address, InvalidCredentials alike for a wrong password and an unknown
    e-mail, after the same time."""
    app, email, address = call.app, call.input["email"], throttling_key(call.client_address)
    user = app.db.call("begin_login", email=email, address=address, **LOGIN_LIMITS)
    hashed = user.pop("password") if user else None
    call.about_user_id = user["id"] if user else None
    if not is_correct(call.input["password"], hashed, cost=app.config.bcrypt_cost):
        raise InvalidCredentials
    app.db.call("finish_login", email=email, address=address)

    call.describe("Logged in")
    token = app.tokens.issue(user, lifetime_seconds=app.config.token_lifetime_seconds)
    grant = {"token": token, "token_type": "Bearer", "expires_in": app.config.token_lifetime_seconds}
    return {"message": "Login successful", **grant, "user": user}
