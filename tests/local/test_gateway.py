"""What the gateway does to a request on its way: which function, who may call, which headers."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from local import catalog
from local.oidc import REMOVED_SIGNATURE, Issuer
from tests.local.front import ORIGIN, SCHEDULER, TASKS, Front, running_front

front = pytest.fixture(scope="module")(running_front)


@pytest.mark.parametrize(
    ("method", "path", "target"),
    [
        ("POST", "/register", "/"),
        ("GET", "/watch_video/a.mp4?x=1", "/a.mp4?x=1"),
        ("GET", "/watch_video/", "/"),
        ("GET", "/watch_video/a%2Fb%20c/%C3%A4?q=%26&r=a+b", "/a%2Fb%20c/%C3%A4?q=%26&r=a+b"),
        ("POST", "/api/users/register", "/"),
        ("GET", "/api/videos/stream?limit=2&start=4", "/?limit=2&start=4"),
        ("GET", "/api/videos/stream/a%2Fb.mp4", "/a%2Fb.mp4"),
        ("GET", "/api/videos/stream/..%2F..%2Flogin", "/..%2F..%2Flogin"),
        ("GET", "/api/videos/user/42", "/42"),
        ("DELETE", "/api/videos/delete/x.mp4", "/x.mp4"),
        ("DELETE", "/api/videos/delete-all", "/all"),
        ("POST", "/api/usage/daily-usage", "/"),
    ],
)
def test_a_function_sees_the_rest_of_its_path_untouched(front: Front, method: str, path: str, target: str) -> None:
    seen = front.seen(method, path)
    assert (seen["method"], seen["target"]) == (method, target)


def test_every_alias_of_the_catalog_reaches_its_function(front: Front) -> None:
    for function in catalog.load().values():
        headers = {"Authorization": f"Bearer {front.issuer.token(TASKS, f'{front.url}/{function.name}')}"}
        for route in function.routes:
            path = re.sub(r"\{\w+\}", "some-value", route.path)
            if function.name != "get_profile":
                target = re.sub(r"\{\w+\}", "some-value", route.target)
                assert front.seen(route.method, path, headers=headers)["target"] == target


@pytest.mark.parametrize("path", ["/", "/nothing", "/api/videos", "/api/videos/stream/a/b", "/registe", "/register%2F"])
def test_an_unknown_path_is_404(front: Front, path: str) -> None:
    assert front.refused("GET", path).json()["code"] == "not_found"


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [("GET", "/api/users/login", "POST"), ("DELETE", "/api/usage/daily-usage", "GET, POST")],
)
def test_an_alias_with_another_method_is_405_and_says_which_are_allowed(
    front: Front, method: str, path: str, allowed: str
) -> None:
    answer = front.refused(method, path)
    assert (answer.status_code, answer.headers["allow"]) == (405, f"{allowed}, OPTIONS")


def test_a_preflight_reaches_a_function_whatever_method_it_announces(front: Front) -> None:
    for method in ("DELETE", "PATCH"):
        headers = {"Origin": ORIGIN, "Access-Control-Request-Method": method}
        assert front.seen("OPTIONS", "/api/videos/delete-all", headers=headers)["method"] == "OPTIONS"


@pytest.mark.parametrize(
    "token",
    [
        pytest.param(lambda front, _: "", id="none"),
        pytest.param(lambda front, _: "not.a.token", id="garbage"),
        pytest.param(lambda front, path: Issuer.load(path).token(TASKS, f"{front.url}/write_log"), id="foreign key"),
        pytest.param(lambda front, _: front.issuer.token(TASKS, f"{front.url}/login"), id="wrong audience"),
        pytest.param(lambda front, _: front.issuer.token(SCHEDULER, f"{front.url}/write_log"), id="wrong account"),
    ],
)
def test_a_private_function_is_closed_without_its_own_account_s_token(front: Front, tmp_path: Path, token: Any) -> None:
    value = token(front, tmp_path / "foreign.pem")
    headers = {"Authorization": f"Bearer {value}"} if value else {}
    for path in ("/write_log", "/write_log/", "/api/logs/add"):
        answer = front.refused("POST", path, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")


def test_a_private_function_gets_the_token_without_its_signature(front: Front) -> None:
    token = front.issuer.token(TASKS, f"{front.url}/write_log")
    for path in ("/write_log", "/api/logs/add"):
        seen = front.seen("POST", path, headers={"Authorization": f"Bearer {token}"})
        head, claims, _ = token.split(".")
        assert seen["headers"]["authorization"] == f"Bearer {head}.{claims}.{REMOVED_SIGNATURE}"


def test_only_the_scheduler_s_account_may_call_a_scheduled_function(front: Front) -> None:
    for account, status in ((TASKS, 403), (SCHEDULER, 200)):
        token = front.issuer.token(account, f"{front.url}/reset_usage")
        headers = {"Authorization": f"Bearer {token}"}
        assert front.client.post(f"{front.url}/reset_usage", headers=headers).status_code == status


def test_a_foreign_origin_gets_no_cors_headers(front: Front) -> None:
    answer = front.refused("GET", "/nothing", headers={"Origin": "https://elsewhere.example"})
    assert "access-control-allow-origin" not in answer.headers


def test_the_peer_s_address_is_the_last_of_x_forwarded_for(front: Front) -> None:
    assert front.seen("GET", "/login")["headers"]["x-forwarded-for"] == "127.0.0.1"
    seen = front.seen("GET", "/login", headers={"X-Forwarded-For": "1.2.3.4, 5.6.7.8", "X-Forwarded-Proto": "gopher"})
    assert seen["headers"]["x-forwarded-for"] == "1.2.3.4, 5.6.7.8, 127.0.0.1"
    assert seen["headers"]["x-forwarded-proto"] == "http"


def test_a_trace_is_kept_if_it_is_one_and_made_if_it_is_not(front: Front) -> None:
    mine = f"{'ab' * 16}/7;o=1"
    assert (
        front.seen("GET", "/login", headers={"X-Cloud-Trace-Context": mine})["headers"]["x-cloud-trace-context"] == mine
    )
    for headers in ({}, {"X-Cloud-Trace-Context": '"}{'}):
        made = front.seen("GET", "/login", headers=headers)["headers"]["x-cloud-trace-context"]
        assert re.fullmatch(r"[0-9a-f]{32}/\d+;o=1", made)


def test_headers_of_one_connection_stay_on_it_and_the_host_is_kept(front: Front) -> None:
    headers = {"Connection": "close, X-Secret-Hop", "X-Secret-Hop": "1", "TE": "trailers", "X-Other": "2"}
    seen = front.seen("GET", "/login", headers=headers)["headers"]
    assert seen["host"] == front.url.removeprefix("http://")
    assert seen["x-other"] == "2"
    assert not {"x-secret-hop", "te", "connection"} & set(seen)
    assert "connection" not in front.client.get(f"{front.url}/login").headers
