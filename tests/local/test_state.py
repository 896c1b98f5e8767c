"""The state directory: made for its owner alone, shared with nobody, and in every kind of disorder."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from local import catalog, leftovers, ports
from local.failure import StartFailure
from local.output import shortened
from local.state import State


def test_secrets_are_made_once_and_are_the_owner_s_alone(tmp_path: Path) -> None:
    state = State(tmp_path / "state")
    state.prepare()
    first = state.keys()
    assert State(tmp_path / "state").keys() == first
    assert first.supabase_secret_key.startswith("sb_secret_")
    assert stat.S_IMODE((tmp_path / "state").stat().st_mode) == 0o700
    assert stat.S_IMODE((tmp_path / "state" / "secrets.json").stat().st_mode) == 0o600
    assert not any(value in repr(first) for value in first.values())


def test_a_secret_that_is_new_in_this_version_is_added_to_the_old_ones(tmp_path: Path) -> None:
    state = State(tmp_path)
    state.prepare()
    old = state.read("secrets.json") | {"jwt_secret": "kept"}
    state.write("secrets.json", old)
    assert state.keys().jwt_secret == "kept"
    assert state.read("secrets.json")["demo_password"] == state.keys().demo_password


@pytest.mark.parametrize("content", ["{", "[]", '{"jwt_secret": 1}', '{"jwt_secret": ""}', "\x00"])
def test_broken_secrets_name_the_file_and_the_cure(tmp_path: Path, content: str) -> None:
    (tmp_path / "secrets.json").write_text(content)
    with pytest.raises(StartFailure, match=r"secrets\.json .*rm -r"):
        State(tmp_path).keys()


@pytest.mark.parametrize("inside", ["", "state", "state/run"])
def test_a_file_in_the_place_of_a_directory_is_named(tmp_path: Path, inside: str) -> None:
    place = tmp_path / "place" / inside
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text("")
    with pytest.raises(StartFailure, match=str(place)):
        State(tmp_path / "place" / "state").prepare()


@contextmanager
def no_rights() -> Iterator[None]:
    """Root may write everywhere: for a while it is nobody."""
    user = os.geteuid()
    if user == 0:
        os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(user)


def test_a_directory_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with no_rights(), pytest.raises(StartFailure, match="Permission denied"):
        State(tmp_path / "state").prepare()
    tmp_path.chmod(0o700)


def test_the_usual_state_directory_s_cure_is_make_clean() -> None:
    state = State(catalog.ROOT / ".local")
    assert str(state.broken(state.path, "is odd")).endswith("make clean")


def test_a_second_local_cloud_on_one_directory_is_told_where_the_first_one_is(tmp_path: Path) -> None:
    state = State(tmp_path)
    told = rf"already running \(pid {os.getpid()}, http://127\.0\.0\.1:8080\)"
    with state.locked("http://127.0.0.1:8080"), pytest.raises(StartFailure, match=told):
        State(tmp_path).locked("http://127.0.0.1:9090").__enter__()
    with state.locked("http://127.0.0.1:9090"):
        assert "9090" in (tmp_path / "lock").read_text()


def test_ports_stay_the_same_unless_somebody_took_one() -> None:
    first = ports.choose(["a", "b"], {})
    assert ports.choose(["a", "b"], dict(first)) == first
    assert ports.choose(["a", "b"], {"a": first["a"], "b": first["a"]})["b"] != first["a"]
    assert ports.choose(["a"], {"a": "soon"})["a"] in range(ports.LOWEST, ports.HIGHEST + 1)


@pytest.fixture
def sleeper() -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], start_new_session=True)


def test_leftovers_of_a_killed_run_are_stopped(tmp_path: Path, sleeper: subprocess.Popen[bytes]) -> None:
    state = State(tmp_path)
    state.prepare()
    leftovers.Ledger(state).add("login", sleeper.pid)
    assert leftovers.stop_leftovers(state) == ["login"]
    assert sleeper.wait() < 0
    assert not (state.run / "login.pid").exists()


def test_a_process_that_only_has_a_leftover_s_pid_is_not_touched(
    tmp_path: Path, sleeper: subprocess.Popen[bytes]
) -> None:
    state = State(tmp_path)
    state.prepare()
    state.write("run/children.json", {"login": {"pid": sleeper.pid, "started_at": "1"}})
    assert leftovers.stop_leftovers(state) == []
    assert sleeper.poll() is None
    sleeper.kill()
    sleeper.wait()


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("plain", ("", "plain")),
        ("{not json", ("", "{not json")),
        ('{"a": 1}', ("", '{"a": 1}')),
        (json.dumps({"severity": "ERROR", "message": "boom", "status": 500}), ("ERROR", "ERROR boom status=500")),
        (json.dumps({"message": "m", "why": "a b", "x.example/trace": "t"}), ("INFO", 'INFO m why="a b"')),
    ],
)
def test_log_lines_are_shown_short(line: str, shown: tuple[str, str]) -> None:
    assert shortened(line) == shown
