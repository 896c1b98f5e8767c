"""`make dev` as people use it, on the built-in database with the demo: used, stopped, killed and started again."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from local.catalog import load
from local.state import State
from tests.cloud import eventually
from tests.local.dev import OWN_ORIGIN, Dev, runs, start_another
from tests.postgres import free_port


@pytest.fixture(scope="module")
def dev(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dev]:
    running = Dev(tmp_path_factory.mktemp("dev") / "state")
    yield running
    running.cloud.stop()


def test_the_health_address_says_that_everything_is_up(dev: Dev) -> None:
    answer = dev.cloud.client.get("/_local/health")
    assert (answer.status_code, answer.json()["status"], answer.json()["pending"]) == (200, "ready", [])
    assert set(answer.json()["components"]) == set(dev.children())


def test_the_demo_file_gives_addresses_and_accounts_that_work(dev: Dev) -> None:
    assert dev.demo["base_url"] == f"http://127.0.0.1:{dev.port}"
    assert dev.demo["functions"] == {name: f"{dev.demo['base_url']}/{name}" for name in load()}
    assert sorted(account["role"] for account in dev.demo["accounts"]) == ["admin", "user"]
    for role in ("admin", "user"):
        profile = httpx.get(dev.demo["functions"]["get_profile"], headers=dev.account(role).headers)
        assert profile.json()["user"]["role"] == role


def test_three_videos_can_be_played_from_any_position_and_have_a_poster(dev: Dev) -> None:
    videos = dev.videos()
    assert len(videos) == 3
    for video in videos:
        part = httpx.get(video["filepath"], headers={"Range": "bytes=4-7"})
        assert (part.status_code, part.content) == (206, b"ftyp")
        assert part.headers["content-range"] == f"bytes 4-7/{video['size_bytes']}"
        poster = httpx.get(video["poster_url"])
        assert (poster.headers["content-type"], poster.content[:3]) == ("image/jpeg", b"\xff\xd8\xff")


def test_the_printed_line_works_as_pasted(dev: Dev) -> None:
    line = dev.log.rpartition("Try it:\n")[2].partition("\n")[0]
    done = subprocess.run(["bash", "-c", line], capture_output=True, text=True, check=True)
    assert len(json.loads(done.stdout)["videos"]) == 3


def test_log_lines_carry_the_name_of_their_function(dev: Dev) -> None:
    dev.videos()
    eventually(lambda: re.search(r"^list_videos +\| INFO request .*status=200", dev.log, re.MULTILINE))


def test_a_refusal_is_logged_by_its_function_and_not_dumped_by_the_database(dev: Dev) -> None:
    known = dev.demo["accounts"][1]
    taken = {"email": known["email"], "password": known["password"], "username": "somebody"}
    assert dev.cloud.client.post("/register", json=taken).status_code == 409
    eventually(lambda: re.search(r"^register +\| INFO request .*status=409", dev.log, re.MULTILINE))
    assert "$2b$" not in dev.log
    assert not re.search(r"^supabase +\|     at |email_taken", dev.log, re.MULTILINE)


@pytest.mark.parametrize("origin", ["http://localhost:3000", "http://localhost:5173", OWN_ORIGIN])
def test_a_browser_on_a_development_server_may_call(dev: Dev, origin: str) -> None:
    asked = {"Origin": origin, "Access-Control-Request-Method": "POST"}
    preflight = dev.cloud.client.options("/login", headers=asked)
    refused = dev.cloud.client.get("/list_videos", headers={"Origin": origin})
    assert (preflight.status_code, refused.status_code) == (204, 401)
    assert {answer.headers["access-control-allow-origin"] for answer in (preflight, refused)} == {origin}


def test_a_browser_from_elsewhere_may_not(dev: Dev) -> None:
    asked = {"Origin": "http://localhost:4201", "Access-Control-Request-Method": "POST"}
    answers = [dev.cloud.client.options("/login", headers=asked), dev.cloud.client.get("/list_videos", headers=asked)]
    assert not any("access-control-allow-origin" in answer.headers for answer in answers)


def test_a_second_one_on_the_same_state_is_told_where_the_first_one_is(dev: Dev) -> None:
    done = start_another(dev.state, free_port())
    told = f"The local cloud is already running (pid {dev.cloud.process.pid}, {dev.demo['base_url']}).\n"
    assert (done.returncode, done.stdout, done.stderr) == (1, "", told)


def test_a_port_in_use_is_one_line(dev: Dev, tmp_path: Path) -> None:
    done = start_another(tmp_path / "other", dev.port)
    assert (done.returncode, done.stdout) == (1, "")
    assert re.fullmatch(f"Port {dev.port} is in use: .*\n", done.stderr)


def test_a_port_that_no_port_can_be_is_one_line(tmp_path: Path) -> None:
    done = start_another(tmp_path / "other", 65536)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "PORT must be a whole number from 1 to 65535, not 65536.\n"


@pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="needs Linux's /proc")
def test_no_secret_stands_on_a_command_line(dev: Dev) -> None:
    lines = [Path(f"/proc/{pid}/cmdline").read_text() for pid in dev.children().values()]
    assert not [line for line in lines for secret in State(dev.state).keys().values() if secret in line]


def test_a_function_that_died_is_started_again(dev: Dev) -> None:
    first = dev.cloud.pid("login")
    dev.cloud.kill("login")
    eventually(lambda: dev.cloud.is_another("login", first))
    assert dev.account("user").token


def test_ctrl_c_ends_everything_and_the_next_start_finds_its_data(dev: Dev) -> None:
    children, demo, videos = dev.children(), dev.demo, dev.videos()
    assert dev.cloud.stop() == 0
    assert not [name for name, pid in children.items() if runs(pid)]
    assert dev.children() == {}
    dev.start()
    assert (dev.demo, dev.videos()) == (demo, videos)


def test_a_kill_leaves_nothing_that_disturbs_the_next_start(dev: Dev) -> None:
    children, videos = dev.children(), dev.videos()
    os.kill(children["login"], signal.SIGSTOP)  # it will not hear that it should end
    dev.kill()
    dev.start()
    assert "Stopped login, left over from a run that was killed.\n" in dev.log
    assert not [name for name, pid in children.items() if runs(pid)]
    assert dev.videos() == videos


def test_no_secret_is_in_the_log_but_the_demo_passwords_in_the_banner(dev: Dev) -> None:
    keys = State(dev.state).keys()
    passwords = {keys.admin_password, keys.demo_password}
    banner = re.compile(r"  (admin|user|curl) ")
    logged = [line for line in dev.log.splitlines() if not banner.match(line)]
    assert not [line for line in logged for secret in keys.values() if secret in line]
    shown = [line for line in dev.log.splitlines() if banner.match(line)]
    assert not [line for line in shown for secret in set(keys.values()) - passwords if secret in line]


def test_everything_runs_on_a_bucket_too(tmp_path: Path) -> None:
    dev = Dev(tmp_path / "state", MEDIA="s3")
    try:
        videos = dev.videos()
        for video in videos:
            part = httpx.get(video["filepath"], headers={"Range": "bytes=4-7"})
            assert (part.status_code, part.content) == (206, b"ftyp")
            assert part.headers["content-range"] == f"bytes 4-7/{video['size_bytes']}"
        assert len(dev.cloud.media("reelay/")) == len(videos) == 3
        dev.cloud.stop()
        dev.start()
        assert [httpx.head(video["filepath"]).status_code for video in videos] == [200] * 3
        assert not [line for line in dev.log.splitlines() if State(dev.state).keys().media_api_secret in line]
    finally:
        dev.cloud.stop()


def test_private_videos_in_a_bucket_play_with_their_signed_address_alone(tmp_path: Path) -> None:
    dev = Dev(tmp_path / "state", MEDIA="s3", MEDIA_ACCESS="private")
    try:
        video = dev.videos()[0]
        watched = dev.cloud.get(f"/watch_video/{video['filename']}", dev.account("user"))
        assert httpx.get(watched["url"], headers={"Range": "bytes=4-7"}).content == b"ftyp"
        assert httpx.get(watched["url"].partition("?")[0]).status_code == 403
    finally:
        dev.cloud.stop()
