"""Direct uploads in this process, with a media host that announces nothing of its own accord: the test does, signed."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from common.media_account import CloudinaryAccount, parse
from tests.cloud import Account, Cloud
from tests.conftest import Functions
from tests.functions.answers import success
from tests.media.browser import Ticket, send


def media_id(account: Account, ticket: Ticket) -> str:
    return f"reelay/{account.id}/{ticket['upload_id']}"


def together(*asks: Callable[[], TestResponse]) -> list[TestResponse]:
    """The answers of requests that run at once."""
    with ThreadPoolExecutor(len(asks)) as pool:
        return [running.result() for running in [pool.submit(ask) for ask in asks]]


@dataclass(frozen=True)
class Direct:
    """What a client and the host do with a ticket."""

    cloud: Cloud
    functions: Functions
    client_with: Callable[..., FlaskClient]

    @property
    def secret(self) -> str:
        """What the host signs with."""
        account = parse(self.cloud.granted()["MEDIA_URL"])
        assert isinstance(account, CloudinaryAccount)
        return account.api_secret

    def open(self, account: Account, size_bytes: int, **options: Any) -> dict[str, Any]:
        """A ticket for a file of that size."""
        announced = {"title": "A & B 😀", "filename": "a.mp4", "content_type": "video/mp4", "size_bytes": size_bytes}
        client = self.client_with("upload_video", MEDIA_WEBHOOK_URL="")
        return success(client.post("/", json=announced | options, headers=account.headers), 201)

    def sent(self, account: Account, file: bytes, *, size_bytes: int | None = None) -> tuple[dict[str, Any], Any]:
        """A ticket for a file of `size_bytes` that was used, and what the host would announce."""
        ticket = self.open(account, size_bytes or len(file))
        return ticket, {**send(ticket, file).json(), "notification_type": "upload"}

    def complete(self, account: Account, upload_id: object) -> TestResponse:
        # A client of its own: requests may come from several threads.
        client = self.functions.client("complete_upload").application.test_client()
        return client.post("/", json={"upload_id": str(upload_id)}, headers=account.headers)

    def notify(
        self,
        document: Mapping[str, Any] | bytes,
        *,
        secret: str | None = None,
        algorithm: str = "sha1",
        age_seconds: int = 0,
        client: FlaskClient | None = None,
        **headers: str,
    ) -> TestResponse:
        """The host's call, signed with its secret or another; `headers` replaces those that it would send."""
        body = document if isinstance(document, bytes) else json.dumps(document).encode()
        timestamp = str(int(time.time()) - age_seconds)
        digest = hashlib.new(algorithm, body + timestamp.encode() + (secret or self.secret).encode()).hexdigest()
        signed = {"X-Cld-Timestamp": timestamp, "X-Cld-Signature": digest, "Content-Type": "application/json"}
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        client = client or self.functions.client("media_webhook").application.test_client()
        return client.post("/", data=body, headers={**signed, **named})

    def videos(self, account: Account) -> list[dict[str, Any]]:
        listed: list[dict[str, Any]] = self.cloud.get(f"/list_videos/{account.id}", account)["videos"]
        return listed
