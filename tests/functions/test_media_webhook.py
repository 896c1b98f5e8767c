"""POST /media_webhook: the host's own word makes a video, anybody else's is not heard, and twice is once."""

import functools
import hashlib
import uuid
from collections.abc import Callable, Mapping
from typing import Any
from unittest import mock

import cloudinary.uploader
import httpx
import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.cloud import Account, Cloud, eventually
from tests.conftest import Functions
from tests.functions.answers import as_account, problem, success
from tests.functions.conftest import Upload
from tests.functions.direct import Direct, media_id, together
from tests.media.browser import Ticket, send
from tests.supabase.scratch import Sql

Video = Callable[..., bytes]
Break = Callable[[Mapping[str, Any]], None]


@pytest.fixture
def direct(cloud: Cloud, functions: Functions, client_with: Callable[..., FlaskClient]) -> Direct:
    return Direct(cloud, functions, client_with)


def levels(database: Sql, user: Account) -> tuple[int, int, int, int]:
    return database.levels(uuid.UUID(user.id))


@pytest.mark.parametrize("algorithm", ["sha1", "sha256"])
def test_a_notification_makes_the_video_that_the_ticket_was_for(
    direct: Direct, database: Sql, user: Account, video: Video, algorithm: str
) -> None:
    ticket, announced = direct.sent(user, video())
    assert direct.videos(user) == []
    success(direct.notify(announced, algorithm=algorithm))
    (row,) = direct.videos(user)
    assert (row["id"], row["title"], row["size_bytes"]) == (ticket["upload_id"], "A & B 😀", len(video()))
    assert row["filename"] == f"{ticket['upload_id']}.mp4"
    assert row["duration_seconds"] == pytest.approx(1, abs=0.2)
    assert levels(database, user) == (len(video()), 0, len(video()), 0)


def test_a_notification_is_logged_as_the_users(direct: Direct, cloud: Cloud, user: Account, video: Video) -> None:
    _, announced = direct.sent(user, video())
    success(direct.notify(announced))
    (event,) = eventually(lambda: [one for one in cloud.logs(user) if one["action_type"] == "MEDIA_WEBHOOK"])
    assert f"{len(video())} bytes (200)" in event["description"]
    assert direct.secret not in str(event)


def test_a_notification_that_comes_again_changes_nothing(
    direct: Direct, database: Sql, user: Account, video: Video
) -> None:
    _, announced = direct.sent(user, video())
    for _ in range(3):
        success(direct.notify(announced))
    assert len(direct.videos(user)) == 1
    assert levels(database, user) == (len(video()), 0, len(video()), 0)


def test_what_the_host_has_not_signed_is_not_heard(direct: Direct, database: Sql, user: Account, video: Video) -> None:
    _, announced = direct.sent(user, video())
    smaller = {**announced, "bytes": 1}
    signed = hashlib.sha1(b"{}0" + direct.secret.encode()).hexdigest()  # noqa: S324 - Cloudinary's choice
    refused = [
        direct.notify(announced, secret="another"),
        direct.notify(announced, secret=direct.secret + "x"),
        direct.notify(smaller, X_Cld_Signature=signed),
        direct.notify(announced, X_Cld_Signature=""),
        direct.notify(announced, X_Cld_Signature="ä" * 40),
        direct.notify(announced, X_Cld_Timestamp=""),
        direct.notify(announced, X_Cld_Timestamp="0"),
        direct.notify(announced, age_seconds=7205),
        direct.notify(b"{}", X_Cld_Timestamp="0", X_Cld_Signature=signed),
        direct.notify(b"no JSON", secret="another"),
    ]
    for answer in refused:
        problem(answer, 401, "invalid_signature")
        assert direct.secret not in answer.text
    assert levels(database, user) == (0, len(video()), 0, len(video()))
    assert direct.videos(user) == []


def test_a_notification_of_nearly_two_hours_ago_is_still_good(direct: Direct, user: Account, video: Video) -> None:
    _, announced = direct.sent(user, video())
    success(direct.notify(announced, age_seconds=7190))
    assert len(direct.videos(user)) == 1


def test_a_key_that_was_rotated_away_may_still_sign(
    direct: Direct, cloud: Cloud, client_with: Callable[..., FlaskClient], user: Account, video: Video
) -> None:
    _, announced = direct.sent(user, video())
    url = f"{cloud.granted()['MEDIA_URL']}&webhook_secret=the-oldest&webhook_secret=the-older"
    client = client_with("media_webhook", MEDIA_URL=url)
    problem(direct.notify(announced, secret="the-newest", client=client), 401, "invalid_signature")
    for secret in ("the-oldest", "the-older", direct.secret):
        success(direct.notify(announced, secret=secret, client=client))
    assert len(direct.videos(user)) == 1


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"", 400, "invalid_body"),
        (b"{", 400, "invalid_body"),
        (b"\xff\xfe{}", 400, "invalid_body"),
        (b"[]", 400, "invalid_body"),
        (b"null", 400, "invalid_body"),
        (b"[" * 5000, 400, "invalid_body"),
        (b"{}", 422, "invalid_fields"),
        (b'{"notification_type": 7}', 422, "invalid_fields"),
        (b'{"notification_type": "upload", "public_id": ["a"]}', 422, "invalid_fields"),
        (b" " * (128 * 1024 + 1), 413, "body_too_large"),
    ],
    ids=["empty", "cut off", "no UTF-8", "a list", "null", "deep", "no type", "a number", "a list of ids", "too long"],
)
def test_what_is_signed_and_malformed_is_refused(direct: Direct, body: bytes, status: int, code: str) -> None:
    problem(direct.notify(body), status, code)


@pytest.mark.parametrize("left_out", ["bytes", "format", "version", "type"])
def test_a_notification_that_lacks_a_fact_decides_nothing(
    direct: Direct, database: Sql, user: Account, video: Video, left_out: str
) -> None:
    ticket, announced = direct.sent(user, video())
    answer = direct.notify({name: value for name, value in announced.items() if name != left_out})
    problem(answer, 503, "dependency_unavailable")
    assert levels(database, user) == (0, len(video()), 0, len(video()))
    success(direct.complete(user, ticket["upload_id"]))


@pytest.mark.parametrize("kind", ["eager", "delete", "rename", "moderation", "something-new"])
def test_notifications_of_another_kind_are_heard_and_left(
    direct: Direct, cloud: Cloud, database: Sql, user: Account, video: Video, kind: str
) -> None:
    ticket, announced = direct.sent(user, video())
    success(direct.notify({**announced, "notification_type": kind, "eager": [{"transformation": "sp_hd/m3u8"}]}))
    success(direct.notify({"notification_type": kind}))
    assert levels(database, user) == (0, len(video()), 0, len(video()))
    assert cloud.media(f"reelay/{user.id}") == [media_id(user, ticket)]


def test_files_that_are_no_direct_uploads_of_ours_are_left_alone(
    direct: Direct, cloud: Cloud, upload: Upload, user: Account, video: Video
) -> None:
    row = success(upload(user, video()), 201)["file"]
    ticket, announced = direct.sent(user, video())
    stranger, ours = uuid.uuid4(), media_id(user, ticket)
    foreign = [
        f"reelay/{user.id}/{row['id']}",
        f"reelay/{user.id}/{stranger}",
        f"reelay/{stranger}/{stranger}",
        "x",
        "",
    ]
    foreign += [f"{ours}/more", f"{ours}2", f"{ours}\n", f"x/{ours}", ours.replace("reelay", "other"), ours.upper()]
    before = cloud.media(f"reelay/{user.id}")
    for public_id in foreign:
        success(direct.notify({**announced, "public_id": public_id, "bytes": 10**9, "is_audio": True}))
    assert cloud.media(f"reelay/{user.id}") == before
    assert direct.videos(user) == [row]
    assert cloud.storage(user) == (len(video()), len(video()))


@pytest.mark.parametrize("first", ["the client", "the host", "both at once"])
def test_there_is_one_video_whoever_says_first_that_it_is_there(
    direct: Direct, database: Sql, user: Account, video: Video, first: str
) -> None:
    ticket, announced = direct.sent(user, video())
    asks: list[Callable[[], TestResponse]] = [
        lambda: direct.complete(user, ticket["upload_id"]),
        lambda: direct.notify(announced),
    ]
    if first == "both at once":
        answers = together(*asks * 4)
    else:
        answers = [ask() for ask in (asks if first == "the client" else reversed(asks))]
    (row,) = direct.videos(user)
    for answer in map(success, answers):
        assert answer.get("file", row) == row
    assert levels(database, user) == (len(video()), 0, len(video()), 0)


def test_a_file_larger_than_its_ticket_is_destroyed_and_not_announced_again(
    direct: Direct, nothing_left: Callable[..., None], user: Account, video: Video
) -> None:
    ticket, announced = direct.sent(user, video(), size_bytes=len(video()) - 1)
    assert "larger_than_reserved" in success(direct.notify(announced))["message"]
    nothing_left(user, may_arrive_late=True)
    success(direct.notify(announced))
    problem(direct.complete(user, ticket["upload_id"]), 413, "larger_than_reserved")


def test_a_file_that_fills_its_ticket_to_the_byte_is_taken(direct: Direct, user: Account, video: Video) -> None:
    _, announced = direct.sent(user, video(), size_bytes=len(video()))
    success(direct.notify(announced))
    assert len(direct.videos(user)) == 1


def test_sound_alone_is_destroyed(
    direct: Direct, nothing_left: Callable[..., None], user: Account, video: Video
) -> None:
    _, announced = direct.sent(user, video())
    assert "not_a_video" in success(direct.notify({**announced, "is_audio": True}))["message"]
    nothing_left(user, may_arrive_late=True)


@pytest.mark.parametrize("resource_type", ["image", "raw"])
def test_what_was_sent_as_another_kind_of_resource_is_destroyed_as_that(
    direct: Direct, user: Account, video: Video, resource_type: str
) -> None:
    """A ticket's signature does not say which kind it is for. The ticket, and the video, are as good as before."""
    ticket, announced = direct.sent(user, video())
    stray = {**announced, "resource_type": resource_type}
    with mock.patch.object(cloudinary.uploader, "destroy", wraps=cloudinary.uploader.destroy) as destroy:
        for _ in ("before", "after"):
            assert "destroyed" in success(direct.notify(stray))["message"]
            success(direct.complete(user, ticket["upload_id"]))
    assert {call.kwargs["resource_type"] for call in destroy.call_args_list} == {resource_type}
    assert len(direct.videos(user)) == 1


def replace(ticket: Ticket, file: bytes) -> dict[str, Any]:
    """What the host announces after a ticket's signature was used to destroy the file that was counted, and to send
    another one."""
    destroy = ticket["url"].rpartition("/")[0] + "/destroy"
    assert httpx.post(destroy, data=ticket["fields"]).json() == {"result": "ok"}
    other = {**ticket, "headers": {"X-Unique-Upload-Id": str(uuid.uuid4())}}
    return {**send(other, file).json(), "notification_type": "upload"}


def test_a_file_that_was_replaced_after_it_was_counted_takes_its_video_with_it(
    direct: Direct, cloud: Cloud, database: Sql, user: Account, video: Video
) -> None:
    """Cloudinary signs parameters, not what they are for."""
    ticket, announced = direct.sent(user, video())
    success(direct.notify(announced))
    larger = replace(ticket, video(40_000))
    assert "replaced" in success(direct.notify(larger))["message"]
    assert direct.videos(user) == []
    assert levels(database, user) == (0, 0, len(video()), 0)
    assert cloud.media(f"reelay/{user.id}") == []
    assert media_id(user, ticket) in database.purges()
    success(direct.notify(announced))  # an old notification, once more


@pytest.mark.parametrize("is_replaced", [True, False])
def test_the_daily_job_looks_at_each_file_once_its_ticket_has_ended(
    direct: Direct, cloud: Cloud, database: Sql, user: Account, video: Video, is_replaced: bool
) -> None:
    """The notification may get lost, or may never have been ordered."""
    ticket, announced = direct.sent(user, video())
    success(direct.notify(announced))
    if is_replaced:
        replace(ticket, video(40_000))
    reset = functools.partial(
        direct.functions.client("reset_usage").post,
        "/",
        headers=as_account(cloud.granted()["SCHEDULER_SERVICE_ACCOUNT"]),
    )
    success(reset())
    assert len(direct.videos(user)) == 1  # too early
    database.run(
        "update public.uploads set expires_at = now() - interval '11 minutes' where user_id = %s", uuid.UUID(user.id)
    )
    success(reset())
    assert len(direct.videos(user)) == 1 - is_replaced
    assert len(cloud.media(f"reelay/{user.id}")) == 1 - is_replaced
    assert success(reset())["replaced"] == 0


def test_a_host_that_cannot_destroy_is_asked_again_by_the_daily_job(
    direct: Direct, cloud: Cloud, database: Sql, break_media: Break, user: Account, video: Video
) -> None:
    ticket, announced = direct.sent(user, video(), size_bytes=len(video()) - 1)
    break_media({"destroy": {"status": 500}})
    success(direct.notify(announced))
    assert levels(database, user) == (0, 0, 0, 0)
    assert media_id(user, ticket) in database.purges()
    break_media({})
    success(direct.notify(announced))  # and by the next notification
    assert cloud.media(f"reelay/{user.id}") == []


@pytest.mark.parametrize("end", ["cancelled", "expired", "deleted"])
def test_what_arrives_for_an_upload_that_is_over_is_destroyed(
    direct: Direct, cloud: Cloud, database: Sql, user: Account, video: Video, end: str
) -> None:
    ticket, announced = direct.sent(user, video())
    if end == "expired":
        database.run("update uploads set expires_at = now() where id = %s", ticket["upload_id"])
        assert cloud.storage(user) == (0, 0)
    elif end == "cancelled":
        cloud.client.delete(f"/delete_video/{ticket['upload_id']}", headers=user.headers).raise_for_status()
    else:
        success(direct.notify(announced))
        cloud.client.delete(f"/delete_video/{ticket['upload_id']}.mp4", headers=user.headers).raise_for_status()
    assert success(direct.notify(announced))["message"].endswith("is destroyed")
    assert cloud.media(f"reelay/{user.id}") == []
    assert media_id(user, ticket) in database.purges()
    assert cloud.storage(user) == (0, 0)


def test_an_account_that_is_gone_is_nobodys_mistake(
    direct: Direct, cloud: Cloud, database: Sql, user: Account, video: Video
) -> None:
    _, announced = direct.sent(user, video())
    database.run("delete from users where id = %s", user.id)
    success(direct.notify(announced))


def test_without_supabase_the_host_is_told_to_come_again(
    direct: Direct, client_with: Callable[..., FlaskClient], database: Sql, user: Account, video: Video
) -> None:
    _, announced = direct.sent(user, video())
    client = client_with("media_webhook", SUPABASE_URL="http://127.0.0.1:1")
    problem(direct.notify(announced, client=client), 503, "dependency_unavailable")
    assert levels(database, user) == (0, len(video()), 0, len(video()))
    success(direct.notify(announced))
    assert len(direct.videos(user)) == 1


def test_a_bucket_notifies_nobody_so_nobody_is_heard(
    direct: Direct, client_with: Callable[..., FlaskClient], user: Account, video: Video
) -> None:
    _, announced = direct.sent(user, video())
    client = client_with("media_webhook", MEDIA_URL="s3://KEY:the-secret@127.0.0.1:1/reelay?region=auto&tls=off")
    for secret in ("the-secret", direct.secret, "KEY"):
        problem(direct.notify(announced, secret=secret, client=client), 401, "invalid_signature")
    assert direct.videos(user) == []
