"""Everybody who takes part in uploads: users with low limits, the real functions, the media host, the database."""

from __future__ import annotations

import io
import json
import threading
import time
import uuid
from collections import Counter
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from flask import Flask
from werkzeug.datastructures import FileStorage
from werkzeug.test import encode_multipart

from common.media_account import parse
from local.demo_videos import make_video
from local.media_host.signatures import sign_notification
from tests.cloud import Cloud
from tests.functions.answers import as_account
from tests.loading import loaded
from tests.media.held import shelf
from tests.supabase.scratch import Sql

FUNCTIONS = ("upload_video", "complete_upload", "media_webhook", "delete_video", "reset_usage")
OK = (200, "")
DOWN = (503, "dependency_unavailable")
QUOTAS = {(413, "storage_quota_exceeded"), (429, "bandwidth_quota_exceeded")}
# All that docs/api.md lets a function answer here; DOWN only while something is broken.
DOCUMENTED: Mapping[str, set[tuple[int, str]]] = {
    "ticket": {(201, ""), (429, "too_many_uploads"), *QUOTAS},
    "again": {OK, (404, "upload_not_found"), (409, "upload_complete"), (410, "upload_expired")},
    "form": {(201, ""), (409, "upload_in_progress"), (410, "upload_expired"), (415, "not_a_video"), *QUOTAS},
    "complete_upload": {
        OK, (404, "upload_not_found"), (404, "video_not_found"), (409, "upload_incomplete"), (410, "upload_expired"),
        (413, "larger_than_reserved"), (415, "not_a_video"),
    },
    "media_webhook": {OK, (401, "invalid_signature")},
    "delete_video": {OK, (404, "video_not_found")},
    "reset_usage": {OK},
}  # fmt: skip


@dataclass(frozen=True)
class User:
    """`variant` names the upload_video that this user calls: it has the limits."""

    id: uuid.UUID
    headers: Mapping[str, str]
    variant: str
    storage_bytes: int
    bandwidth_bytes: int

    @property
    def folder(self) -> str:
        return f"reelay/{self.id}/"


@dataclass(frozen=True)
class Answer:
    status: int
    code: str
    body: dict[str, Any]

    @property
    def kind(self) -> tuple[int, str]:
        return self.status, self.code


# (storage, bandwidth): one user meets the first limit, one the other, and one has room for files of two chunks.
LIMITS = {"tight": (150_000, 400_000), "thrifty": (200_000, 100_000), "roomy": (20_000_000, 60_000_000)}


class World:
    """One for all examples on one local cloud. `is_broken`: a step has broken something, so that DOWN is an answer."""

    def __init__(self, cloud: Cloud, directory: Path) -> None:
        self.cloud = cloud
        self.sql = Sql(cloud.database_url)
        granted = cloud.granted()
        self.shelf = shelf(granted["MEDIA_URL"])
        self.account = parse(granted["MEDIA_URL"])
        self.is_s3 = granted["MEDIA_URL"].startswith("s3:")
        self.threads = ThreadPoolExecutor(2)
        self.outcomes: Counter[str] = Counter()
        self.steps = 0
        self.is_broken = False
        self.is_impatient = False
        self._host = granted["MEDIA_DELIVERY_URL"].rpartition("/")[0]
        self._http = httpx.Client(trust_env=False, timeout=60)
        self._scheduler = as_account(granted["SCHEDULER_SERVICE_ACCOUNT"])
        self._directory = directory
        self._videos: dict[int, bytes] = {}
        self._entries: list[Any] = []
        self._apps: dict[tuple[str, bool], Flask] = {}
        for is_impatient in (False, True):
            for name in FUNCTIONS[1:]:
                self._apps[name, is_impatient] = self._load(name)
            for variant, (storage_bytes, bandwidth_bytes) in LIMITS.items():
                limits = {"STORAGE_QUOTA_BYTES": str(storage_bytes), "UPLOAD_BANDWIDTH_BYTES": str(bandwidth_bytes)}
                self._apps[f"{variant} announced", is_impatient] = self._load("upload_video", limits)
                self._apps[variant, is_impatient] = self._load("upload_video", limits | {"MEDIA_WEBHOOK_URL": ""})
        self.set_faults({})

    def _load(self, name: str, settings: Mapping[str, str] | None = None) -> Flask:
        app, entry = loaded(name, {**self.cloud.environment(name), **(settings or {})})
        self._entries.append(entry)
        return app

    def close(self) -> None:
        self._http.put(f"{self._host}/_local/faults", json={}).raise_for_status()
        self.threads.shutdown()
        for entry in self._entries:
            if "audit" in vars(entry.app):
                entry.app.audit.flush()
            entry.app.db.close()
        self.shelf.close()
        self._http.close()
        self.sql.close()

    def user(self, variant: str) -> User:
        """A fresh account."""
        user_id = self.sql.user()
        row = {"id": str(user_id), "email": f"{user_id}@example.com", "role": "user"}
        tokens = self._entries[0].app.tokens
        return User(
            user_id, {"Authorization": f"Bearer {tokens.issue(row, lifetime_seconds=3600)}"}, variant, *LIMITS[variant]
        )

    def set_faults(self, faults: Mapping[str, Any]) -> None:
        """Orders failures of the media host. Renditions never are made: they would keep the machine busy."""
        document = {**({} if self.is_s3 else {"eager": {"status": 500}}), **faults}
        self._http.put(f"{self._host}/_local/faults", json=document).raise_for_status()

    def video(self, size_bytes: int) -> bytes:
        """A real MP4 of exactly this size."""
        if size_bytes not in self._videos:
            file = self._directory / f"{size_bytes}-{threading.get_ident()}.mp4"  # two may want the same at once
            make_video(file, seconds=1, size_bytes=size_bytes)
            self._videos[size_bytes] = file.read_bytes()
        return self._videos[size_bytes]

    # What users, the host and the scheduler ask of us.

    def ticket(self, user: User, size_bytes: int, title: str, content_type: str, *, announced: bool) -> Answer:
        wish = {"title": title, "filename": "clip", "size_bytes": size_bytes, "content_type": content_type}
        variant = f"{user.variant} announced" if announced else user.variant
        return self._ask("ticket", variant, "POST", headers=user.headers, json=wish)

    def again(self, user: User, upload_id: str, *, announced: bool = False) -> Answer:
        """`announced` as for the first ticket: whether the host is told of the webhook stands in the ticket."""
        variant = f"{user.variant} announced" if announced else user.variant
        return self._ask("again", variant, "POST", headers=user.headers, json={"upload_id": upload_id})

    def form(self, user: User, file: bytes, title: str) -> Answer:
        # Encoded here: the test client would spool a large form to a file, and leave it open.
        video = FileStorage(io.BytesIO(file), "clip.mp4", content_type="video/mp4")
        boundary, body = encode_multipart({"title": title, "video": video})
        content_type = f"multipart/form-data; boundary={boundary}"
        return self._ask("form", user.variant, "POST", headers=user.headers, data=body, content_type=content_type)

    def complete(self, user: User, upload_id: str) -> Answer:
        return self._ask("complete_upload", "", "POST", headers=user.headers, json={"upload_id": upload_id})

    def delete(self, user: User, name: str) -> Answer:
        return self._ask("delete_video", "", "DELETE", path=f"/{name}", headers=user.headers)

    def run_job(self) -> Answer:
        return self._ask("reset_usage", "", "POST", headers=self._scheduler)

    def notify(self, facts: Mapping[str, Any], *, age_seconds: int = 0, secret: str | None = None) -> Answer:
        """As Cloudinary does; a bucket's account has nothing that could sign."""
        body, timestamp = json.dumps(facts), int(time.time()) - age_seconds
        known = self.account.webhook_secrets or ("a secret of nobody",)
        signature = sign_notification(body, timestamp, secret or known[0])
        headers = {"X-Cld-Timestamp": str(timestamp), "X-Cld-Signature": signature}
        return self._ask("media_webhook", "", "POST", headers=headers, data=body, content_type="application/json")

    def _ask(self, what: str, variant: str, method: str, *, path: str = "/", **request: Any) -> Answer:
        client = self._apps[variant or what, self.is_impatient].test_client()  # its own: threads must not share one
        answered = client.open(path, method=method, **request)
        body = answered.get_json()
        answer = Answer(answered.status_code, body.get("code", ""), body)
        self.outcomes[f"{what} {answer.status} {answer.code}".strip()] += 1
        allowed = DOCUMENTED[what] | ({DOWN} if self.is_broken else set())
        assert answer.kind in allowed, f"{what} answered {answer}"
        return answer
