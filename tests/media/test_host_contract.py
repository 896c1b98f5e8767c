"""What Reelay asks of a media host, held against both: Cloudinary through its SDK, and a bucket through boto3."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from unittest import mock

import cloudinary.api
import httpx
import pytest

from common import errors
from common.media import MediaHost
from tests.cloud import Cloud
from tests.media.adapters import (
    LARGE_BYTES,
    NO_VIDEOS,
    adapter,
    bucket_of,
    listed,
    reserved,
    sound,
    store,
    upload_id,
    webm,
)
from tests.media.browser import send, send_chunk

Video = Callable[..., bytes]


@pytest.fixture
def media(host: Cloud) -> MediaHost:
    return adapter(host)


@pytest.fixture
def is_bucket(host: Cloud) -> bool:
    return host.granted()["MEDIA_URL"].startswith("s3:")


@pytest.fixture
def media_id() -> str:
    return f"contract/{uuid.uuid4()}/file"


def test_a_file_is_stored_found_played_and_destroyed(media: MediaHost, media_id: str, video: Video) -> None:
    stored = store(media, video(), media_id)
    assert (stored.format, stored.size_bytes) == ("mp4", len(video()))
    assert stored.duration_seconds == pytest.approx(1, abs=0.2)
    assert media.find(media_id) == stored
    assert listed(media, media_id) == {media_id: len(video())}
    url = media.addresses(stored.path).url
    part = httpx.get(url, headers={"Range": "bytes=100-199"}, trust_env=False)
    assert (part.status_code, part.content) == (206, video()[100:200])
    assert part.headers["Content-Type"] == "video/mp4"
    media.destroy(media_id)
    assert (media.find(media_id), listed(media, media_id)) == (None, {})
    assert httpx.get(url, trust_env=False).status_code in (403, 404)


def test_an_address_ends_in_the_files_extension(media: MediaHost, media_id: str, video: Video) -> None:
    addresses = media.addresses(store(media, video(), media_id).path)
    assert addresses.url.endswith(f"{media_id}.mp4")
    assert addresses.poster_url in (None, addresses.url.removesuffix(".mp4") + ".jpg")


def test_a_file_larger_than_a_chunk_is_stored_whole(media: MediaHost, media_id: str, video: Video) -> None:
    file = video(LARGE_BYTES)
    stored = store(media, file, media_id)
    assert stored.size_bytes == len(file)
    assert httpx.get(media.addresses(stored.path).url, trust_env=False).content == file


@pytest.mark.parametrize("kind", NO_VIDEOS)
def test_what_is_not_a_video_is_not_stored(media: MediaHost, media_id: str, kind: str) -> None:
    with pytest.raises(errors.NotAVideo):
        store(media, NO_VIDEOS[kind], media_id)
    assert listed(media, media_id) == {}


def test_destroying_twice_or_what_never_was_is_success(media: MediaHost, media_id: str, video: Video) -> None:
    media.destroy(media_id)
    store(media, video(), media_id)
    for _ in range(2):
        media.destroy(media_id)
    assert listed(media, media_id) == {}


def test_a_file_is_destroyed_and_none_whose_id_begins_alike(media: MediaHost, media_id: str, video: Video) -> None:
    others = [f"{media_id}-2", f"{media_id}/below", media_id[:-1]]
    for name in (media_id, *others):
        store(media, video(), name)
    media.destroy(media_id)
    assert media.find(media_id) is None
    assert set(listed(media, media_id[:-1])) == set(others)


def test_what_was_stored_twice_is_one_file(media: MediaHost, media_id: str, video: Video) -> None:
    assert store(media, video(), media_id).size_bytes == store(media, video(), media_id).size_bytes
    assert len(listed(media, media_id)) == 1


def test_a_list_of_many_pages_names_every_file_once(media: MediaHost, media_id: str, video: Video) -> None:
    names = {f"{media_id}-{number}": len(video()) for number in range(5)}
    for name in names:
        store(media, video(), name)
    store(media, video(), f"contract/{uuid.uuid4()}")
    list_page = cloudinary.api.resources

    def small_page(**options: Any) -> Any:
        return list_page(**{**options, "max_results": 2})

    if "_bucket" in vars(media):
        events = vars(bucket_of(media))["_client"].meta.events
        events.register("provide-client-params.s3.ListObjectsV2", lambda params, **_: {**params, "MaxKeys": 2})
    with mock.patch.object(cloudinary.api, "resources", small_page):
        found = list(media.list_files(media_id))
    assert len(found) == 5
    assert {file.media_id: file.size_bytes for file in found} == names


def test_a_list_of_nothing_is_empty(media: MediaHost, media_id: str) -> None:
    assert list(media.list_files(media_id)) == []


def test_a_buckets_list_names_uploads_that_were_not_finished_too(s3_cloud: Cloud, video: Video) -> None:
    media = adapter(s3_cloud)
    upload = reserved(LARGE_BYTES)
    ticket = media.open_upload(upload)
    assert listed(media, upload.media_id) == {upload.media_id: None}
    send(ticket, video(LARGE_BYTES))
    media.finish_upload(upload)
    assert listed(media, upload.media_id) == {upload.media_id: LARGE_BYTES}


@pytest.mark.parametrize("size_bytes", [None, LARGE_BYTES], ids=["one chunk", "two chunks"])
def test_a_client_sends_a_file_itself(media: MediaHost, video: Video, size_bytes: int | None) -> None:
    file = video(size_bytes)
    upload = reserved(len(file))
    send(media.open_upload(upload), file)
    stored = media.finish_upload(upload)
    assert (stored.format, stored.size_bytes) == ("mp4", len(file))
    assert stored.duration_seconds == pytest.approx(1, abs=0.2)
    assert media.find(upload.media_id) == stored
    assert httpx.get(media.addresses(stored.path).url, trust_env=False).content == file


def test_an_upload_is_incomplete_until_the_last_byte_is_there(
    media: MediaHost, video: Video, *, is_bucket: bool
) -> None:
    file = video(LARGE_BYTES)
    upload = reserved(len(file))
    with pytest.raises(errors.UploadIncomplete):
        media.finish_upload(upload)
    ticket = media.open_upload(upload)
    for but in ({1, 2}, {2}):
        if but == {2}:
            send(ticket, file, but=but)
        with pytest.raises(errors.UploadIncomplete) as raised:
            media.finish_upload(upload)
        assert raised.value.facts.get("missing_parts") == (sorted(but) if is_bucket else None)
        assert media.find(upload.media_id) is None
    send(ticket, file, but={1})
    assert media.finish_upload(upload).size_bytes == len(file)


def test_a_ticket_asked_for_again_goes_on_with_the_same_upload(
    media: MediaHost, video: Video, *, is_bucket: bool
) -> None:
    file = video(LARGE_BYTES)
    upload = reserved(len(file))
    first = media.open_upload(upload)
    send_chunk(first, file, 1).raise_for_status()
    again = media.open_upload(upload)
    assert upload_id(again) == upload_id(first)
    assert (first["received_parts"], again["received_parts"]) == (([], [1]) if is_bucket else (None, None))
    send_chunk(again, file, 2).raise_for_status()
    assert media.finish_upload(upload).size_bytes == len(file)


def test_an_upload_may_be_finished_often_and_at_once(media: MediaHost, video: Video) -> None:
    upload = reserved(len(video()))
    send(media.open_upload(upload), video())
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda _: media.finish_upload(upload), range(6)))
    answers.append(media.finish_upload(upload))
    assert set(answers) == {answers[0]}
    assert listed(media, upload.media_id) == {upload.media_id: len(video())}


def test_tickets_asked_for_at_once_name_one_upload(media: MediaHost, video: Video) -> None:
    upload = reserved(len(video()))
    media.open_upload(upload)
    with ThreadPoolExecutor(6) as pool:
        tickets = list(pool.map(lambda _: media.open_upload(upload), range(6)))
    assert len({upload_id(ticket) for ticket in tickets}) == 1


def test_a_chunk_may_be_sent_again(media: MediaHost, video: Video) -> None:
    file = video(LARGE_BYTES)
    upload = reserved(len(file))
    ticket = media.open_upload(upload)
    for number in (1, 1, 2, 2):
        assert send_chunk(ticket, file, number).is_success
    assert media.finish_upload(upload).size_bytes == len(file)


def test_destroying_a_half_sent_upload_leaves_nothing(media: MediaHost, video: Video, *, is_bucket: bool) -> None:
    file = video(LARGE_BYTES)
    upload = reserved(len(file))
    ticket = media.open_upload(upload)
    send(ticket, file, but={2})
    media.destroy(upload.media_id)
    assert (media.find(upload.media_id), listed(media, upload.media_id)) == (None, {})
    with pytest.raises(errors.UploadIncomplete):
        media.finish_upload(upload)
    if is_bucket:
        assert bucket_of(media).multiparts(upload.media_id) == []
        assert {send_chunk(ticket, file, number).status_code for number in (1, 2)} == {404}


def test_a_file_that_the_host_has_lost_is_an_incomplete_upload(media: MediaHost, video: Video) -> None:
    upload = reserved(len(video()))
    send(media.open_upload(upload), video())
    media.finish_upload(upload)
    media.destroy(upload.media_id)
    with pytest.raises(errors.UploadIncomplete):
        media.finish_upload(upload)


@pytest.mark.parametrize("kind", NO_VIDEOS)
def test_what_is_sent_and_not_a_video_never_becomes_one(media: MediaHost, kind: str, *, is_bucket: bool) -> None:
    """Cloudinary looks into it when the last byte arrives, a bucket takes everything."""
    upload = reserved(len(NO_VIDEOS[kind]))
    sent = send_chunk(media.open_upload(upload), NO_VIDEOS[kind], 1)
    assert sent.status_code == (200 if is_bucket else 400)
    with pytest.raises(errors.NotAVideo if is_bucket else errors.UploadIncomplete):
        media.finish_upload(upload)
    media.destroy(upload.media_id)
    assert listed(media, upload.media_id) == {}


def test_a_video_of_another_family_than_the_ticket_says_is_refused(
    media: MediaHost, tmp_path: Path, *, is_bucket: bool
) -> None:
    file = webm(tmp_path)
    upload = reserved(len(file), extension="mp4")
    assert send_chunk(media.open_upload(upload), file, 1).status_code == (200 if is_bucket else 400)
    with pytest.raises(errors.NotAVideo if is_bucket else errors.UploadIncomplete):
        media.finish_upload(upload)
    fitting = reserved(len(file), extension="mkv")
    send(media.open_upload(fitting), file)
    assert media.finish_upload(fitting).size_bytes == len(file)


def test_sound_alone_is_no_video(media: MediaHost, tmp_path: Path) -> None:
    file = sound(tmp_path)
    upload = reserved(len(file))
    send_chunk(media.open_upload(upload), file, 1)
    with pytest.raises((errors.NotAVideo, errors.UploadIncomplete)):
        media.finish_upload(upload)


def test_a_smaller_file_than_reserved_counts_as_what_it_is_where_it_can_be_sent(
    media: MediaHost, video: Video, *, is_bucket: bool
) -> None:
    upload = reserved(len(video()) + 1)
    sent = send_chunk(media.open_upload(upload), video(), 1)
    assert sent.status_code == (403 if is_bucket else 200)
    if not is_bucket:
        assert media.finish_upload(upload).size_bytes == len(video())


def test_a_larger_file_than_reserved_is_not_hidden(media: MediaHost, video: Video, *, is_bucket: bool) -> None:
    upload = reserved(len(video()) - 1)
    ticket = media.open_upload(upload)
    if not is_bucket:
        send_chunk(ticket, video(), 1).raise_for_status()
        assert media.finish_upload(upload).size_bytes == len(video()) > upload.size_bytes
        return
    assert httpx.put(ticket["parts"][0]["url"], content=video(), trust_env=False).status_code == 403
    url = bucket_of(media).signed_part_address(bucket_of(media).multiparts(upload.media_id)[0], 1, len(video()), 60)
    httpx.put(url, content=video(), trust_env=False).raise_for_status()
    with pytest.raises(errors.LargerThanReserved):
        media.finish_upload(upload)
