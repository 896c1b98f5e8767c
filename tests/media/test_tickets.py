"""Direct uploads over HTTP on both media hosts: what a ticket allows, what is refused, and the way to a video."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from common.quota import MIB, OPEN_UPLOADS, STORAGE_QUOTA_BYTES, UPLOAD_BANDWIDTH_BYTES
from tests.cloud import Account, Cloud, eventually
from tests.media.adapters import LARGE_BYTES
from tests.media.browser import send, send_chunk
from tests.media.client import ANNOUNCED, again, ask, complete, completed, delete, refused, ticket

Video = Callable[..., bytes]
TITLE = "& = ? # % + \"quotes\" 'single' \\ back 😀 漢字 <b>"


@pytest.fixture
def account(host: Cloud) -> Account:
    """A fresh account of this host's cloud."""
    return host.register()


def test_from_the_question_whether_it_fits_to_the_last_byte_gone(host: Cloud, account: Account, video: Video) -> None:
    file = video(LARGE_BYTES)
    assert host.get(f"/check_storage?size_bytes={len(file)}", account)["can_upload"] is True
    opened = ticket(host, account, len(file), title="My holiday", filename="IMG_0001.MP4")
    assert opened.keys() >= {"upload_id", "expires_at", "size_bytes", "complete", "resume", "cancel", "message"}
    assert host.storage(account) == (0, len(file))
    (shown,) = host.get("/check_storage", account)["open_uploads"]
    assert (shown["upload_id"], shown["title"], shown["size_bytes"]) == (opened["upload_id"], "My holiday", len(file))
    send(opened, file)
    row = completed(host, account, opened["upload_id"])
    assert (row["title"], row["size_bytes"], row["filename"]) == ("My holiday", len(file), f"{row['id']}.mp4")
    assert host.storage(account) == (len(file), 0)
    assert host.get("/check_storage", account)["open_uploads"] == []
    assert host.get(f"/list_videos/{account.id}", account)["videos"] == [row]
    watched = host.get(f"/watch_video/{row['filename']}", account)
    part = httpx.get(watched["url"], headers={"Range": "bytes=100-199"}, trust_env=False)
    assert (part.status_code, part.content) == (206, file[100:200])
    assert watched["url_expires_at"] is None
    assert delete(host, account, row["filename"]).json()["deleted"] == 1
    assert httpx.get(watched["url"], trust_env=False).status_code in (403, 404)
    assert host.storage(account) == (0, 0)
    assert host.media(f"reelay/{account.id}") == []


def test_the_ticket_names_what_the_client_does_next(host: Cloud, account: Account, video: Video) -> None:
    opened = ticket(host, account, len(video()))
    shown = again(host, account, opened["upload_id"]).json()
    assert opened["resume"]["body"] == {"upload_id": opened["upload_id"]}
    resumed = host.client.request(
        opened["resume"]["method"], opened["resume"]["path"], json=opened["resume"]["body"], headers=account.headers
    )
    assert resumed.json().keys() == shown.keys() == opened.keys()
    send(resumed.json(), video())
    done = opened["complete"]
    answer = host.client.request(done["method"], done["path"], json=done["body"], headers=account.headers)
    assert answer.json()["file"]["id"] == opened["upload_id"]
    other = ticket(host, account, 100)
    given_up = host.client.request(other["cancel"]["method"], other["cancel"]["path"], headers=account.headers)
    assert given_up.json() == {"message": "Upload cancelled", "deleted": 0}


def test_a_title_survives_the_way_over_the_host(host: Cloud, account: Account, video: Video) -> None:
    opened = ticket(host, account, len(video()), title=TITLE)
    send(opened, video())
    assert completed(host, account, opened["upload_id"])["title"] == TITLE


def test_what_exceeds_the_storage_is_refused_as_a_form_would_be(host: Cloud, account: Account, video: Video) -> None:
    too_much = refused(
        ask(host, account, **ANNOUNCED, size_bytes=STORAGE_QUOTA_BYTES + 1), 413, "storage_quota_exceeded"
    )
    assert "Exceeding total storage limit" in too_much["message"]
    assert too_much["remaining_bytes"] == STORAGE_QUOTA_BYTES
    ticket(host, account, STORAGE_QUOTA_BYTES - len(video()) + 1)
    by_ticket = refused(ask(host, account, **ANNOUNCED, size_bytes=len(video())), 413, "storage_quota_exceeded")
    by_form = refused(host.upload(account, video()), 413, "storage_quota_exceeded")
    for answer in (by_ticket, by_form):
        del answer["request_id"]
    assert by_ticket == by_form
    ticket(host, account, len(video()) - 1)


def test_what_exceeds_the_days_bandwidth_is_refused_as_a_form_would_be(
    host: Cloud, account: Account, video: Video
) -> None:
    left = len(video()) - 1
    spent = UPLOAD_BANDWIDTH_BYTES - left
    host.sql(
        "insert into daily_usage (user_id, day, upload_used_bytes) values (%s, (now() at time zone 'utc')::date, %s)",
        account.id, spent,
    )  # fmt: skip
    by_ticket = refused(ask(host, account, **ANNOUNCED, size_bytes=len(video())), 429, "bandwidth_quota_exceeded")
    by_form = refused(host.upload(account, video()), 429, "bandwidth_quota_exceeded")
    for answer in (by_ticket, by_form):
        del answer["request_id"], answer["retry_after_seconds"]
    assert by_ticket == by_form
    assert (by_ticket["used_bytes"], by_ticket["remaining_bytes"]) == (spent, left)
    ticket(host, account, left)
    host.sql("update daily_usage set upload_used_bytes = 0 where user_id = %s", account.id)


def test_what_is_announced_as_no_video_gets_no_ticket(host: Cloud, account: Account) -> None:
    for content_type, filename in (
        ("text/plain", "a.mp4"),
        ("image/gif", "a.gif"),
        ("", "a.txt"),
        ("audio/mp4", "a.mp4"),
    ):
        body = {**ANNOUNCED, "size_bytes": 10, "content_type": content_type, "filename": filename}
        refused(ask(host, account, **body), 415, "not_a_video")
    assert host.storage(account) == (0, 0)


def bad_fields() -> list[tuple[dict[str, Any], set[str]]]:
    """(what is sent instead of a good announcement, the fields at fault)"""
    good = {**ANNOUNCED, "size_bytes": 10}
    cases: list[tuple[dict[str, Any], set[str]]] = [({}, {"title", "filename", "size_bytes", "content_type"})]
    cases += [({name: value for name, value in good.items() if name != left}, {left}) for left in good]
    sizes = (0, -1, 2**40 + 1, 1.5, "10", None, True, [1])
    cases += [({**good, "size_bytes": size}, {"size_bytes"}) for size in sizes]
    cases += [({**good, "title": title}, {"title"}) for title in ("", " ", "x" * 201, "a\nb", "a\x00", 7, None)]
    cases += [({**good, "filename": name}, {"filename"}) for name in ("", "x" * 256, None)]
    cases += [({**good, "content_type": kind}, {"content_type"}) for kind in ("x" * 256, None, "video/mp4\n")]
    cases += [({**good, "user_id": str(uuid.uuid4())}, {"user_id"}), ({"upload_id": "1"}, {"upload_id"})]
    cases += [({"upload_id": str(uuid.uuid4()), "title": "t"}, {"title"}), ({"upload_id": None}, {"upload_id"})]
    return cases


def test_bad_fields_are_named_one_by_one(host: Cloud, account: Account) -> None:
    for body, at_fault in bad_fields():
        assert set(refused(ask(host, account, **body), 422, "invalid_fields")["errors"]) == at_fault, body
    for content in (b"", b"[]", b"{"):
        headers = {**account.headers, "Content-Type": "application/json"}
        refused(host.client.post("/upload_video", content=content, headers=headers), 400, "invalid_body")
    assert host.get("/check_storage", account)["open_uploads"] == []


def test_a_ticket_is_given_again_as_long_as_the_upload_is_open(host: Cloud, account: Account, video: Video) -> None:
    file = video(LARGE_BYTES)
    opened = ticket(host, account, len(file))
    send(opened, file, but={2})
    answer = again(host, account, opened["upload_id"])
    assert answer.status_code == 200
    resumed = answer.json()
    assert (resumed["upload_id"], resumed["expires_at"]) == (opened["upload_id"], opened["expires_at"])
    assert host.storage(account) == (0, len(file))
    send(resumed, file, but=resumed["received_parts"] or [1])
    completed(host, account, opened["upload_id"])
    refused(again(host, account, opened["upload_id"]), 409, "upload_complete")
    refused(again(host, host.register(), opened["upload_id"]), 404, "upload_not_found")
    refused(again(host, account, str(uuid.uuid4())), 404, "upload_not_found")


@pytest.mark.parametrize("end", ["cancelled", "expired", "expired and swept"])
def test_an_upload_that_is_over_has_no_ticket(host: Cloud, account: Account, end: str) -> None:
    upload_id = ticket(host, account, 1000)["upload_id"]
    if end == "cancelled":
        delete(host, account, upload_id).raise_for_status()
    else:
        host.sql("update uploads set expires_at = now() where id = %s", upload_id)
    if end == "expired and swept":
        assert host.storage(account) == (0, 0)
    refused(again(host, account, upload_id), 410, "upload_expired")


def test_tickets_asked_for_at_once_fill_the_storage_and_no_more(host: Cloud, account: Account) -> None:
    size_bytes = STORAGE_QUOTA_BYTES // 8
    with ThreadPoolExecutor(12) as pool:
        asked = pool.map(lambda _: ask(host, account, **ANNOUNCED, size_bytes=size_bytes), range(12))
    codes = sorted(answer.status_code for answer in asked)
    assert codes == [201] * 8 + [413] * 4
    assert host.storage(account) == (0, 8 * size_bytes)
    assert len(host.get("/check_storage", account)["open_uploads"]) == 8


def test_so_many_uploads_may_be_open_and_no_more(host: Cloud, account: Account) -> None:
    opened = [ticket(host, account, 1) for _ in range(OPEN_UPLOADS)]
    refused(ask(host, account, **ANNOUNCED, size_bytes=1), 429, "too_many_uploads")
    delete(host, account, opened[0]["upload_id"]).raise_for_status()
    ticket(host, account, 1)


def test_a_form_and_a_ticket_do_not_stand_in_each_others_way(host: Cloud, account: Account, video: Video) -> None:
    opened = ticket(host, account, len(video()))
    assert host.upload(account, video(), "By form").status_code == 201
    assert host.storage(account) == (len(video()), len(video()))
    send(opened, video())
    completed(host, account, opened["upload_id"])
    assert host.storage(account) == (2 * len(video()), 0)
    assert {row["title"] for row in host.get(f"/list_videos/{account.id}", account)["videos"]} == {"By form", "A video"}


def test_bandwidth_is_charged_once_and_for_what_arrived(host: Cloud, account: Account, video: Video) -> None:
    def used() -> tuple[int, int]:
        usage = host.get("/record_usage", account)
        return usage["used_bytes"], usage["reserved_bytes"]

    opened = ticket(host, account, len(video()))
    assert used() == (0, len(video()))
    send(opened, video())
    for _ in range(3):
        completed(host, account, opened["upload_id"])
    assert used() == (len(video()), 0)
    delete(host, account, ticket(host, account, 10 * MIB)["upload_id"]).raise_for_status()
    assert used() == (len(video()), 0)


def test_what_happened_to_an_upload_is_in_the_log(host: Cloud, account: Account, video: Video) -> None:
    opened, other = ticket(host, account, len(video())), ticket(host, account, 5)
    send_chunk(opened, video(), 1).raise_for_status()
    completed(host, account, opened["upload_id"])
    delete(host, account, other["upload_id"]).raise_for_status()
    refused(complete(host, account, other["upload_id"]), 410, "upload_expired")
    expected = {
        ("UPLOAD_VIDEO", f"Ticket for upload {opened['upload_id']}, {len(video())} bytes (201)"),
        ("COMPLETE_UPLOAD", f"Video {opened['upload_id']} uploaded, {len(video())} bytes (200)"),
        ("COMPLETE_UPLOAD", "Refused: upload_expired (410)"),
        ("DELETE_VIDEO", "Upload cancelled (200)"),
    }
    eventually(lambda: expected <= {(one["action_type"], one["description"]) for one in host.logs(account)})
