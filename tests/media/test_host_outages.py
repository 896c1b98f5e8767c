"""A media host that fails, hangs or loses its answers is unavailable, whatever was asked, and a repeat succeeds."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

import pytest

from common import errors, media_cloudinary, s3_bucket
from common.media import DirectUpload, MediaHost
from tests.cloud import Cloud
from tests.media.adapters import adapter, listed, reserved, store
from tests.media.browser import send

Ask = Callable[[MediaHost, DirectUpload], Any]
OPERATIONS = ("upload", "explicit", "destroy", "delivery", "admin")


@contextmanager
def impatience() -> Iterator[None]:
    """Adapters made and used in here do not wait long."""
    with (
        mock.patch.object(media_cloudinary, "TIMEOUT_SECONDS", 0.2),
        mock.patch.object(media_cloudinary, "STORE_TIMEOUT_SECONDS", 0.2),
        mock.patch.object(s3_bucket, "READ_TIMEOUT_SECONDS", 0.2),
    ):
        yield


@pytest.fixture
def broken(host: Cloud) -> Iterator[Callable[..., None]]:
    """Orders a failure of every operation; without one, the host works again."""

    def order(**fault: Any) -> None:
        host.set_faults({operation: fault for operation in OPERATIONS} if fault else {})

    yield order
    host.set_faults({})


@pytest.fixture
def sent(host: Cloud, video: Callable[..., bytes]) -> DirectUpload:
    """An upload whose bytes are there."""
    upload = reserved(len(video()))
    send(adapter(host).open_upload(upload), video())
    return upload


def asked(file: bytes) -> dict[str, Ask]:
    """Everything that goes over the wire to both hosts."""
    return {
        "store": lambda media, upload: store(media, file, f"{upload.media_id}-stored"),
        "finish": lambda media, upload: media.finish_upload(upload),
        "find": lambda media, upload: media.find(upload.media_id),
        "list": lambda media, upload: listed(media, upload.media_id),
        "destroy": lambda media, upload: media.destroy(upload.media_id),
    }


@pytest.mark.parametrize("status", [423, 429, 500, 503])
def test_a_host_that_answers_with_an_error_is_unavailable_and_not_for_good(
    host: Cloud, broken: Callable[..., None], sent: DirectUpload, video: Callable[..., bytes], status: int
) -> None:
    media = adapter(host)
    for ask in asked(video()).values():
        broken(status=status)
        with pytest.raises(errors.DependencyUnavailable) as raised:
            ask(media, sent)
        assert raised.value.retry_after_seconds
        broken()
        ask(media, sent)
    assert media.find(sent.media_id) is None


def test_a_host_that_hangs_is_unavailable_and_not_for_good(
    host: Cloud, broken: Callable[..., None], sent: DirectUpload, video: Callable[..., bytes]
) -> None:
    with impatience():
        media = adapter(host)
        for ask in asked(video()).values():
            broken(hang_seconds=0.8)
            with pytest.raises(errors.DependencyUnavailable):
                ask(media, sent)
            broken()
    media = adapter(host)
    for name in ("store", "find", "list", "destroy"):  # what the hanging destroy has done may be felt when finishing
        asked(video())[name](media, sent)
    assert media.find(sent.media_id) is None


def test_an_answer_that_is_lost_is_asked_for_again(
    host: Cloud, broken: Callable[..., None], sent: DirectUpload, video: Callable[..., bytes]
) -> None:
    """Each repeat finds the work done already, and says what the first one would have said."""
    media = adapter(host)
    for name, ask in asked(video()).items():
        broken(lose_answer=True)
        with pytest.raises(errors.DependencyUnavailable):
            ask(media, sent)
        broken()
        answer = ask(media, sent)
        if name in ("store", "finish"):
            assert answer.size_bytes == len(video())
    assert listed(media, sent.media_id) == {f"{sent.media_id}-stored": len(video())}


def test_one_lost_answer_more_or_less_costs_no_upload(
    host: Cloud, broken: Callable[..., None], video: Callable[..., bytes]
) -> None:
    """Whichever of its calls fails, an upload is finished by asking again, and is one file."""
    media = adapter(host)
    for operation in OPERATIONS:
        upload = reserved(len(video()), media_id=f"contract/{uuid.uuid4()}/{operation}")
        send(media.open_upload(upload), video())
        host.set_faults({operation: {"lose_answer": True, "times": 2}})
        for _ in range(3):
            try:
                assert media.finish_upload(upload).size_bytes == len(video())
                break
            except errors.DependencyUnavailable:
                continue
        broken()
        assert media.finish_upload(upload).size_bytes == len(video())
        assert listed(media, upload.media_id) == {upload.media_id: len(video())}


def test_a_bucket_that_fails_gives_no_ticket_and_the_next_one_goes_on_with_what_was_begun(
    s3_cloud: Cloud, video: Callable[..., bytes]
) -> None:
    """Cloudinary's tickets are made without asking it."""
    media = adapter(s3_cloud)
    upload = reserved(len(video()))
    try:
        for fault in ({"admin": {"status": 503}}, {"upload": {"status": 500}}, {"upload": {"lose_answer": True}}):
            s3_cloud.set_faults(fault)
            with pytest.raises(errors.DependencyUnavailable):
                media.open_upload(upload)
    finally:
        s3_cloud.set_faults({})
    send(media.open_upload(upload), video())
    assert media.finish_upload(upload).size_bytes == len(video())
    media.destroy(upload.media_id)
    assert listed(media, upload.media_id) == {}


@pytest.mark.parametrize("name", ["KEY", "SECRET"])
def test_a_host_that_refuses_our_key_is_unavailable(
    host: Cloud, sent: DirectUpload, video: Callable[..., bytes], name: str
) -> None:
    url = host.granted()["MEDIA_URL"]
    account, _, rest = url.rpartition("@")
    scheme, _, credentials = account.partition("://")
    key, _, secret = credentials.partition(":")
    wrong = f"{scheme}://{key}x:{secret}@{rest}" if name == "KEY" else f"{scheme}://{key}:{secret}x@{rest}"
    media = adapter(host, MEDIA_URL=wrong)
    for ask in asked(video()).values():
        with pytest.raises(errors.DependencyUnavailable):
            ask(media, sent)
    assert adapter(host).finish_upload(sent).size_bytes == len(video())


def test_a_host_that_is_not_there_is_unavailable(
    host: Cloud, sent: DirectUpload, video: Callable[..., bytes], capsys: pytest.CaptureFixture[str]
) -> None:
    url = host.granted()["MEDIA_URL"]
    port = url.partition("127.0.0.1:")[2].partition("/")[0].partition("?")[0]
    media = adapter(host, MEDIA_URL=url.replace(f"127.0.0.1:{port}", "127.0.0.1:1"))
    for ask in asked(video()).values():
        with pytest.raises(errors.DependencyUnavailable):
            ask(media, sent)
    printed = capsys.readouterr().out
    assert printed.count("media_host_unavailable") == 5
    secret = url.partition("://")[2].rpartition("@")[0].partition(":")[2]
    assert secret not in printed
