"""Methods and CORS are the same everywhere, errors included."""

import pytest

from tests.cloud import BROWSER_ORIGIN
from tests.conftest import Functions
from tests.contract.endpoints import FUNCTIONS, NAMES, OPEN, path

ALL_METHODS = {"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "PROPFIND"}


@pytest.mark.parametrize("name", NAMES)
def test_another_method_is_refused_and_the_right_ones_are_named(functions: Functions, name: str) -> None:
    methods = set(next(function.methods for function in FUNCTIONS if function.name == name))
    for method in sorted(ALL_METHODS - methods - {"PROPFIND"}):
        answer = functions.client(name).open(path(name), method=method)
        assert answer.status_code == 405
        assert set(answer.headers["Allow"].split(", ")) == methods | {"OPTIONS"}


@pytest.mark.parametrize("name", OPEN)
def test_a_preflight_of_an_allowed_origin_is_answered(functions: Functions, name: str) -> None:
    headers = {"Origin": BROWSER_ORIGIN, "Access-Control-Request-Method": "GET"}
    answer = functions.client(name).options("/", headers=headers)
    assert answer.status_code == 204
    assert answer.headers["Access-Control-Allow-Origin"] == BROWSER_ORIGIN
    assert "Authorization" in answer.headers["Access-Control-Allow-Headers"]
    methods = next(function.methods for function in FUNCTIONS if function.name == name)
    assert answer.headers["Access-Control-Allow-Methods"] == ", ".join(methods)


@pytest.mark.parametrize("name", OPEN)
@pytest.mark.parametrize("method", ["OPTIONS", "GET", "POST", "DELETE"])
def test_another_origin_is_told_nothing(functions: Functions, name: str, method: str) -> None:
    for origin in ("https://evil.example", "null", f"{BROWSER_ORIGIN}.evil.example"):
        answer = functions.client(name).open(path(name), method=method, headers={"Origin": origin})
        assert "Access-Control-Allow-Origin" not in answer.headers


@pytest.mark.parametrize("name", OPEN)
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_a_browser_may_read_errors_too(functions: Functions, name: str, method: str) -> None:
    answer = functions.client(name).open(path(name), method=method, headers={"Origin": BROWSER_ORIGIN})
    assert answer.status_code >= 400
    assert answer.headers["Access-Control-Allow-Origin"] == BROWSER_ORIGIN
    assert "Origin" in answer.headers["Vary"]
    assert "Retry-After" in answer.headers["Access-Control-Expose-Headers"]
