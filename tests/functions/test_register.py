"""POST /register."""

import uuid
from typing import Any

import bcrypt
from werkzeug.test import TestResponse

from tests.cloud import PASSWORD
from tests.conftest import Functions
from tests.functions.answers import problem, success
from tests.supabase.scratch import Sql


def register(functions: Functions, email: str, **changes: Any) -> TestResponse:
    body = {"email": email, "username": "Zoë 😀", "password": PASSWORD, **changes}
    return functions.client("register").post("/", json=body)


def fresh() -> str:
    return f"New.{uuid.uuid4().hex}@Example.com"


def test_an_account_is_created_as_a_user(functions: Functions) -> None:
    email = fresh()
    answer = success(register(functions, email), 201)
    assert set(answer) == {"message", "user"}
    assert set(answer["user"]) == {"id", "email", "username", "created_at", "role"}
    assert (answer["user"]["email"], answer["user"]["username"], answer["user"]["role"]) == (email, "Zoë 😀", "user")
    assert uuid.UUID(answer["user"]["id"])


def test_an_e_mail_is_taken_whatever_its_case(functions: Functions, database: Sql) -> None:
    email = fresh()
    success(register(functions, email), 201)
    for again in (email, email.upper(), email.lower(), f" {email} "):
        assert "User already exists" in problem(register(functions, again), 409, "email_taken")["message"]
    assert database.value("select count(*) from public.users where lower(email) = lower(%s)", email) == 1


def test_the_password_is_stored_as_a_bcrypt_hash(functions: Functions, database: Sql) -> None:
    email, password = fresh(), "p" * 70 + "é"  # 72 bytes: as long as bcrypt reads
    success(register(functions, email, password=password), 201)
    stored = database.value("select password from public.users where email = %s", email)
    assert password not in stored
    assert bcrypt.checkpw(password.encode(), stored.encode())
    assert not bcrypt.checkpw(password.encode()[:-1], stored.encode())
