"""POST /login."""

import uuid
from collections.abc import Callable
from typing import Any

import jwt
import pytest
from werkzeug.test import TestResponse

from tests.cloud import PASSWORD, Account, Cloud
from tests.conftest import Functions
from tests.functions.answers import problem, success

LogIn = Callable[..., TestResponse]


def somewhere() -> str:
    """An address that no other test fails from."""
    one, two, three, *_ = uuid.uuid4().bytes
    return f"10.{one}.{two}.{three}"


@pytest.fixture
def log_in(functions: Functions) -> LogIn:
    """Logs in from an address of this test's own, or from what X-Forwarded-For says."""
    own = somewhere()

    def send(email: str, password: str = PASSWORD, *, forwarded_for: str = own) -> TestResponse:
        body, headers = {"email": email, "password": password}, {"X-Forwarded-For": forwarded_for}
        return functions.client("login").post("/", json=body, headers=headers)

    return send


def test_the_right_password_earns_a_token_that_opens_the_api(
    log_in: LogIn, functions: Functions, cloud: Cloud, user: Account
) -> None:
    answer = success(log_in(user.email))
    assert set(answer) == {"message", "token", "token_type", "expires_in", "user"}
    assert set(answer["user"]) == {"id", "email", "username", "created_at", "role"}
    assert answer["token_type"] == "Bearer"
    secret = cloud.granted()["JWT_SECRETS"].partition(":")[2]
    claims: dict[str, Any] = jwt.decode(answer["token"], secret, algorithms=["HS256"], audience="reelay-api")
    assert set(claims) == {"sub", "id", "email", "role", "iss", "aud", "iat", "exp", "jti"}
    assert claims["sub"] == claims["id"] == user.id == answer["user"]["id"]
    assert (claims["email"], claims["role"], claims["iss"]) == (user.email, "user", "reelay")
    assert claims["exp"] - claims["iat"] == answer["expires_in"]
    headers = {"Authorization": f"Bearer {answer['token']}"}
    assert success(functions.client("get_profile").get("/", headers=headers))["user"]["id"] == user.id


def test_an_e_mail_in_another_case_logs_in(log_in: LogIn, user: Account) -> None:
    assert success(log_in(user.email.upper()))["user"]["email"] == user.email


def test_a_wrong_password_and_an_unknown_e_mail_answer_alike(log_in: LogIn, user: Account) -> None:
    answers = [
        problem(log_in(user.email, PASSWORD[:-1]), 401, "invalid_credentials"),
        problem(log_in(f"{uuid.uuid4().hex}@example.com"), 401, "invalid_credentials"),
    ]
    for answer in answers:
        del answer["request_id"]
    assert answers[0] == answers[1]
    assert answers[0]["message"] == "Invalid credentials"


def test_after_ten_failures_an_account_is_closed_to_the_right_password_too(log_in: LogIn, user: Account) -> None:
    for number in range(10):  # from ten addresses: this is about the account
        email = user.email.upper() if number % 2 else user.email
        problem(log_in(email, "wrong", forwarded_for=somewhere()), 401, "invalid_credentials")
    refused = log_in(user.email, forwarded_for=somewhere())
    problem(refused, 429, "too_many_attempts")
    assert int(refused.headers["Retry-After"]) <= 900


def test_an_account_that_does_not_exist_is_closed_like_any(log_in: LogIn) -> None:
    email = f"{uuid.uuid4().hex}@example.com"
    for _ in range(10):
        problem(log_in(email), 401, "invalid_credentials")
    problem(log_in(email), 429, "too_many_attempts")


def test_a_success_starts_the_count_again(log_in: LogIn, user: Account) -> None:
    for _ in range(2):
        for _ in range(9):
            problem(log_in(user.email, "wrong"), 401, "invalid_credentials")
        success(log_in(user.email))


def test_an_address_is_closed_after_a_hundred_failures_and_forged_entries_do_not_help(
    log_in: LogIn, user: Account
) -> None:
    address = somewhere()
    for number in range(100):  # as many accounts, and a new forged address each time
        forged = f"{somewhere()}, {somewhere()} , {address}"
        problem(log_in(f"{number}.{user.email}", "wrong", forwarded_for=forged), 401, "invalid_credentials")
    problem(log_in(user.email, forwarded_for=address), 429, "too_many_attempts")
    problem(log_in(user.email, forwarded_for=f"192.0.2.1, {address}"), 429, "too_many_attempts")
    success(log_in(user.email, forwarded_for=f"{address}, {somewhere()}"))


def test_logging_in_often_closes_no_address(log_in: LogIn, user: Account) -> None:
    for _ in range(105):
        success(log_in(user.email))
