"""Whatever strangers send, every function answers with a client error that names the field, never with 500."""

import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from werkzeug.test import TestResponse, encode_multipart

from common.requests import JSON_LIMIT_BYTES
from tests.cloud import PASSWORD, Account, Cloud
from tests.conftest import Functions
from tests.contract.endpoints import JSON_BODY, NAMES, OPEN, USER, body, method, path

VALID: dict[str, dict[str, Any]] = {
    "register": {"email": "new@example.com", "password": PASSWORD, "username": "new"},
    "login": {"email": "new@example.com", "password": PASSWORD},
    "record_usage": {"playback_token": "x", "used_bytes": 1},
    "upload_video": {"title": "t", "filename": "a.mp4", "size_bytes": 1, "content_type": "video/mp4"},
    "complete_upload": {"upload_id": str(uuid.uuid4())},
}
LISTS = ["list_videos", "list_logs"]


def assert_names(answer: TestResponse, field: str, status: int = 422) -> None:
    assert answer.status_code == status
    assert answer.json is not None
    assert field in answer.json["errors"]
    assert field in answer.json["message"]


@pytest.mark.parametrize("name", OPEN)
def test_an_unknown_parameter_is_named(functions: Functions, user: Account, name: str) -> None:
    answer = functions.client(name).open(
        path(name),
        method=method(name),
        query_string="limti=3",
        headers=user.headers,
        **(body(name) or {"json": VALID.get(name)}),
    )
    assert_names(answer, "limti")


@pytest.mark.parametrize("name", JSON_BODY)
@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"7", b"\xff", b"[" * 50_000, b'{"a":' + b"9" * 5000 + b"}"])
def test_a_body_that_is_no_json_object_is_refused(functions: Functions, user: Account, name: str, body: bytes) -> None:
    answer = functions.client(name).post("/", data=body, content_type="application/json", headers=user.headers)
    assert (answer.status_code, (answer.json or {})["code"]) == (400, "invalid_body")


@pytest.mark.parametrize("name", NAMES)
def test_a_body_of_ten_megabytes_is_refused_before_it_is_read(functions: Functions, user: Account, name: str) -> None:
    answer = functions.client(name).open(
        path(name), method=method(name), data=b" " * 10_000_000, content_type="application/json", headers=user.headers
    )
    assert (answer.status_code, (answer.json or {})["code"]) == (413, "body_too_large")


@pytest.mark.parametrize("name", JSON_BODY)
@pytest.mark.parametrize("size_bytes", [JSON_LIMIT_BYTES + 1, 3_000_000])
def test_a_body_that_does_not_announce_its_length_is_bounded_too(
    cloud: Cloud, user: Account, name: str, size_bytes: int
) -> None:
    def chunks() -> Iterator[bytes]:
        yield b'{"email":"'
        for _ in range(size_bytes // 1000 + 1):
            yield b"a" * 1000
        yield b'"}'

    headers = {**user.headers, "Content-Type": "application/json"}
    answer = cloud.client.post(f"/{name}", headers=headers, content=chunks())
    assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")


@pytest.mark.parametrize("parts", [{"title": "x" * 600_000}, {f"field{number}": "x" for number in range(1100)}])
def test_a_form_with_too_much_text_is_refused_as_that(
    functions: Functions, user: Account, parts: dict[str, str]
) -> None:
    # Encoded here: the test client would spool a large form to a file, and leave it open.
    boundary, body = encode_multipart(parts)
    content_type = f"multipart/form-data; boundary={boundary}"
    answer = functions.client("upload_video").post("/", data=body, content_type=content_type, headers=user.headers)
    assert (answer.status_code, (answer.json or {})["code"]) == (413, "body_too_large")


@pytest.mark.parametrize("name", JSON_BODY)
def test_a_body_that_is_not_json_is_refused(functions: Functions, user: Account, name: str) -> None:
    answer = functions.client(name).post("/", data="a=1", content_type="text/plain", headers=user.headers)
    assert answer.status_code == 415


@pytest.mark.parametrize("name", JSON_BODY)
def test_an_unknown_field_a_missing_one_and_a_wrong_type_are_named(
    functions: Functions, user: Account, name: str
) -> None:
    def post(body: object) -> TestResponse:
        return functions.client(name).post("/", json=body, headers=user.headers)

    assert_names(post(VALID[name] | {"rolle": "admin"}), "rolle")
    assert_names(post(VALID[name] | {"x\ud800": 1}), "x\ud800")
    for field in VALID[name]:
        assert_names(post({key: value for key, value in VALID[name].items() if key != field}), field)
        wrongs: list[Any] = [None, [], {}, True, "1" if field.endswith("_bytes") else 7]
        for wrong in wrongs:
            assert_names(post(VALID[name] | {field: wrong}), field)


TEXTS = [
    ("register", "username", "x" * 65),
    ("register", "username", "   "),
    ("register", "username", "a\x00b"),
    ("register", "username", "a\nb"),
    ("register", "username", "\ud800"),
    ("register", "username", "a\u2028b"),
    ("register", "email", "nobody"),
    ("register", "email", "a\x00@example.com"),
    ("register", "email", "x" * 250 + "@example.com"),
    ("register", "password", "short"),
    ("register", "password", "x" * 73),
    ("register", "password", "é" * 37),
    ("register", "password", "long enough\x00"),
    ("login", "email", "nobody"),
    ("login", "password", "x" * 73),
    ("login", "password", "\ud800"),
    ("record_usage", "used_bytes", -1),
    ("record_usage", "used_bytes", 2**63),
    ("record_usage", "used_bytes", 1.5),
    ("record_usage", "playback_token", "x" * 2001),
    ("upload_video", "title", "x" * 201),
    ("upload_video", "title", "a\u2028b"),
    ("upload_video", "filename", "a\x00.mp4"),
    ("upload_video", "filename", ""),
    ("upload_video", "size_bytes", 0),
    ("upload_video", "size_bytes", 2**40 + 1),
    ("upload_video", "size_bytes", 1e3),
    ("upload_video", "content_type", "x" * 256),
    ("upload_video", "upload_id", "7"),
    ("complete_upload", "upload_id", "00000000-0000-0000-0000-00000000000g"),
]


@pytest.mark.parametrize(("name", "field", "value"), TEXTS)
def test_a_value_out_of_bounds_is_named(
    functions: Functions, user: Account, name: str, field: str, value: object
) -> None:
    assert_names(functions.client(name).post("/", json=VALID[name] | {field: value}, headers=user.headers), field)


def test_a_role_cannot_be_registered(functions: Functions) -> None:
    assert_names(functions.client("register").post("/", json=VALID["register"] | {"role": "admin"}), "role")


@pytest.mark.parametrize("name", LISTS)
@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("limit", "0"), ("limit", "101"), ("limit", "-1"), ("limit", "many"), ("limit", "1.5"), ("limit", "1e3"),
        ("limit", "٣"), ("limit", "9" * 30), ("limit", ""), ("start", "-1"), ("start", "100001"), ("start", "x"),
        ("cursor", "forged"), ("cursor", ""), ("cursor", "A" * 4000), ("cursor", "%00"),
    ],
)  # fmt: skip
def test_a_page_out_of_bounds_is_named(functions: Functions, user: Account, name: str, field: str, value: str) -> None:
    answer = functions.client(name).get("/", query_string=f"{field}={value}", headers=user.headers)
    assert_names(answer, field)


@pytest.mark.parametrize("q", ["%00", "%0a", "x" * 101, "%20", "%F0%9F%98%80" * 101])
def test_a_search_out_of_bounds_is_named(functions: Functions, user: Account, q: str) -> None:
    assert_names(functions.client("list_videos").get("/", query_string=f"q={q}", headers=user.headers), "q")


@pytest.mark.parametrize("q", ["%27", "a%27b", "%25", "!%26|", "a:*", "😀", "x" * 100, "(", "\\"])
def test_a_search_for_anything_else_is_answered(functions: Functions, user: Account, q: str) -> None:
    assert functions.client("list_videos").get("/", query_string=f"q={q}", headers=user.headers).status_code == 200


@pytest.mark.parametrize(
    ("name", "field"),
    [("get_profile", "user_id"), ("list_videos", "user_id"), ("list_logs", "whose")],
)
@pytest.mark.parametrize("segment", ["7", "me", "%00", "00000000-0000-0000-0000-00000000000g", "a" * 3000, "%ff"])
def test_a_bad_uuid_is_named(functions: Functions, user: Account, name: str, field: str, segment: str) -> None:
    assert_names(functions.client(name).get(f"/{segment}", headers=user.headers), field)


@pytest.mark.parametrize("name", ["watch_video", "delete_video"])
@pytest.mark.parametrize("segment", ["", "%00", "%0a", "a%0ab.mp4", "a" * 300, "%20", "%e2%80%a8"])
def test_a_bad_filename_is_named(functions: Functions, user: Account, name: str, segment: str) -> None:
    answer = functions.client(name).open(f"/{segment}", method=method(name), headers=user.headers)
    assert_names(answer, "filename")


@pytest.mark.parametrize("size", ["0", "-1", "x", "9" * 20, "1.5", ""])
def test_a_bad_size_is_named(functions: Functions, user: Account, size: str) -> None:
    answer = functions.client("check_storage").get("/", query_string=f"size_bytes={size}", headers=user.headers)
    assert_names(answer, "size_bytes")


@pytest.mark.parametrize("name", USER)
def test_a_path_that_goes_on_leads_nowhere(functions: Functions, user: Account, name: str) -> None:
    answer = functions.client(name).open("/a/b/c", method=method(name), headers=user.headers, **body(name))
    assert answer.status_code == 404
