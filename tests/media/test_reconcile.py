"""`make reconcile`: what the media host holds and what the database says are the same, or somebody is told."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest

from common import clock
from common.config import Config
from common.formats import FORMATS
from common.media import DirectUpload, MediaHost
from common.services import Services
from local.catalog import ROOT
from tests.cloud import Account, Cloud

Video = Callable[..., bytes]
Reconcile = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def folder() -> str:
    """A folder of this test's own: the clouds are shared, and what other tests left is not this one's business."""
    return f"t{uuid.uuid4().hex}"


@pytest.fixture
def media(host: Cloud) -> MediaHost:
    return Services(Config.from_env(host.granted(), ["media"])).media


@pytest.fixture
def reconcile(host: Cloud, folder: str) -> Reconcile:
    def run(*options: str) -> subprocess.CompletedProcess[str]:
        granted = {name: host.granted()[name] for name in ("SUPABASE_URL", "SUPABASE_SECRET_KEY", "MEDIA_URL")}
        return subprocess.run(
            [sys.executable, "-m", "local.reconcile", *options],
            cwd=ROOT, env={"PATH": os.environ["PATH"], "MEDIA_FOLDER": folder, **granted},
            capture_output=True, text=True, check=False,
        )  # fmt: skip

    return run


@pytest.fixture
def owner(host: Cloud) -> Iterator[Account]:
    """An account whose figures are right at the end, whatever was wrong on the way."""
    account = host.register()
    yield account
    (kept,) = host.sql("select storage_used_bytes, video_count from public.users where id = %s", account.id)
    true = host.sql(
        "select coalesce(sum(size_bytes), 0)::bigint, count(*) from public.videos"
        " where user_id = %s and deleted_at is null", account.id,
    )  # fmt: skip
    assert kept == true[0]


def an_upload(host: Cloud, account: Account, folder: str, file: bytes) -> tuple[str, str]:
    """(video id, media id) of a video that lies in `folder`."""
    row = host.upload(account, file).json()["file"]
    media_id = f"{folder}/{account.id}/{row['id']}"
    host.sql("update public.videos set media_id = %s where id = %s", media_id, row["id"])
    return row["id"], media_id


def stored(media: MediaHost, media_id: str, file: bytes) -> None:
    media.store(io.BytesIO(file), media_id, FORMATS["mp4"])


def test_what_agrees_is_not_touched(
    host: Cloud, owner: Account, media: MediaHost, reconcile: Reconcile, folder: str, video: Video
) -> None:
    _, media_id = an_upload(host, owner, folder, video())
    stored(media, media_id, video())
    done = reconcile("--fix", "orphans,missing,sizes")
    assert (done.returncode, done.stdout) == (0, "0 orphans, 0 missing, 0 sizes, 0 foreign; 0 fixed.\n"), done.stderr
    assert media.find(media_id)


def test_an_orphan_is_named_and_destroyed_on_request(
    owner: Account, media: MediaHost, reconcile: Reconcile, folder: str, video: Video
) -> None:
    media_id = f"{folder}/{owner.id}/{uuid.uuid4()}"
    stored(media, media_id, video())
    for options in ((), ("--fix", "missing,sizes")):
        told = reconcile(*options)
        assert told.returncode == 1
        assert media_id in told.stdout
        assert media.find(media_id)
    assert reconcile("--fix", "orphans").returncode == 0
    assert media.find(media_id) is None
    assert reconcile().returncode == 0


def test_a_video_whose_file_is_lost_is_hidden_on_request(
    host: Cloud, owner: Account, reconcile: Reconcile, folder: str, video: Video
) -> None:
    video_id, media_id = an_upload(host, owner, folder, video())
    told = reconcile()
    assert told.returncode == 1
    assert f"missing  {media_id}" in told.stdout
    doubtful = reconcile("--fix", "missing")  # all the videos that there are: is it the right host?
    assert (doubtful.returncode, doubtful.stdout) == (2, "")
    assert "MEDIA_URL" in doubtful.stderr
    assert host.storage(owner) == (len(video()), 0)
    assert reconcile("--fix", "missing", "--force").returncode == 0
    assert host.storage(owner) == (0, 0)
    assert video_id not in host.client.get("/list_videos", headers=owner.headers).text
    assert reconcile().returncode == 0


def test_some_lost_files_among_others_are_no_reason_for_doubt(
    host: Cloud, owner: Account, media: MediaHost, reconcile: Reconcile, folder: str, video: Video
) -> None:
    an_upload(host, owner, folder, video())
    stored(media, an_upload(host, owner, folder, video())[1], video())
    assert reconcile("--fix", "missing").returncode == 0
    assert host.storage(owner) == (len(video()), 0)


def test_another_deployments_file_is_named_and_left_alone(
    media: MediaHost, reconcile: Reconcile, folder: str, video: Video
) -> None:
    media_id = f"{folder}/{uuid.uuid4()}/{uuid.uuid4()}"
    stored(media, media_id, video())
    told = reconcile("--fix", "orphans,missing,sizes")
    assert told.returncode == 1
    assert f"foreign  {media_id}" in told.stdout
    assert media.find(media_id)


def test_a_video_that_was_left_at_another_host_is_not_missed(
    host: Cloud, owner: Account, reconcile: Reconcile, folder: str, video: Video
) -> None:
    video_id, _ = an_upload(host, owner, folder, video())
    host.sql("update public.videos set filepath = 'https://elsewhere.example/' || filepath where id = %s", video_id)
    assert reconcile("--fix", "missing").returncode == 0
    assert host.storage(owner) == (len(video()), 0)


def test_a_size_that_drifted_is_corrected_on_request(
    host: Cloud, owner: Account, media: MediaHost, reconcile: Reconcile, folder: str, video: Video
) -> None:
    _, media_id = an_upload(host, owner, folder, video())
    true = video(30_000)
    stored(media, media_id, true)
    told = reconcile()
    assert told.returncode == 1
    assert f"host: {len(true)}  row: {len(video())}" in told.stdout
    assert reconcile("--fix", "sizes").returncode == 0
    assert host.storage(owner) == (len(true), 0)
    assert reconcile().returncode == 0


def test_an_upload_under_way_is_no_orphan_and_a_forgotten_one_is(
    host: Cloud, owner: Account, media: MediaHost, reconcile: Reconcile, folder: str
) -> None:
    """Cloudinary does not tell of unfinished uploads, and forgets them by itself."""
    asked = {"title": "t", "filename": "a.mp4", "size_bytes": 9_000_000, "content_type": "video/mp4"}
    ticket = host.client.post("/upload_video", headers=owner.headers, json=asked).json()
    upload_id, media_id = uuid.UUID(ticket["upload_id"]), f"{folder}/{owner.id}/{ticket['upload_id']}"
    media.open_upload(DirectUpload(upload_id, media_id, 9_000_000, FORMATS["mp4"], clock.now() + timedelta(hours=1)))
    host.sql("update public.uploads set media_id = %s where id = %s", media_id, upload_id)
    assert reconcile("--fix", "orphans").returncode == 0

    host.client.delete(f"/delete_video/{upload_id}", headers=owner.headers)
    assert reconcile().returncode == 0  # queued for purging: known
    media.open_upload(DirectUpload(upload_id, media_id, 9_000_000, FORMATS["mp4"], clock.now() + timedelta(hours=1)))
    host.sql("delete from public.media_purges where media_id = %s", media_id)
    forgotten = reconcile("--fix", "orphans")
    assert ("1 orphans" in forgotten.stdout) is (ticket["host"] == "s3")
    assert reconcile().returncode == 0


@pytest.mark.parametrize("options", [["--fix", "everything"], ["--repair"]])
def test_an_unknown_wish_is_refused(reconcile: Reconcile, options: list[str]) -> None:
    assert reconcile(*options).returncode == 2


def test_a_host_that_cannot_be_asked_changes_nothing(
    host: Cloud, owner: Account, reconcile: Reconcile, folder: str, video: Video
) -> None:
    an_upload(host, owner, folder, video())
    host.set_faults({"admin": {"status": 500}, "explicit": {"status": 500}})
    try:
        assert reconcile("--fix", "orphans,missing,sizes").returncode == 2
    finally:
        host.set_faults({})
    assert host.storage(owner) == (len(video()), 0)
