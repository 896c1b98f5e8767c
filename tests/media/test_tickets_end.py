"""What is left of a direct upload that was given up, refused, late or used once more: nothing, in the end."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import pytest

from tests.cloud import Account, Cloud, eventually
from tests.media.adapters import LARGE_BYTES, adapter, bucket_of, listed
from tests.media.browser import send, send_chunk
from tests.media.client import complete, completed, delete, refused, ticket

Video = Callable[..., bytes]


@pytest.fixture
def account(host: Cloud) -> Account:
    """A fresh account of this host's cloud."""
    return host.register()


@pytest.fixture
def is_bucket(host: Cloud) -> bool:
    return host.granted()["MEDIA_URL"].startswith("s3:")


def purges(host: Cloud, account: Account) -> int:
    """How many of the account's files are queued for destruction."""
    return int(host.sql("select count(*) from media_purges where media_id like %s", f"%/{account.id}/%")[0][0])


def tickets_end(host: Cloud, account: Account) -> None:
    """So much time passes that no ticket of the account is good any more, and nothing is on its way."""
    host.sql("update uploads set expires_at = now() - interval '11 minutes' where user_id = %s", account.id)
    host.sql(
        "update media_purges set not_before = now(), last_attempt_at = null where media_id like %s",
        f"%/{account.id}/%",
    )


def assert_nothing_left(host: Cloud, account: Account, *, used_bytes: int = 0) -> None:
    """At the host, in the queue and on the account, once the last ticket has ended and the daily job has run."""
    tickets_end(host, account)
    host.run_job()
    assert listed(adapter(host), f"reelay/{account.id}") == {}
    assert purges(host, account) == 0
    assert host.storage(account) == (0, 0)
    assert host.get("/record_usage", account)["used_bytes"] == used_bytes


def test_cancelling_gives_the_bytes_back_at_once(
    host: Cloud, account: Account, video: Video, *, is_bucket: bool
) -> None:
    file = video(LARGE_BYTES)
    opened, kept = ticket(host, account, len(file)), ticket(host, account, 5)
    send(opened, file, but={2})
    assert delete(host, account, opened["upload_id"]).json()["message"] == "Upload cancelled"
    assert host.storage(account) == (0, 5)
    (shown,) = host.get("/check_storage", account)["open_uploads"]
    assert shown["upload_id"] == kept["upload_id"]
    if is_bucket:
        assert send_chunk(opened, file, 2).status_code == 404
        assert bucket_of(adapter(host)).multiparts(f"reelay/{account.id}/{opened['upload_id']}") == []
    refused(delete(host, account, opened["upload_id"]), 404, "video_not_found")
    refused(complete(host, account, opened["upload_id"]), 410, "upload_expired")
    assert_nothing_left(host, account)


def test_nobody_else_can_cancel_or_complete_an_upload(host: Cloud, account: Account, video: Video) -> None:
    thief = host.register()
    opened = ticket(host, account, len(video()))
    refused(delete(host, thief, opened["upload_id"]), 404, "video_not_found")
    refused(complete(host, thief, opened["upload_id"]), 404, "upload_not_found")
    assert host.storage(account) == (0, len(video()))
    send(opened, video())
    completed(host, account, opened["upload_id"])


def test_deleting_all_videos_leaves_an_upload_under_way_alone(host: Cloud, account: Account, video: Video) -> None:
    opened = ticket(host, account, len(video()))
    host.upload(account, video()).raise_for_status()
    assert delete(host, account, "all").json()["deleted"] == 1
    send(opened, video())
    completed(host, account, opened["upload_id"])
    assert host.storage(account) == (len(video()), 0)


@pytest.mark.parametrize("by", ["the next ticket", "check_storage", "the daily job"])
def test_an_abandoned_upload_gives_its_bytes_back(
    host: Cloud, account: Account, video: Video, by: str, *, is_bucket: bool
) -> None:
    file = video(LARGE_BYTES)
    opened = ticket(host, account, len(file))
    send(opened, file, but={2})
    host.sql("update uploads set expires_at = now() - interval '11 minutes' where id = %s", opened["upload_id"])
    if by == "the next ticket":
        delete(host, account, ticket(host, account, 1)["upload_id"]).raise_for_status()
    elif by == "check_storage":
        assert host.storage(account) == (0, 0)
    else:
        host.run_job()
        reserved = host.sql("select storage_reserved_bytes from users where id = %s", account.id)
        assert reserved == [(0,)]
        assert listed(adapter(host), f"reelay/{account.id}") == {}
        assert purges(host, account) == 0
    refused(complete(host, account, opened["upload_id"]), 410, "upload_expired")
    if is_bucket:
        assert bucket_of(adapter(host)).multiparts(f"reelay/{account.id}/") == []
    assert_nothing_left(host, account)


def test_an_upload_that_crosses_midnight_counts_on_the_day_of_its_ticket(
    host: Cloud, account: Account, video: Video
) -> None:
    opened = ticket(host, account, len(video()))
    host.sql("update uploads set day = day - 1 where user_id = %s", account.id)
    host.sql("update daily_usage set day = day - 1 where user_id = %s", account.id)
    send(opened, video())
    completed(host, account, opened["upload_id"])
    usage = host.get("/record_usage", account)
    assert (usage["used_bytes"], usage["reserved_bytes"]) == (0, 0)
    day = "select (now() at time zone 'utc')::date - day, upload_used_bytes from daily_usage where user_id = %s"
    assert host.sql(day, account.id) == [(1, len(video()))]
    assert host.storage(account) == (len(video()), 0)


def test_a_file_that_is_no_video_leaves_nothing(host: Cloud, account: Account, *, is_bucket: bool) -> None:
    """Cloudinary refuses it itself; what a bucket takes is looked into when the client says that it is done."""
    text = b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom" + b"Dear diary, this is text.\n" * 100
    opened = ticket(host, account, len(text))
    assert send_chunk(opened, text, 1).is_success is is_bucket
    expected = (415, "not_a_video") if is_bucket else (409, "upload_incomplete")
    refused(complete(host, account, opened["upload_id"]), *expected)
    if is_bucket:
        assert host.storage(account) == (0, 0)
        assert host.media(f"reelay/{account.id}") == []
        refused(complete(host, account, opened["upload_id"]), *expected)
    assert_nothing_left(host, account)


def test_a_file_larger_than_announced_is_destroyed_without_anybody_saying_so(
    cloud: Cloud, user: Account, video: Video
) -> None:
    """Cloudinary takes it, and says so; a bucket's addresses take no byte more than was signed."""
    opened = ticket(cloud, user, len(video()) - 1)
    send_chunk(opened, video(), 1)
    eventually(lambda: cloud.storage(user) == (0, 0))
    eventually(lambda: cloud.media(f"reelay/{user.id}") == [])
    # Whoever heard of it first, the client is told why.
    refused(complete(cloud, user, opened["upload_id"]), 413, "larger_than_reserved")
    assert_nothing_left(cloud, user)


def test_an_upload_that_was_not_finished_when_its_ticket_ended_is_over(
    host: Cloud, account: Account, video: Video
) -> None:
    """Nothing more can be sent: "send what is missing" would be no help."""
    opened = ticket(host, account, len(video()))
    host.sql("update uploads set expires_at = now() where user_id = %s", account.id)
    refused(complete(host, account, opened["upload_id"]), 410, "upload_expired")
    reserved = host.sql("select storage_reserved_bytes from users where id = %s", account.id)
    assert reserved == [(0,)]


def test_a_client_that_does_not_come_back_has_its_video_all_the_same(cloud: Cloud, user: Account, video: Video) -> None:
    """The host's notification makes it."""
    opened = ticket(cloud, user, len(video()), title="Nobody waited")
    send(opened, video())
    (row,) = eventually(lambda: cloud.get(f"/list_videos/{user.id}", user)["videos"])
    assert (row["id"], row["title"], row["size_bytes"]) == (opened["upload_id"], "Nobody waited", len(video()))
    assert completed(cloud, user, opened["upload_id"]) == row


def used_once_more(opened: dict[str, Any], file: bytes) -> None:
    """What somebody does who kept the ticket: sends the file as an upload of its own."""
    headers = {"X-Unique-Upload-Id": str(uuid.uuid4())} if opened["headers"] else {}
    send_chunk({**opened, "headers": headers}, file, 1)


@pytest.mark.parametrize("end", ["deleted", "cancelled"])
def test_a_ticket_that_is_used_after_the_end_leaves_nothing(
    host: Cloud, account: Account, video: Video, end: str
) -> None:
    opened = ticket(host, account, len(video()))
    if end == "deleted":
        send(opened, video())
        delete(host, account, completed(host, account, opened["upload_id"])["filename"]).raise_for_status()
    else:
        delete(host, account, opened["upload_id"]).raise_for_status()
    used_once_more(opened, video())
    eventually(lambda: host.media(f"reelay/{account.id}") == [])
    code = (404, "video_not_found") if end == "deleted" else (410, "upload_expired")
    refused(complete(host, account, opened["upload_id"]), *code)
    assert host.get(f"/list_videos/{account.id}", account)["videos"] == []
    assert purges(host, account) == 1
    assert_nothing_left(host, account, used_bytes=len(video()) if end == "deleted" else 0)


def test_a_ticket_that_is_used_while_the_host_cannot_say_so_leaves_nothing(
    cloud: Cloud, user: Account, video: Video
) -> None:
    """No notification comes: the daily job looks once more when the ticket has ended."""
    opened = ticket(cloud, user, len(video()))
    delete(cloud, user, opened["upload_id"]).raise_for_status()
    hold = cloud.hold("media_webhook")
    cloud.kill("media_webhook")
    try:
        used_once_more(opened, video())
        assert cloud.media(f"reelay/{user.id}") == [f"reelay/{user.id}/{opened['upload_id']}"]
        assert_nothing_left(cloud, user)
    finally:
        hold.unlink()
        eventually(lambda: cloud.client.post("/media_webhook").status_code == 401)
