"""Every error is an RFC 9457 problem with the same members, and never shows what went wrong inside."""

import re
from unittest import mock

import pytest

from common import errors
from common.db import Database
from local.catalog import ROOT
from tests.cloud import BROWSER_ORIGIN, Account
from tests.conftest import Functions
from tests.contract.endpoints import NAMES, OPEN, body, method, path

MEMBERS = {"type", "title", "status", "detail", "message", "code", "request_id"}


@pytest.mark.parametrize("name", NAMES)
def test_an_error_is_a_problem_document(functions: Functions, name: str) -> None:
    answer = functions.client(name).put(path(name))
    assert answer.mimetype == "application/problem+json"
    assert answer.json is not None
    assert set(answer.json) >= MEMBERS
    assert answer.json["message"] == answer.json["detail"]
    assert answer.json["status"] == answer.status_code
    assert answer.json["request_id"] == answer.headers["X-Request-Id"]
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("name", NAMES)
def test_the_platforms_trace_id_is_the_request_id(functions: Functions, name: str) -> None:
    trace = "0123456789abcdef0123456789abcdef"
    answer = functions.client(name).put(path(name), headers={"X-Cloud-Trace-Context": f"{trace}/1;o=1"})
    assert answer.headers["X-Request-Id"] == trace


@pytest.mark.parametrize("name", OPEN)
def test_an_unforeseen_exception_answers_500_and_shows_nothing_of_itself(
    functions: Functions, user: Account, name: str
) -> None:
    bodies = {
        "register": {"email": "a@example.com", "password": "x" * 8, "username": "u"},
        "login": {"email": "a@example.com", "password": "x"},
    }
    with mock.patch.object(Database, "call", side_effect=RuntimeError("secret detail at /srv/app.py")):
        answer = functions.client(name).open(
            path(name), method=method(name), headers=user.headers, **({"json": bodies.get(name)} | body(name))
        )
    assert answer.status_code == 500
    assert answer.json is not None
    assert answer.json["code"] == "internal_error"
    assert "secret detail" not in answer.text
    assert "Traceback" not in answer.text


@pytest.mark.parametrize("path", ["/robots.txt", "/favicon.ico", "/a%0Ab.mp4"])
@pytest.mark.parametrize("name", OPEN)
def test_paths_that_the_framework_keeps_to_itself_are_answered_like_any_other(
    functions: Functions, user: Account, name: str, path: str
) -> None:
    headers = {**user.headers, "Origin": BROWSER_ORIGIN}
    answer = functions.client(name).open(path, method=method(name), headers=headers, **body(name))
    assert answer.mimetype == "application/problem+json"
    assert answer.status_code in (404, 422) or name in ("register", "login")
    assert answer.headers["Access-Control-Allow-Origin"] == BROWSER_ORIGIN


def test_every_code_that_sql_raises_is_an_error_with_that_status() -> None:
    raised = set()
    for file in (ROOT / "supabase" / "migrations").glob("*.sql"):
        raised |= set(re.findall(r"private\.fail\('PT(\d{3})', '(\w+)'", file.read_text()))
    assert len(raised) > 10
    for status, code in raised:
        error = errors.from_code(code)
        assert error is not None
        assert int(error.status) == int(status)


def test_every_error_has_a_stable_code_of_its_own_and_a_message() -> None:
    classes = errors.ApiError.__subclasses__()
    codes = [error.code for error in classes]
    assert len(set(codes)) == len(codes)
    for error in classes:
        assert re.fullmatch(r"[a-z_]+", error.code)
        assert error.message
        assert errors.from_code(error.code) is error


@pytest.mark.parametrize(
    ("error", "phrase"),
    [
        (errors.StorageQuotaExceeded, "Exceeding total storage limit"),
        (errors.BandwidthQuotaExceeded, "Exceeding daily bandwidth limit"),
        (errors.UploadInProgress, "Already uploading"),
        (errors.InvalidCredentials, "Invalid credentials"),
        (errors.EmailTaken, "User already exists"),
    ],
)
def test_the_phrases_that_existing_frontends_look_for_stay(error: type[errors.ApiError], phrase: str) -> None:
    assert phrase in error.message
