"""What a ticket is good for at the media host: one file, of one size, until the reservation ends; and nothing else."""

from __future__ import annotations

import io
import re
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import cloudinary.uploader
import cloudinary.utils
import httpx
import pytest

from common import clock
from common.media import DirectUpload, MediaHost
from common.media_account import CloudinaryAccount, parse
from local.demo_videos import make_video
from tests.cloud import Cloud
from tests.media.adapters import LARGE_BYTES, adapter, listed, query, reserved
from tests.media.browser import Ticket, chunks, send_chunk

Video = Callable[..., bytes]


def account(cloud: Cloud) -> CloudinaryAccount:
    found = parse(cloud.granted()["MEDIA_URL"])
    assert isinstance(found, CloudinaryAccount)
    return found


def with_algorithm(cloud: Cloud, algorithm: str) -> MediaHost:
    return adapter(cloud, MEDIA_URL=f"{cloud.granted()['MEDIA_URL']}&signature_algorithm={algorithm}")


def post(ticket: Ticket, file: bytes, **changed: str | None) -> httpx.Response:
    """The file in one piece, with some of the ticket's fields changed or (None) left out."""
    fields = {name: value for name, value in {**ticket["fields"], **changed}.items() if value is not None}
    return httpx.post(ticket["url"], data=fields, files={"file": ("clip", file)}, trust_env=False, timeout=60)


def signed_until(ticket: Ticket, *, part: int = 0) -> datetime:
    """When the signature stops being good, by the host's rules."""
    if ticket["host"] == "cloudinary":
        return datetime.fromtimestamp(int(ticket["fields"]["timestamp"]) + 3600, clock.now().tzinfo)
    signed = query(ticket["parts"][part]["url"])
    begins = datetime.strptime(signed["X-Amz-Date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=clock.now().tzinfo)
    return begins + timedelta(seconds=int(signed["X-Amz-Expires"]))


@pytest.mark.parametrize("seconds", [60, 300, 3599])
def test_signatures_end_with_the_reservation_and_not_after_it(host: Cloud, seconds: int) -> None:
    upload = reserved(LARGE_BYTES, seconds=seconds)
    ticket = adapter(host).open_upload(upload)
    for part in range(len(ticket["parts"] or [1])):
        left = upload.expires_at - signed_until(ticket, part=part)
        assert timedelta(0) <= left < timedelta(seconds=10)


def test_cloudinarys_signatures_last_an_hour_and_are_renewed_for_longer_reservations(cloud: Cloud) -> None:
    upload = reserved(100, seconds=7 * 86400)
    signed = int(adapter(cloud).open_upload(upload)["fields"]["timestamp"])
    assert abs(signed - time.time()) < 10


def test_a_buckets_signatures_may_last_a_week(s3_cloud: Cloud, video: Video) -> None:
    upload = reserved(len(video()), seconds=7 * 86400)
    ticket = adapter(s3_cloud).open_upload(upload)
    assert int(query(ticket["parts"][0]["url"])["X-Amz-Expires"]) <= 7 * 86400
    assert send_chunk(ticket, video(), 1).status_code == 200


def test_a_ticket_whose_time_is_up_is_good_for_nothing(host: Cloud, video: Video) -> None:
    media = adapter(host)
    upload = reserved(len(video()), seconds=1.5)
    ticket = media.open_upload(upload)
    while clock.now() <= max(upload.expires_at, signed_until(ticket)):
        time.sleep(0.05)
    assert send_chunk(ticket, video(), 1).status_code in (400, 403)
    assert media.find(upload.media_id) is None
    media.destroy(upload.media_id)
    assert listed(media, upload.media_id) == {}


@pytest.mark.parametrize(
    "changed",
    [
        {"public_id": "contract/another"},
        {"type": "authenticated"},
        {"overwrite": "1"},
        {"overwrite": None},
        {"allowed_formats": "mp4,webm"},
        {"allowed_formats": None},
        {"timestamp": "4102444800"},
        {"eager": None},
        {"eager": "sp_full_hd/m3u8"},
        {"eager_async": None},
        {"notification_url": "https://example.com/hook"},
        {"tags": "a"},
        {"context": "a=b"},
        {"signature": None},
        {"signature": "0" * 40},
        {"api_key": "1234"},
    ],
    ids=str,
)
def test_a_cloudinary_ticket_is_good_for_what_was_signed_alone(
    cloud: Cloud, video: Video, changed: dict[str, str | None]
) -> None:
    media = adapter(cloud)
    upload = reserved(len(video()), media_id="contract/signed")
    assert post(media.open_upload(upload), video(), **changed).status_code in (400, 401)
    assert listed(media, "contract/signed") == listed(media, "contract/another") == {}


def test_a_ticket_does_not_replace_a_file_that_is_there(cloud: Cloud, video: Video) -> None:
    media = adapter(cloud)
    upload = reserved(len(video()))
    ticket = media.open_upload(upload)
    first = post(ticket, video()).json()
    second = post(ticket, video(100_000)).json()
    assert (second["existing"], second["version"], second["bytes"]) == (True, first["version"], len(video()))
    assert media.finish_upload(upload).size_bytes == len(video())


def changed_address(url: str, change: str) -> str:
    changes = {
        "another key": lambda: re.sub(r"/contract/[0-9a-f]{4}", "/contract/0000", url),
        "another part": lambda: url.replace("partNumber=1", "partNumber=2"),
        "another upload": lambda: re.sub(r"uploadId=\w{4}", "uploadId=0000", url),
        "a longer life": lambda: re.sub(r"X-Amz-Expires=\d+", "X-Amz-Expires=604800", url),
        "no signature": lambda: url.partition("?")[0],
        "the whole object": lambda: re.sub(r"(uploadId|partNumber)=\w+&", "", url),
    }
    changed = changes[change]()
    assert changed != url
    return changed


@pytest.mark.parametrize(
    "change",
    ["another key", "another part", "another upload", "a longer life", "no signature", "the whole object"],
)
def test_a_buckets_address_is_good_for_one_part_of_one_upload(s3_cloud: Cloud, video: Video, change: str) -> None:
    media = adapter(s3_cloud)
    upload = reserved(len(video()))
    url = changed_address(media.open_upload(upload)["parts"][0]["url"], change)
    assert httpx.put(url, content=video(), trust_env=False).status_code == 403
    assert media.open_upload(upload)["received_parts"] == []


@pytest.mark.parametrize("difference", [-1, 1])
@pytest.mark.parametrize("part", [1, 2])
def test_a_part_is_of_the_announced_size_to_the_byte(s3_cloud: Cloud, part: int, difference: int) -> None:
    media = adapter(s3_cloud)
    ticket = media.open_upload(upload := reserved(LARGE_BYTES))
    size_bytes = ticket["parts"][part - 1]["size_bytes"]
    url = ticket["parts"][part - 1]["url"]
    assert httpx.put(url, content=bytes(size_bytes + difference), trust_env=False).status_code == 403
    assert media.open_upload(upload)["received_parts"] == []


@pytest.mark.parametrize("size_bytes", [1, 8 * 2**20 - 1, 8 * 2**20, 8 * 2**20 + 1, 3 * 2**30 + 7, 2**40])
def test_a_buckets_parts_make_up_the_file(s3_cloud: Cloud, size_bytes: int) -> None:
    media = adapter(s3_cloud)
    ticket = media.open_upload(upload := reserved(size_bytes))
    media.destroy(upload.media_id)
    parts = [(part["offset_bytes"], part["size_bytes"]) for part in ticket["parts"]]
    assert parts == chunks(ticket, size_bytes)
    assert [part["number"] for part in ticket["parts"]] == list(range(1, len(parts) + 1))
    assert len(parts) <= 10_000
    assert sum(size for _, size in parts) == size_bytes
    assert all(size >= 5 * 2**20 for _, size in parts[:-1])


def test_a_ticket_holds_no_secret(host: Cloud) -> None:
    url = host.granted()["MEDIA_URL"]
    secret = url.partition("://")[2].rpartition("@")[0].partition(":")[2]
    assert secret not in str(adapter(host).open_upload(reserved(100)))


def parameters(ticket: Ticket) -> dict[str, str]:
    """The ticket's fields that are signed."""
    return {name: value for name, value in ticket["fields"].items() if name not in ("api_key", "signature")}


@pytest.mark.parametrize("algorithm", ["sha1", "sha256"])
def test_the_sdk_signs_a_ticket_alike(cloud: Cloud, algorithm: str) -> None:
    webhook = {"MEDIA_WEBHOOK_URL": "https://example.com/hook?a=1&b=2"}
    url = f"{cloud.granted()['MEDIA_URL']}&signature_algorithm={algorithm}"
    ticket = adapter(cloud, MEDIA_URL=url, **webhook).open_upload(reserved(100))
    known: dict[str, Any] = {"api_key": account(cloud).api_key, "api_secret": account(cloud).api_secret}
    known |= {"signature_algorithm": algorithm}
    assert ticket["fields"]["notification_url"] == webhook["MEDIA_WEBHOOK_URL"]
    assert cloudinary.utils.sign_request(parameters(ticket), known) == ticket["fields"]
    assert ticket["fields"]["signature"] == cloudinary.utils.api_sign_request(
        parameters(ticket), known["api_secret"], algorithm
    )


@pytest.mark.parametrize("algorithm", ["sha1", "sha256"])
def test_the_host_takes_a_ticket_of_either_algorithm(cloud: Cloud, video: Video, algorithm: str) -> None:
    media = with_algorithm(cloud, algorithm)
    ticket = media.open_upload(upload := reserved(len(video())))
    post(ticket, video()).raise_for_status()
    assert media.finish_upload(upload).size_bytes == len(video())


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("large") / "large.mp4"
    make_video(path, seconds=1, size_bytes=45_000_000)
    return path


def test_the_sdk_sends_45_megabytes_with_what_the_ticket_says(cloud: Cloud, large: Path) -> None:
    media = adapter(cloud)
    upload: DirectUpload = reserved(45_000_000)
    ticket = media.open_upload(upload)
    with large.open("rb") as file:
        answer = cloudinary.uploader.upload_large(
            io.BufferedReader(file.raw),
            filename="large.mp4",
            resource_type="video",
            chunk_size=ticket["chunk_size_bytes"],
            cloud_name=account(cloud).cloud_name,
            api_key=ticket["fields"]["api_key"],
            api_secret=account(cloud).api_secret,
            upload_prefix=account(cloud).upload_prefix,
            **parameters(ticket),
        )
    assert (answer["done"], answer["public_id"], answer["bytes"]) == (True, upload.media_id, 45_000_000)
    stored = media.finish_upload(upload)
    assert stored.size_bytes == 45_000_000
    assert stored.duration_seconds == pytest.approx(1, abs=0.2)
    media.destroy(upload.media_id)
