"""`make audit-restore`: what functions printed instead of queueing it ends up in the table, each event once."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import uuid
from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from common import audit
from local import restore_audit
from local.audit_lines import events_in
from local.catalog import ROOT
from local.failure import StartFailure
from local.output import Output
from tests.cloud import Cloud


def an_event(**changes: Any) -> audit.Event:
    return audit.Event(**{"user_id": str(uuid.uuid4()), "action_type": "LOGIN", "description": "Logged in",
                          "service_name": "fn-login", **changes})  # fmt: skip


def printed(*events: audit.Event) -> list[str]:
    """The lines that a function prints of them."""
    return [json.dumps({"severity": "ERROR", "message": "audit_fallback", "event": asdict(one)}) for one in events]


@pytest.fixture
def restore(cloud: Cloud, tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs the command on a file with this text, connected by the environment, and by the state directory if asked."""

    def run(text: str, *, by_state: bool = False) -> subprocess.CompletedProcess[str]:
        file = tmp_path / "functions.log"
        file.write_text(text, encoding="utf-8")
        granted = {name: cloud.granted()[name] for name in ("SUPABASE_URL", "SUPABASE_SECRET_KEY")}
        options = ["--state", str(cloud.state)] if by_state else []
        return subprocess.run(
            [sys.executable, "-m", "local.restore_audit", *options, str(file)],
            cwd=ROOT, env={"PATH": os.environ["PATH"], **({} if by_state else granted)},
            capture_output=True, text=True, check=False,
        )  # fmt: skip

    return run


def stored(cloud: Cloud, *events: audit.Event) -> list[dict[str, Any]]:
    """Their rows, in the order of the events."""
    granted = cloud.granted()
    ids = ",".join(one.id for one in events)
    answer = httpx.get(
        f"{granted['SUPABASE_URL']}/rest/v1/logs",
        params={"id": f"in.({ids})"},
        headers={"apikey": granted["SUPABASE_SECRET_KEY"]},
    )
    rows: list[dict[str, Any]] = answer.raise_for_status().json()
    for row in rows:
        row["created_at"] = datetime.fromisoformat(row["created_at"]).isoformat()
    return sorted(rows, key=lambda row: ids.index(row["id"]))


def test_what_functions_printed_is_restored_once_however_often_it_is_tried(
    cloud: Cloud, restore: Callable[..., subprocess.CompletedProcess[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    events = [an_event(description=f"Nr. {number}") for number in range(450)] + [an_event(user_id=None)]
    for one in events:
        audit.print_fallback(json.dumps(asdict(one)))
    log = capsys.readouterr().out
    first, second = restore("request\n" + log), restore(log + log)
    assert (first.returncode, first.stdout, first.stderr) == (
        0, "451 audit events found: 451 restored, 0 already there.\n", "",
    )  # fmt: skip
    assert second.stdout == "902 audit events found: 0 restored, 902 already there.\n"
    chosen = (events[0], events[449], events[450])
    assert stored(cloud, *chosen) == [asdict(one) for one in chosen]


def test_bad_lines_are_named_and_hold_nothing_up(
    cloud: Cloud, restore: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    good, other = an_event(), an_event()
    cut_off = printed(other)[0][:-1]
    lines = [*printed(good), "GET / 200", cut_off, *printed(an_event(id="7")), '{"message": "request"}']
    done = restore("\n".join(lines))
    assert done.returncode == 1
    assert done.stdout == "1 audit events found: 1 restored, 0 already there.\n"
    assert done.stderr.splitlines() == [
        "Line 3 is not restored: it is cut off, or no JSON.",
        "Line 4 is not restored: its event has no valid id.",
        "Bad lines: 2.",
    ]
    assert [row["id"] for row in stored(cloud, good, other)] == [good.id]


@pytest.mark.skipif((ROOT / ".env").exists(), reason="a .env of one's own says where to connect")
def test_without_a_project_the_running_local_cloud_is_meant(
    cloud: Cloud, restore: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    event = an_event()
    assert restore("".join(printed(event)), by_state=True).returncode == 0
    assert len(stored(cloud, event)) == 1


def test_the_file_may_be_one_array_as_gcloud_prints_it(tmp_path: Path) -> None:
    first, second = an_event(), an_event()
    entries = [
        {"insertId": "1", "jsonPayload": json.loads(printed(first)[0]), "severity": "ERROR"},
        {"insertId": "2", "textPayload": "nothing of ours"},
        {"insertId": "3", "textPayload": f"gunicorn: {printed(second)[0]}"},
        {"insertId": "4", "jsonPayload": {"message": "audit_fallback", "event": {"id": first.id}}},
    ]
    file = tmp_path / "entries.json"
    file.write_text(json.dumps(entries, indent=2), encoding="utf-8")
    events, bad = restore_audit.find(restore_audit.read_lines(file))
    assert events == [asdict(first), asdict(second)]
    assert bad == {4: "its event has no valid action_type"}


@pytest.mark.parametrize(
    "carried",
    [
        "{}",
        "login | {}",
        "{{x}} {{}} {} rest",
        '{{"jsonPayload": {}}}',
        '[1, {{"log": {{"deep": [{}]}}}}]',
        "\x1b[31m{}",
    ],
)
def test_an_event_is_found_wherever_it_stands_in_a_line(carried: str) -> None:
    event = an_event(description='"quoted" {braces} and an é')
    assert events_in(carried.format(printed(event)[0])) == [asdict(event)]


def test_the_local_cloud_s_own_output_can_be_restored_from(capsys: pytest.CaptureFixture[str]) -> None:
    event = an_event(description="an é")
    Output(["login"], []).child("login", printed(event)[0])
    assert events_in(capsys.readouterr().out) == [asdict(event)]


@pytest.mark.parametrize(
    "line", ["", "audit_fallback", '{"message": "audit_queue_failing"}', '{"q": "audit_fallback"}']
)
def test_a_line_about_something_else_is_no_bad_line(line: str) -> None:
    assert events_in(line) == []


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("id", "7"), ("id", None), ("id", 7), ("user_id", "ann"), ("action_type", None), ("description", "a\0b"),
        ("service_name", "\ud800"), ("created_at", "yesterday"), ("created_at", "2026-11-20T10:00:00"),
    ],
)  # fmt: skip
def test_an_event_that_the_database_would_refuse_is_a_bad_line(field: str, value: object) -> None:
    with pytest.raises(ValueError, match=f"no valid {field}$"):
        events_in(printed(an_event(**{field: value}))[0])


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(StartFailure, match=r"Cannot read .*missing\.log: No such file"):
        restore_audit.read_lines(tmp_path / "missing.log")


def test_a_project_named_in_dotenv_goes_before_the_local_cloud(tmp_path: Path) -> None:
    project = {"SUPABASE_URL": "https://p.supabase.co", "SUPABASE_SECRET_KEY": "sb_secret_x"}
    assert restore_audit.connection(tmp_path, project, {})._url == "https://p.supabase.co"
    with pytest.raises(StartFailure, match="No local cloud runs in"):
        restore_audit.connection(tmp_path, {}, {})


def test_a_database_that_does_not_answer_is_one_line_and_nothing_is_claimed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "functions.log"
    file.write_text("\n".join(printed(an_event())))
    monkeypatch.setenv("SUPABASE_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("SUPABASE_SECRET_KEY", "sb_secret_of_nobody_at_all")
    monkeypatch.setattr(sys, "argv", ["restore_audit", str(file)])
    assert restore_audit.main() == 1
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.splitlines()[-1].startswith("0 events restored, then: ")
