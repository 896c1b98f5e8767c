"""docs/examples/direct-upload.js, the very module that pages copy, brings files to both hosts, on good and bad days."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from common.quota import MIB
from tests.cloud import Cloud, eventually
from tests.media.line import Line
from tests.media.page import Page, calls, happenings, sent

CHUNK_BYTES = 8 * MIB
OVERHEAD_BYTES = 64 * 1024  # of headers and forms
LARGE, MEDIUM, SMALL = 45_000_000, 20_000_000, 300_000  # bytes
Video = Callable[[int], bytes]
NewPage = Callable[[int], Page]


@pytest.fixture
def new_page(host: Cloud, video: Video, tmp_path: Path) -> NewPage:
    """Makes the page of a fresh account with a file of so many bytes."""
    return lambda size_bytes: Page(host, host.register(), tmp_path, video(size_bytes))


@pytest.fixture
def media_line(host: Cloud) -> Iterator[Line]:
    yield from _line(host.granted()["MEDIA_DELIVERY_URL"])


@pytest.fixture
def api_line(host: Cloud) -> Iterator[Line]:
    yield from _line(host.base_url)


def _line(url: str) -> Iterator[Line]:
    line = Line(urlsplit(url).port or 0)
    yield line
    line.close()


@pytest.fixture(autouse=True)
def _no_faults_afterwards(host: Cloud) -> Iterator[None]:
    yield
    host.set_faults({})


@pytest.mark.parametrize("size_bytes", [LARGE, SMALL])
def test_a_file_goes_up_in_chunks_and_is_delivered_byte_for_byte(new_page: NewPage, size_bytes: int) -> None:
    page = new_page(size_bytes)
    happened = page.run()
    page.check(happened)
    assert sent(happened) == [*range(0, size_bytes, CHUNK_BYTES), size_bytes]
    assert calls(happened, "POST /upload_video") == calls(happened, "POST /complete_upload") == 1


def test_a_line_that_breaks_in_the_middle_of_a_chunk_costs_no_other_chunk(new_page: NewPage, media_line: Line) -> None:
    page = new_page(LARGE)
    page.lines = {media_line.server_port: media_line.port}
    media_line.break_at_bytes = 20_000_000
    process = page.start()
    eventually(lambda: media_line.is_broken)
    media_line.break_at_bytes = None
    page.check(list(happenings(process)))
    assert LARGE < media_line.sent_bytes < LARGE + CHUNK_BYTES + OVERHEAD_BYTES


def test_after_a_reload_what_was_confirmed_is_not_sent_again(new_page: NewPage, media_line: Line) -> None:
    page = new_page(LARGE)
    page.lines = {media_line.server_port: media_line.port}
    media_line.break_at_bytes = 20_000_000
    process = page.start()
    eventually(lambda: media_line.is_broken)
    process.kill()
    confirmed_bytes = sent(list(happenings(process)))[-1]
    assert confirmed_bytes == 2 * CHUNK_BYTES

    media_line.break_at_bytes, media_line.sent_bytes = None, 0
    happened = page.run()
    page.check(happened)
    assert sent(happened)[0] == confirmed_bytes
    assert 0 <= media_line.sent_bytes - (LARGE - confirmed_bytes) < OVERHEAD_BYTES


@pytest.mark.parametrize("status", [500, 429])
def test_a_media_host_that_fails_for_a_while_is_waited_for(new_page: NewPage, host: Cloud, status: int) -> None:
    page = new_page(MEDIUM)
    assert page.run(pauseAt=CHUNK_BYTES)[-1]["name"] == "AbortError"
    host.set_faults({"upload": {"status": status, "times": 2}})
    happened = page.run()
    page.check(happened)
    assert calls(happened, "POST /upload_video") == 1  # the ticket was not to blame


def test_a_signature_that_the_media_host_refuses_is_renewed(new_page: NewPage, host: Cloud) -> None:
    page = new_page(MEDIUM)
    page.run(pauseAt=CHUNK_BYTES)
    host.set_faults({"upload": {"status": 401, "times": 1}})
    happened = page.run()
    page.check(happened)
    assert calls(happened, "POST /upload_video") == 2


def test_what_the_media_host_goes_on_refusing_is_an_error(new_page: NewPage, host: Cloud) -> None:
    page = new_page(MEDIUM)
    page.run(pauseAt=CHUNK_BYTES)
    host.set_faults({"upload": {"status": 403}})
    refused = page.run()[-1]
    assert (refused["event"], refused["code"], refused["status"]) == ("failed", "media_host_refused", 403)
    assert host.storage(page.account) == (0, 0)
    host.set_faults({})
    page.check(page.run())  # anew


def test_a_file_that_is_no_video_is_refused_and_gives_its_reservation_back(host: Cloud, tmp_path: Path) -> None:
    page = Page(host, host.register(), tmp_path, bytes(MEDIUM))
    refused = page.run()[-1]
    assert refused["code"] in ("media_host_refused", "not_a_video"), refused
    assert host.storage(page.account) == (0, 0)
    assert page.storage == {}


def test_a_media_host_that_is_killed_on_the_way_loses_nothing(new_page: NewPage, host: Cloud) -> None:
    page = new_page(LARGE)
    happened = []
    for one in happenings(page.start()):
        happened.append(one)
        if one.get("sentBytes") == 2 * CHUNK_BYTES:
            host.kill("media_host")
    page.check(happened)
    assert calls(happened, "POST /complete_upload") == 1


@pytest.mark.parametrize("path", ["upload_video", "complete_upload"])
def test_an_answer_of_the_api_that_gets_lost_makes_no_second_upload(
    new_page: NewPage, api_line: Line, path: str
) -> None:
    page = new_page(LARGE)  # two of them would not fit
    page.lines = {api_line.server_port: api_line.port}
    api_line.loses_answer_to = f"POST /{path}".encode()
    page.check(page.run())
    assert api_line.loses_answer_to is None


def test_completing_waits_for_a_media_host_that_is_away_for_a_moment(new_page: NewPage, host: Cloud) -> None:
    page = new_page(MEDIUM)
    held = host.hold("media_webhook")  # it would tell the API first
    host.kill("media_webhook")
    page.run(pauseAt=MEDIUM)
    is_bucket = host.granted()["MEDIA_URL"].startswith("s3:")
    # boto3 asks twice before it gives up.
    host.set_faults({"upload" if is_bucket else "explicit": {"status": 503, "times": 2 if is_bucket else 1}})
    happened = page.run()
    held.unlink()
    page.check(happened)
    assert calls(happened, "POST /complete_upload") == 2


def test_another_browser_goes_on_with_an_open_upload(new_page: NewPage, host: Cloud) -> None:
    page = new_page(MEDIUM)
    page.run(pauseAt=CHUNK_BYTES)
    page.storage = {}
    (upload,) = host.get("/check_storage", page.account)["open_uploads"]
    page.check(page.run(uploadId=upload["upload_id"]))


def test_another_file_does_not_go_on_with_an_open_upload(new_page: NewPage, host: Cloud) -> None:
    page = new_page(MEDIUM)
    page.run(pauseAt=CHUNK_BYTES)
    (upload,) = host.get("/check_storage", page.account)["open_uploads"]
    other = new_page(SMALL)
    other.account = page.account
    assert other.run(uploadId=upload["upload_id"])[-1]["code"] == "wrong_file"


def test_a_cancelled_upload_gives_its_reservation_back(new_page: NewPage, host: Cloud) -> None:
    page = new_page(MEDIUM)
    page.run(pauseAt=CHUNK_BYTES)
    assert host.storage(page.account) == (0, MEDIUM)
    assert page.run("cancel")[-1]["event"] == "done"
    assert host.storage(page.account) == (0, 0)
    assert page.storage == {}
    page.check(page.run())  # anew


def test_a_file_that_does_not_fit_is_refused_with_a_code_before_a_byte_is_sent(new_page: NewPage) -> None:
    page = new_page(53_000_000)
    happened = page.run()
    refused = happened[-1]
    assert (refused["event"], refused["code"], refused["status"]) == ("failed", "storage_quota_exceeded", 413)
    assert [one["call"] for one in happened if "call" in one] == ["POST /upload_video"]
