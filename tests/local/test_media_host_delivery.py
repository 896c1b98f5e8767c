"""The local media host delivers videos in ranges and posters as JPEGs, and nothing but what was uploaded."""

from __future__ import annotations

import http.client
import re
import time
from collections.abc import Iterator
from typing import Any

import cloudinary.api
import cloudinary.uploader
import cloudinary.utils
import httpx
import pytest

from local.demo_videos import make_video
from tests.local.media_host_process import CLOUD, MediaHostProcess, running_host, signed_form

JPEG_START = b"\xff\xd8\xff"


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MediaHostProcess]:
    with running_host(tmp_path_factory.mktemp("media") / "state") as host:
        yield host


@pytest.fixture(scope="module")
def content(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("videos") / "video.mp4"
    make_video(path, seconds=2)
    return path.read_bytes()


@pytest.fixture(scope="module")
def asset(host: MediaHostProcess, content: bytes) -> dict[str, Any]:
    answer: dict[str, Any] = cloudinary.uploader.upload(content, resource_type="video", public_id="users/u1/v1")
    return answer


def get(url: str, **headers: str) -> httpx.Response:
    return httpx.get(url, headers={name.replace("_", "-"): value for name, value in headers.items()}, trust_env=False)


def raw_get(host: MediaHostProcess, path: str) -> int:
    """The status for a path exactly as written: other clients resolve `..` themselves."""
    connection = http.client.HTTPConnection("127.0.0.1", host.port)
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    finally:
        connection.close()


def test_a_video_is_delivered_as_it_was_uploaded(asset: dict[str, Any], content: bytes) -> None:
    answer = get(asset["secure_url"])
    assert answer.content == content
    assert answer.headers["Content-Type"] == "video/mp4"
    assert answer.headers["Accept-Ranges"] == "bytes"
    assert answer.headers["Access-Control-Allow-Origin"] == "*"


@pytest.mark.parametrize("middle", ["", "v1/", "v99/", "q_auto,w_320/", "sp_hd/q_auto/v1/"])
def test_version_and_transformations_lead_to_the_same_video(
    host: MediaHostProcess, asset: dict[str, Any], content: bytes, middle: str
) -> None:
    assert get(f"{host.url}/{CLOUD}/video/upload/{middle}{asset['public_id']}.mp4").content == content


def test_head_answers_the_headers_alone(asset: dict[str, Any], content: bytes) -> None:
    answer = httpx.head(asset["url"], trust_env=False)
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["Content-Length"] == str(len(content))


@pytest.mark.parametrize(
    ("asked", "start", "stop"),
    [("bytes=0-99", 0, 100), ("bytes=100-", 100, None), ("bytes=-50", -50, None), ("bytes=0-99999999", 0, None)],
)
def test_a_range_is_answered_with_206(
    asset: dict[str, Any], content: bytes, asked: str, start: int, stop: int | None
) -> None:
    answer = get(asset["url"], range=asked)
    expected = content[start:stop]
    first = start % len(content)
    assert (answer.status_code, answer.content) == (206, expected)
    assert answer.headers["Content-Range"] == f"bytes {first}-{first + len(expected) - 1}/{len(content)}"


@pytest.mark.parametrize("asked", ["bytes=0-1,5-6", "bytes=a-b", "lines=1-2"])
def test_a_range_that_is_not_served_gives_the_whole_video(asset: dict[str, Any], content: bytes, asked: str) -> None:
    answer = get(asset["url"], range=asked)
    assert (answer.status_code, answer.content) == (200, content)


def test_a_range_behind_the_end_is_answered_with_416(asset: dict[str, Any], content: bytes) -> None:
    answer = get(asset["url"], range=f"bytes={len(content)}-")
    assert answer.status_code == 416
    assert answer.headers["Content-Range"] == f"bytes */{len(content)}"


def test_caches_can_ask_whether_a_video_changed(asset: dict[str, Any], content: bytes) -> None:
    etag = get(asset["url"]).headers["ETag"]
    assert get(asset["url"], if_none_match=etag).status_code == 304
    assert get(asset["url"], range="bytes=0-9", if_range=etag).status_code == 206
    assert get(asset["url"], range="bytes=0-9", if_range='"another"').content == content


@pytest.mark.parametrize("offset", ["", "so_0.5/", "so_50p,w_100/", "so_999/"])
def test_the_same_address_with_jpg_is_a_poster(host: MediaHostProcess, asset: dict[str, Any], offset: str) -> None:
    url = f"{host.url}/{CLOUD}/video/upload/{offset}v{asset['version']}/{asset['public_id']}.jpg"
    first, again = get(url), get(url)
    assert first.headers["Content-Type"] == "image/jpeg"
    assert first.content.startswith(JPEG_START)
    assert again.content == first.content


@pytest.mark.parametrize("path", ["users/u1/v1.webm", "users/u1/nobody.mp4", "users/u1/v1", "v1/.mp4"])
def test_what_is_not_there_is_named_in_a_header(host: MediaHostProcess, asset: dict[str, Any], path: str) -> None:
    answer = get(f"{host.url}/{CLOUD}/video/upload/{path}")
    assert answer.status_code == 404
    assert answer.headers["X-Cld-Error"].startswith("Resource not found - ")


def test_another_cloud_has_none_of_these_videos(host: MediaHostProcess, asset: dict[str, Any]) -> None:
    assert get(f"{host.url}/other/video/upload/{asset['public_id']}.mp4").status_code == 404


@pytest.mark.parametrize(
    "path",
    [
        "../../media.db",
        "%2e%2e/%2e%2e/media.db",
        "..%2f..%2fmedia.db",
        "/etc/passwd",
        "%2fetc%2fpasswd",
        "files/x%00.mp4",
    ],
)
def test_no_path_leads_out_of_the_library(host: MediaHostProcess, asset: dict[str, Any], path: str) -> None:
    assert raw_get(host, f"/{CLOUD}/video/upload/{path}") == 404


def test_an_authenticated_video_needs_its_signature(host: MediaHostProcess, content: bytes) -> None:
    answer = cloudinary.uploader.upload(content, resource_type="video", type="authenticated", public_id="a/b c")
    options = {"resource_type": "video", "type": "authenticated", "sign_url": True}
    signed = [
        cloudinary.utils.cloudinary_url("a/b c.mp4", **options)[0],
        cloudinary.utils.cloudinary_url("a/b c.mp4", **options, long_url_signature=True)[0],
        cloudinary.utils.cloudinary_url("a/b c.mp4", **options, raw_transformation="q_auto")[0],
    ]
    paths = ["/" + url.split("/", 3)[3] for url in signed]

    assert [get(host.url + path).content for path in paths] == [content] * 3
    assert get(answer["url"]).content == content  # it carries its signature, as the listing's does
    assert answer["url"] == cloudinary.api.resource("a/b c", resource_type="video", type="authenticated")["url"]
    assert get(re.sub("s--.*?--/", "", answer["url"])).status_code == 401
    assert get(host.url + paths[0].replace("s--", "s--x")).status_code == 401
    assert get(host.url + paths[0].replace(".mp4", ".jpg")).status_code == 401  # signed for another file


def test_browsers_of_any_origin_may_upload_in_chunks(host: MediaHostProcess, content: bytes) -> None:
    url = f"{host.url}/v1_1/{CLOUD}/video/upload"
    origin = {"Origin": "http://localhost:3000"}
    asked = {
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "content-range,x-unique-upload-id",
    }
    preflight = httpx.options(url, headers=origin | asked, trust_env=False)
    assert preflight.status_code == 204
    assert preflight.headers["Access-Control-Allow-Origin"] == "*"
    assert "POST" in preflight.headers["Access-Control-Allow-Methods"]
    allowed = preflight.headers["Access-Control-Allow-Headers"].lower().split(", ")
    assert {"content-range", "x-unique-upload-id"} <= set(allowed)

    chunk = origin | {"X-Unique-Upload-Id": "u", "Content-Range": f"bytes 0-{len(content) - 1}/{len(content)}"}
    form = signed_form({"timestamp": str(int(time.time()))})
    for fields, status in ((form, 200), (form | {"signature": "wrong"}, 401)):
        answer = httpx.post(url, data=fields, files={"file": ("blob", content)}, headers=chunk, trust_env=False)
        assert (answer.status_code, answer.headers["Access-Control-Allow-Origin"]) == (status, "*")
