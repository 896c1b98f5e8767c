"""One call of each function which works only with everything that the function needs, and what must come back."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from local.media_host.signatures import sign_notification
from tests.cloud import PASSWORD, Account, Cloud
from tests.functions.answers import as_account
from tests.functions.direct import Direct
from tests.functions.test_write_log import event


@dataclass(frozen=True)
class World:
    """What calls are about: a fresh account and a real video."""

    cloud: Cloud
    user: Account
    file: bytes = field(repr=False)
    direct: Direct

    def uploaded(self) -> dict[str, Any]:
        """The row of the user's video."""
        answer = self.cloud.upload(self.user, self.file)
        assert answer.status_code == 201, answer.text
        row: dict[str, Any] = answer.json()["file"]
        return row


@dataclass(frozen=True)
class Call:
    """`request` are httpx's options; `part` picks what must be `value` from the JSON of the answer."""

    method: str
    path: str
    part: Callable[[Any], object]
    value: object
    request: Mapping[str, Any] = field(default_factory=dict)
    status: int = 200


def register(_: World) -> Call:
    email = f"{uuid.uuid4().hex}@example.com"
    body = {"email": email, "username": "somebody", "password": PASSWORD}
    return Call("POST", "/", lambda answer: answer["user"]["email"], email, {"json": body}, 201)


def login(world: World) -> Call:
    body = {"email": world.user.email, "password": PASSWORD}
    return Call("POST", "/", lambda answer: answer["user"]["id"], world.user.id, {"json": body})


def get_profile(world: World) -> Call:
    headers = {"headers": world.user.headers}
    return Call("GET", f"/{world.user.id}", lambda answer: answer["user"]["email"], world.user.email, headers)


def upload_video(world: World) -> Call:
    form = {"files": {"video": ("clip.mp4", world.file, "video/mp4")}, "data": {"title": "A & B"}}
    request = {"headers": world.user.headers, **form}
    wanted = "A & B", len(world.file)
    return Call(
        "POST", "/", lambda answer: (answer["file"]["title"], answer["file"]["size_bytes"]), wanted, request, 201
    )


def complete_upload(world: World) -> Call:
    ticket, _ = world.direct.sent(world.user, world.file)
    request = {"headers": world.user.headers, "json": {"upload_id": ticket["upload_id"]}}
    wanted = ticket["upload_id"], len(world.file)
    return Call("POST", "/", lambda answer: (answer["file"]["id"], answer["file"]["size_bytes"]), wanted, request)


def media_webhook(world: World) -> Call:
    ticket, announced = world.direct.sent(world.user, world.file)
    body, timestamp = json.dumps(announced), int(time.time())
    signed = {
        "X-Cld-Timestamp": str(timestamp),
        "X-Cld-Signature": sign_notification(body, timestamp, world.direct.secret),
        "Content-Type": "application/json",
    }
    wanted = f"Video {ticket['upload_id']} uploaded, {len(world.file)} bytes"
    return Call("POST", "/", lambda answer: answer["message"], wanted, {"headers": signed, "content": body})


def list_videos(world: World) -> Call:
    row = world.uploaded()
    headers = {"headers": world.user.headers}
    return Call("GET", f"/{world.user.id}", lambda answer: answer["videos"], [row], headers)


def watch_video(world: World) -> Call:
    row = world.uploaded()
    return Call("GET", f"/{row['filename']}", lambda answer: answer["video"], row, {"headers": world.user.headers})


def delete_video(world: World) -> Call:
    filename = world.uploaded()["filename"]
    return Call("DELETE", f"/{filename}", lambda answer: answer["deleted"], 1, {"headers": world.user.headers})


def write_log(world: World) -> Call:
    headers = as_account(world.cloud.granted()["TASKS_SERVICE_ACCOUNT"])
    request = {"headers": headers, "json": {"events": [event(world.user)]}}
    return Call("POST", "/", lambda answer: answer["inserted"], 1, request)


def list_logs(world: World) -> Call:
    """The oldest event comes last, whatever else is delivered meanwhile."""
    oldest = event(world.user)
    world.cloud.sql("insert into logs select * from jsonb_populate_record(null::logs, %s::jsonb)", json.dumps(oldest))
    request = {"headers": world.user.headers}
    return Call("GET", f"/{world.user.id}", lambda answer: answer["logs"][-1], oldest, request)


def check_storage(world: World) -> Call:
    row = world.uploaded()
    request = {"headers": world.user.headers, "params": {"size_bytes": 1}}
    wanted = row["size_bytes"], 1, True
    return Call(
        "GET", "/", lambda answer: (answer["used_bytes"], answer["video_count"], answer["can_upload"]), wanted, request
    )


def record_usage(world: World) -> Call:
    watched = world.cloud.get(f"/watch_video/{world.uploaded()['filename']}", world.user)
    report = {"playback_token": watched["playback_token"], "used_bytes": 7}
    request = {"headers": world.user.headers, "json": report}
    return Call("POST", "/", lambda answer: answer["playback"]["used_bytes"], 7, request)


def reset_usage(world: World) -> Call:
    world.uploaded()
    world.cloud.sql("update public.daily_usage set day = day - 3 where user_id = %s", world.user.id)
    headers = as_account(world.cloud.granted()["SCHEDULER_SERVICE_ACCOUNT"])
    return Call("POST", "/", lambda answer: answer["archived"] > 0, True, {"headers": headers})


CALLS: dict[str, Callable[[World], Call]] = {
    ask.__name__: ask
    for ask in (
        register, login, get_profile, upload_video, complete_upload, media_webhook, list_videos, watch_video,
        delete_video, write_log, list_logs, check_storage, record_usage, reset_usage,
    )
}  # fmt: skip
