"""The local media host keeps Cloudinary's promises: uploads, validation, destroying, webhooks, the log."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cloudinary.api
import cloudinary.exceptions
import cloudinary.uploader
import cloudinary.utils
import httpx
import pytest

from local.catalog import ROOT
from local.demo_videos import make_video
from tests.local.media_host_process import (
    CLOUD,
    KEY,
    SECRET,
    Calls,
    MediaHostProcess,
    running_host,
    signed_form,
    webhook_receiver,
)


@pytest.fixture(scope="module")
def shared_host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MediaHostProcess]:
    with running_host(tmp_path_factory.mktemp("media") / "state") as host:
        yield host


@pytest.fixture
def host(shared_host: MediaHostProcess) -> MediaHostProcess:
    """One process for the module, empty and without faults for each test."""
    shared_host.use()
    shared_host.set_faults({})
    for asset_type in ("upload", "authenticated"):
        cloudinary.api.delete_all_resources(resource_type="video", type=asset_type)
    return shared_host


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("videos") / "holiday.mp4"
    make_video(path, seconds=2)
    return path


@pytest.fixture
def webhook() -> Iterator[tuple[str, Calls]]:
    """The first call is answered with 500."""
    with webhook_receiver(500) as receiver:
        yield receiver


def upload(path: Path, **options: Any) -> dict[str, Any]:
    answer: dict[str, Any] = cloudinary.uploader.upload(str(path), resource_type="video", **options)
    return answer


def signed_post(host: MediaHostProcess, params: dict[str, str], file: bytes = b"x", **more: Any) -> httpx.Response:
    """An upload call with a correct signature over whatever `params` say."""
    url = f"{host.url}/v1_1/{CLOUD}/video/upload"
    return httpx.post(url, data=signed_form(params), files={"file": ("a.mp4", file)}, trust_env=False, **more)


def now() -> str:
    return str(int(time.time()))


def test_an_upload_answers_the_facts_of_the_video(host: MediaHostProcess, video: Path) -> None:
    answer = upload(video, public_id="users/u1/v1", tags=["a", "b"], context={"caption": "On | the = beach"})

    expected = {"public_id": "users/u1/v1", "format": "mp4", "width": 320, "height": 180, "type": "upload"}
    expected |= {"resource_type": "video", "bytes": video.stat().st_size, "original_filename": "holiday"}
    assert {name: answer[name] for name in expected} == expected
    assert answer["tags"] == ["a", "b"]
    assert answer["context"] == {"custom": {"caption": "On | the = beach"}}
    assert answer["duration"] == pytest.approx(2, abs=0.1)
    assert answer["url"] == f"{host.url}/{CLOUD}/video/upload/v{answer['version']}/users/u1/v1.mp4"
    assert cloudinary.utils.verify_api_response_signature("users/u1/v1", answer["version"], answer["signature"])
    assert host.kept_files() == [f"{answer['version_id']}.mp4"]


def test_the_answer_of_the_admin_api_is_the_same_video(host: MediaHostProcess, video: Path) -> None:
    for number in range(3):
        upload(video, public_id=f"users/u1/v{number}")
    upload(video, public_id="users/u2/v0")

    assert cloudinary.api.ping()["status"] == "ok"
    assert cloudinary.api.resource("users/u1/v1", resource_type="video")["bytes"] == video.stat().st_size
    listing = {"resource_type": "video", "type": "upload", "prefix": "users/u1/", "max_results": 2}
    first = cloudinary.api.resources(**listing)
    second = cloudinary.api.resources(**listing, next_cursor=first["next_cursor"])
    listed = [asset["public_id"] for page in (first, second) for asset in page["resources"]]
    assert listed == ["users/u1/v0", "users/u1/v1", "users/u1/v2"]
    assert "next_cursor" not in second
    deleted = cloudinary.api.delete_resources(["users/u1/v0", "nobody"], resource_type="video")["deleted"]
    assert deleted == {"users/u1/v0": "deleted", "nobody": "not_found"}


def test_the_admin_api_refuses_a_wrong_secret(host: MediaHostProcess) -> None:
    with pytest.raises(cloudinary.exceptions.AuthorizationRequired, match="api_secret mismatch"):
        cloudinary.api.ping(api_secret="wrong")


def test_a_bad_signature_is_refused_and_shows_the_string_to_sign(host: MediaHostProcess, video: Path) -> None:
    with pytest.raises(
        cloudinary.exceptions.AuthorizationRequired,
        match=r"Invalid Signature [0-9a-f]{40}\. String to sign - 'public_id=x&timestamp=\d+'\.",
    ):
        upload(video, public_id="x", api_secret="wrong")
    assert host.kept_files() == []


def test_a_param_that_was_not_signed_is_refused(host: MediaHostProcess) -> None:
    params = {"timestamp": now(), "public_id": "x"}
    signature = cloudinary.utils.api_sign_request(params, SECRET)
    form = {**params, "api_key": KEY, "signature": signature, "overwrite": "1"}
    answer = httpx.post(f"{host.url}/v1_1/{CLOUD}/video/upload", data=form, files={"file": b"x"}, trust_env=False)
    assert answer.status_code == 401


def test_a_timestamp_is_good_for_an_hour(host: MediaHostProcess, video: Path) -> None:
    answer = signed_post(host, {"timestamp": str(int(time.time()) - 3595)}, video.read_bytes())
    assert answer.status_code == 200


def test_a_timestamp_older_than_an_hour_is_refused(host: MediaHostProcess) -> None:
    answer = signed_post(host, {"timestamp": str(int(time.time()) - 3700)})
    assert answer.status_code == 400
    assert answer.json()["error"]["message"].startswith("Stale request - reported time is ")


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"cloud_name": "other"}, cloudinary.exceptions.AuthorizationRequired, "Invalid cloud_name other"),
        ({"api_key": "999"}, cloudinary.exceptions.AuthorizationRequired, "unknown api_key"),
        ({"type": "private"}, cloudinary.exceptions.BadRequest, "Invalid type private"),
        ({"public_id": "../../etc/passwd"}, cloudinary.exceptions.BadRequest, "is invalid"),
        ({"allowed_formats": ["webm"]}, cloudinary.exceptions.BadRequest, "Video file format mp4 not allowed"),
    ],
)
def test_an_upload_outside_the_rules_is_refused(
    host: MediaHostProcess, video: Path, options: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        upload(video, **options)
    assert host.kept_files() == []


def test_a_call_without_signature_or_file_names_what_is_missing(host: MediaHostProcess) -> None:
    url = f"{host.url}/v1_1/{CLOUD}/video/upload"
    unsigned = httpx.post(url, data={"timestamp": now(), "api_key": KEY}, trust_env=False)
    params = {"timestamp": now()}
    signature = cloudinary.utils.api_sign_request(params, SECRET)
    fileless = httpx.post(url, data={**params, "api_key": KEY, "signature": signature}, trust_env=False)

    assert unsigned.json()["error"]["message"] == "Missing required parameter - signature"
    assert fileless.json()["error"]["message"] == "Missing required parameter - file"
    assert (unsigned.status_code, fileless.status_code) == (400, 400)


@pytest.mark.parametrize("kind", ["text", "empty", "zeros", "cut in half", "without its last byte", "playlist"])
def test_what_does_not_play_is_refused_and_not_kept(host: MediaHostProcess, video: Path, kind: str) -> None:
    whole = video.read_bytes()
    content = {
        "text": b"not a video\n" * 100,
        "empty": b"",
        "zeros": bytes(50_000),
        "cut in half": whole[: len(whole) // 2],
        "without its last byte": whole[:-1],
        "playlist": f"ffconcat version 1.0\nfile {video}\n".encode(),
    }[kind]
    answer = signed_post(host, {"timestamp": now(), "public_id": "broken"}, content)

    assert answer.status_code == 400
    assert answer.json() == {"error": {"message": "Unsupported video format or file"}}
    assert host.kept_files() == []


def test_overwrite_0_answers_the_video_that_is_there(host: MediaHostProcess, video: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.mp4"
    make_video(other, seconds=1)
    first = upload(video, public_id="x")
    second = upload(other, public_id="x", overwrite=False)

    assert second["existing"] is True
    assert (second["asset_id"], second["version"], second["etag"]) == (
        first["asset_id"],
        first["version"],
        first["etag"],
    )


def test_an_overwrite_replaces_the_video_and_raises_its_version(
    host: MediaHostProcess, video: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other.mp4"
    make_video(other, seconds=1)
    first = upload(video, public_id="x")
    second = upload(other, public_id="x")

    assert second["asset_id"] == first["asset_id"]
    assert second["version"] > first["version"]
    assert host.kept_files() == [f"{second['version_id']}.mp4"]
    assert httpx.get(first["url"], trust_env=False).content == other.read_bytes()


def test_destroying_twice_says_not_found_and_leaves_nothing(host: MediaHostProcess, video: Path) -> None:
    answer = upload(video, public_id="x")
    httpx.get(answer["url"].replace(".mp4", ".jpg"), trust_env=False)

    results = [cloudinary.uploader.destroy("x", resource_type="video", invalidate=True)["result"] for _ in range(2)]
    assert results == ["ok", "not found"]
    assert host.kept_files() == []
    assert httpx.get(answer["url"], trust_env=False).status_code == 404


def test_a_webhook_is_signed_and_repeated_until_it_is_taken(
    host: MediaHostProcess, video: Path, webhook: tuple[str, Calls]
) -> None:
    url, received = webhook
    answer = upload(video, public_id="x", notification_url=url)

    calls = [received.get(timeout=30) for _ in range(2)]  # the first one was answered with 500
    for headers, body in calls:
        assert cloudinary.utils.verify_notification_signature(
            body, headers["X-Cld-Timestamp"], headers["X-Cld-Signature"]
        )
        content = json.loads(body)
        assert content["notification_type"] == "upload"
        assert {name: content[name] for name in ("public_id", "version", "bytes")} == {
            name: answer[name] for name in ("public_id", "version", "bytes")
        }


def test_an_ordered_failure_ends_after_its_times(host: MediaHostProcess, video: Path) -> None:
    host.set_faults({"upload": {"status": 503, "times": 1}, "destroy": {"status": 500}})
    with pytest.raises(cloudinary.exceptions.GeneralError, match="Injected fault - 503"):
        upload(video, public_id="x")
    assert upload(video, public_id="x")["public_id"] == "x"
    with pytest.raises(cloudinary.exceptions.GeneralError):
        cloudinary.uploader.destroy("x", resource_type="video")


def test_a_lost_answer_has_done_its_work(host: MediaHostProcess, video: Path) -> None:
    host.set_faults({"upload": {"lose_answer": True, "times": 1}})
    with pytest.raises(cloudinary.exceptions.Error):
        upload(video, public_id="x")
    assert upload(video, public_id="x", overwrite=False)["existing"] is True


def test_a_misspelt_fault_is_refused(host: MediaHostProcess) -> None:
    answer = httpx.put(f"{host.url}/_local/faults", json={"uplaod": {"status": 503}}, trust_env=False)
    assert answer.status_code == 400
    assert "uplaod" in answer.text


def test_the_log_tells_of_requests_but_no_secrets(host: MediaHostProcess, video: Path) -> None:
    upload(video, public_id="logged", type="authenticated")
    url, _ = cloudinary.utils.cloudinary_url("logged.mp4", resource_type="video", type="authenticated", sign_url=True)
    path = "/" + url.split("/", 3)[3]
    httpx.get(f"{host.url}{path}?api_key={KEY}", trust_env=False)

    assert f"POST /v1_1/{CLOUD}/video/upload 200 " in host.log
    assert f"GET /{CLOUD}/video/authenticated/s--...--/" in host.log
    assert SECRET not in host.log
    assert path.split("/")[4] not in host.log


def test_a_second_host_on_the_same_port_says_so_in_one_line(host: MediaHostProcess, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "local.media_host", "--port", str(host.port), "--state", str(tmp_path)]
    command += ["--cloudinary-url", f"cloudinary://{KEY}:{SECRET}@{CLOUD}"]
    second = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

    assert second.returncode == 1
    assert second.stderr == f"media host: port {host.port} on 127.0.0.1 cannot be used: Address already in use\n"


def test_sigterm_ends_the_host_with_status_0(tmp_path: Path) -> None:
    with running_host(tmp_path / "state") as host:
        assert host.stop() == 0
