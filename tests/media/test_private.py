"""MEDIA_ACCESS=private: a file opens to whoever was given its address, and to nobody who can only guess it."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from urllib.parse import urljoin

import httpx
import pytest

from common import clock
from common.media import PRIVATE_URL_SECONDS
from tests.cloud import Account, Cloud, eventually
from tests.functions.answers import success
from tests.local.s3_host_process import BUCKET, KEY, REGION, SECRET, S3HostProcess, running_s3_host
from tests.media.adapters import query
from tests.media.browser import send
from tests.media.client import ANNOUNCED
from tests.media.in_process import Ask, functions

Video = Callable[..., bytes]
SIGNATURE = re.compile(r"s--[\w-]{8}--/")


@pytest.fixture(scope="module")
def private(cloud: Cloud) -> Iterator[Ask]:
    with functions(cloud, MEDIA_ACCESS="private", MEDIA_WEBHOOK_URL="") as ask:
        yield ask


@pytest.fixture(scope="module")
def public(cloud: Cloud) -> Iterator[Ask]:
    """The same functions as they are without the setting."""
    with functions(cloud, MEDIA_WEBHOOK_URL="") as ask:
        yield ask


@pytest.fixture(scope="module")
def closed_bucket(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3HostProcess]:
    """A bucket that is not readable by everybody."""
    with running_s3_host(tmp_path_factory.mktemp("private") / "s3") as host:
        yield host


@pytest.fixture(scope="module")
def on_bucket(cloud: Cloud, closed_bucket: S3HostProcess) -> Iterator[Ask]:
    url = f"s3://{KEY}:{SECRET}@127.0.0.1:{closed_bucket.port}/{BUCKET}?region={REGION}&tls=off"
    delivery = f"{closed_bucket.url}/{BUCKET}"
    with functions(cloud, MEDIA_ACCESS="private", MEDIA_URL=url, MEDIA_DELIVERY_URL=delivery) as ask:
        yield ask


def get(url: str, **headers: str) -> httpx.Response:
    return httpx.get(url, headers=headers, trust_env=False, timeout=60)


def is_there(url: str) -> bool:
    return get(url).status_code == 200


def upload(ask: Ask, account: Account, file: bytes) -> dict[str, Any]:
    """The row of a video that was sent as a form."""
    form = {"title": "Mine", "video": (io.BytesIO(file), "a.mp4")}
    answer = ask("upload_video", account, data=form, content_type="multipart/form-data")
    row: dict[str, Any] = success(answer, 201)["file"]
    return row


def upload_directly(ask: Ask, account: Account, file: bytes) -> tuple[dict[str, Any], dict[str, Any]]:
    """The ticket, and the row of a video that the client sent itself."""
    ticket = success(ask("upload_video", account, json={**ANNOUNCED, "size_bytes": len(file)}), 201)
    send(ticket, file)
    answer = success(ask("complete_upload", account, json={"upload_id": ticket["upload_id"]}))
    return ticket, answer["file"]


def watch(ask: Ask, account: Account, row: dict[str, Any]) -> dict[str, Any]:
    return success(ask("watch_video", account, path=f"/{row['filename']}", method="GET"))


def own(ask: Ask, account: Account) -> list[dict[str, Any]]:
    videos: list[dict[str, Any]] = success(ask("list_videos", account, path=f"/{account.id}", method="GET"))["videos"]
    return videos


def delete(ask: Ask, account: Account, row: dict[str, Any]) -> None:
    assert success(ask("delete_video", account, path=f"/{row['filename']}", method="DELETE"))["deleted"] == 1


def unsigned(address: str) -> str:
    """The address that somebody who has seen a public one would guess."""
    plain = SIGNATURE.sub("", address)
    assert plain != address
    return plain


def test_a_private_file_plays_in_ranges_at_its_own_address_alone(private: Ask, user: Account, video: Video) -> None:
    url = upload(private, user, video())["filepath"]
    part = get(url, Range="bytes=100-199")
    assert (part.status_code, part.content) == (206, video()[100:200])
    assert get(unsigned(url)).status_code == 401
    assert get(unsigned(url).replace("/authenticated/", "/upload/")).status_code == 404
    assert get(SIGNATURE.sub("s--AAAAAAAA--/", url)).status_code == 401


def test_a_private_poster_needs_its_own_signature(private: Ask, user: Account, video: Video) -> None:
    row = upload(private, user, video())
    assert get(row["poster_url"]).content.startswith(b"\xff\xd8\xff")
    assert get(unsigned(row["poster_url"])).status_code == 401
    assert get(row["filepath"].removesuffix(".mp4") + ".jpg").status_code == 401


def test_a_private_video_plays_adaptively(private: Ask, user: Account, video: Video) -> None:
    row = upload(private, user, video())
    master = eventually(lambda: answer if (answer := get(row["hls_url"])).status_code == 200 else None)
    playlists = [urljoin(row["hls_url"], line) for line in master.text.splitlines() if line and line[0] != "#"]
    assert playlists
    assert get(unsigned(row["hls_url"])).status_code == 401
    for playlist in playlists:
        (segment, *_) = [urljoin(playlist, line) for line in get(playlist).text.splitlines() if line and line[0] != "#"]
        assert get(segment).status_code == 200
        assert get(unsigned(segment)).status_code == 401


def test_a_signature_opens_no_other_file(private: Ask, user: Account, video: Video) -> None:
    first, second = upload(private, user, video()), upload(private, user, video())
    signatures = [SIGNATURE.findall(row["filepath"])[0] for row in (first, second)]
    assert get(second["filepath"].replace(signatures[1], signatures[0])).status_code == 401
    assert get(second["filepath"].replace(second["id"], first["id"])).status_code == 401


def test_every_answer_carries_signed_addresses_and_no_secret(
    private: Ask, cloud: Cloud, user: Account, video: Video
) -> None:
    row = upload(private, user, video())
    ticket, directly = upload_directly(private, user, video())
    watched = watch(private, user, row)
    listed = own(private, user)
    assert listed == [directly, row]
    assert (watched["url"], watched["poster_url"], watched["hls_url"]) == (
        row["filepath"], row["poster_url"], row["hls_url"]
    )  # fmt: skip
    for address in (watched["url"], watched["hls_url"], watched["poster_url"], directly["filepath"]):
        assert SIGNATURE.search(address)
        eventually(partial(is_there, address))
    secret = cloud.granted()["MEDIA_URL"].partition("@")[0].rpartition(":")[2]
    assert secret not in str([row, ticket, directly, watched, listed])
    assert watched["url_expires_at"] is None


def test_a_client_sends_a_private_file_itself(private: Ask, user: Account, video: Video) -> None:
    ticket, row = upload_directly(private, user, video())
    assert ticket["fields"]["type"] == "authenticated"
    assert get(row["filepath"]).content == video()
    assert get(unsigned(row["filepath"])).status_code == 401


def test_turning_privacy_on_leaves_public_videos_playable(
    public: Ask, private: Ask, user: Account, video: Video
) -> None:
    row = upload(public, user, video())
    watched = watch(private, user, row)
    assert watched["url"] == row["filepath"]
    assert get(watched["url"]).status_code == 200
    assert own(private, user) == [row]


def test_turning_privacy_off_keeps_private_videos_private(
    public: Ask, private: Ask, user: Account, video: Video
) -> None:
    row = upload(private, user, video())
    watched = watch(public, user, row)
    assert watched["url"] == row["filepath"]
    assert get(watched["url"]).content == video()
    assert get(unsigned(watched["url"])).status_code == 401


@pytest.mark.parametrize("deleted_by", ["public", "private"])
def test_a_video_is_destroyed_whatever_the_setting_was_when_it_came(
    public: Ask, private: Ask, cloud: Cloud, user: Account, video: Video, deleted_by: str
) -> None:
    rows = upload(public, user, video()), upload(private, user, video())
    assert len(cloud.media(f"reelay/{user.id}")) == 2
    for row in rows:
        delete(public if deleted_by == "public" else private, user, row)
        assert get(row["filepath"]).status_code == 404
    assert cloud.media(f"reelay/{user.id}") == []


def test_an_upload_that_crosses_the_change_of_the_setting_is_destroyed_when_cancelled(
    public: Ask, private: Ask, cloud: Cloud, user: Account, video: Video
) -> None:
    ticket = success(public("upload_video", user, json={**ANNOUNCED, "size_bytes": len(video())}), 201)
    send(ticket, video())
    success(private("delete_video", user, path=f"/{ticket['upload_id']}", method="DELETE"))
    assert cloud.media(f"reelay/{user.id}") == []


def test_an_upload_that_crosses_the_change_of_the_setting_becomes_a_video(
    public: Ask, private: Ask, user: Account, video: Video
) -> None:
    ticket = success(public("upload_video", user, json={**ANNOUNCED, "size_bytes": len(video())}), 201)
    send(ticket, video())
    row = success(private("complete_upload", user, json={"upload_id": ticket["upload_id"]}))["file"]
    assert get(row["filepath"]).status_code == 200


def test_a_buckets_private_file_has_an_address_that_expires(on_bucket: Ask, user: Account, video: Video) -> None:
    row = upload(on_bucket, user, video())
    for shown in (row, watch(on_bucket, user, row), *own(on_bucket, user)):
        left = datetime.fromisoformat(shown["url_expires_at"]) - clock.now()
        assert timedelta(0) < left <= timedelta(seconds=PRIVATE_URL_SECONDS)
        address = shown.get("url") or shown["filepath"]
        assert int(query(address)["X-Amz-Expires"]) == PRIVATE_URL_SECONDS
        part = get(address, Range="bytes=100-199")
        assert (part.status_code, part.content) == (206, video()[100:200])
        assert SECRET not in str(shown)
    assert (row["poster_url"], row["hls_url"]) == (None, None)


def test_a_buckets_private_file_opens_to_nobody_else(on_bucket: Ask, user: Account, video: Video) -> None:
    first, second = upload(on_bucket, user, video()), upload(on_bucket, user, video())
    url = second["filepath"]
    assert get(url).status_code == 200
    last = "0" if url[-1] != "0" else "1"
    guesses = [url.partition("?")[0], url.replace(second["id"], first["id"]), url[:-1] + last]
    guesses += [re.sub(r"X-Amz-Expires=\d+", "X-Amz-Expires=604800", url)]
    assert [get(guess).status_code for guess in guesses] == [403] * 4
    assert httpx.put(url, content=b"x", trust_env=False).status_code == 403
    assert httpx.delete(url, trust_env=False).status_code == 403


def test_a_buckets_address_ends_in_the_extension_before_its_signature(
    on_bucket: Ask, closed_bucket: S3HostProcess, user: Account, video: Video
) -> None:
    row = upload(on_bucket, user, video())
    plain = row["filepath"].partition("?")[0]
    assert plain == f"{closed_bucket.url}/{BUCKET}/reelay/{user.id}/{row['filename']}"


def test_a_client_sends_a_private_file_to_a_bucket_and_deletes_it(
    on_bucket: Ask, closed_bucket: S3HostProcess, user: Account, video: Video
) -> None:
    _, row = upload_directly(on_bucket, user, video())
    assert get(row["filepath"]).content == video()
    delete(on_bucket, user, row)
    assert get(row["filepath"]).status_code == 404
    assert "Contents" not in closed_bucket.s3.list_objects_v2(Bucket=BUCKET, Prefix=f"reelay/{user.id}")
