"""What strangers send: addresses that cannot be faked, paths, bodies that no parser may choke on."""

import base64
import json

import pytest
from flask import Request
from werkzeug.test import EnvironBuilder

from common import errors, requests
from common.requests import client_address, json_object, path_segment, query, request_id, throttling_key


def request(path: str = "/", **options: object) -> Request:
    return Request(EnvironBuilder(path=path, **options).get_environ())  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("forwarded", "proxies", "expected"),
    [
        ("203.0.113.9", 0, "203.0.113.9"),
        ("1.2.3.4, 203.0.113.9", 0, "203.0.113.9"),
        ("1.2.3.4, 203.0.113.9, 35.191.0.1", 1, "203.0.113.9"),
        (" , 203.0.113.9", 0, "203.0.113.9"),
        ("", 0, "unknown"),
        ("203.0.113.9", 2, "unknown"),
    ],
)
def test_the_client_is_whom_googles_front_saw_not_whom_the_client_named(
    forwarded: str, proxies: int, expected: str
) -> None:
    assert client_address(request(headers={"X-Forwarded-For": forwarded}), proxies) == expected


def test_an_ipv6_client_counts_as_its_network() -> None:
    assert throttling_key("2001:db8:1:2:3::4") == throttling_key("2001:db8:1:2:ffff::9") == "2001:db8:1:2::/64"
    assert throttling_key("203.0.113.9") == "203.0.113.9"
    assert throttling_key("::ffff:203.0.113.9") == "203.0.113.9"
    assert throttling_key("unknown") == "unknown"


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/", None),
        ("/get_profile", None),
        ("/get_profile/", None),
        ("/get_profile/7", "7"),
        ("/fn-get-profile/7", "7"),
        ("/7", "7"),
        ("/7/", "7"),
    ],
)
def test_the_segment_after_the_functions_address_is_found_wherever_it_is_deployed(
    path: str, expected: str | None
) -> None:
    assert path_segment(request(path), "get_profile") == expected


def test_more_segments_lead_nowhere() -> None:
    with pytest.raises(errors.NotFound):
        path_segment(request("/get_profile/7/8"), "get_profile")


def test_a_parameter_given_twice_is_named() -> None:
    assert query(request(query_string="a=1&b=2")) == {"a": "1", "b": "2"}
    with pytest.raises(errors.InvalidFields, match="a: Given more than once"):
        query(request(query_string="a=1&a=2"))


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (b"", errors.InvalidBody),
        (b"{", errors.InvalidBody),
        (b"[]", errors.InvalidBody),
        (b"null", errors.InvalidBody),
        (b"\xff\xfe", errors.InvalidBody),
        (b'{"n":' + b"9" * 5000 + b"}", errors.InvalidBody),
        (b"[" * 60_000, errors.InvalidBody),
        (b'{"a":' * 20_000, errors.InvalidBody),
        (b'{"a":"' + b"x" * requests.JSON_LIMIT_BYTES + b'"}', errors.BodyTooLarge),
    ],
)
def test_a_body_that_is_no_json_object_is_refused_not_stumbled_over(body: bytes, error: type[Exception]) -> None:
    with pytest.raises(error):
        json_object(request(method="POST", data=body, content_type="application/json"))


def test_a_body_of_another_type_is_refused() -> None:
    with pytest.raises(errors.UnsupportedMediaType):
        json_object(request(method="POST", data=b"{}", content_type="text/plain"))


def test_the_trace_id_of_googles_front_becomes_the_request_id() -> None:
    trace = "0123456789abcdef0123456789abcdef"
    assert request_id(request(headers={"X-Cloud-Trace-Context": f"{trace}/1;o=1"})) == trace
    assert request_id(request(headers={"X-Cloud-Trace-Context": "<script>"})) != "<script>"


def oidc(claims: object) -> str:
    payload = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    return f"Bearer header.{payload}.SIGNATURE_REMOVED_BY_GOOGLE"


@pytest.mark.parametrize(
    "authorization",
    ["", "Bearer x", "Bearer a.b.c", oidc([]), oidc({}), oidc({"email": "other@x", "email_verified": True}),
     oidc({"email": "tasks@x"}), oidc({"email": "tasks@x", "email_verified": False})],
)  # fmt: skip
def test_a_private_function_takes_no_other_service_account(authorization: str) -> None:
    with pytest.raises(errors.Forbidden):
        requests.require_account(request(headers={"Authorization": authorization}), "tasks@x")


def test_a_private_function_takes_its_service_account() -> None:
    token = oidc({"email": "tasks@x", "email_verified": True})
    requests.require_account(request(headers={"Authorization": token}), "tasks@x")
