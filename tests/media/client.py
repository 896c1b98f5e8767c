"""What a frontend asks of Reelay around a direct upload, over HTTP."""

from __future__ import annotations

from typing import Any

import httpx

from tests.cloud import Account, Cloud

ANNOUNCED = {"title": "A video", "filename": "clip.mp4", "content_type": "video/mp4"}


def ask(cloud: Cloud, account: Account, **body: Any) -> httpx.Response:
    """POST /upload_video with exactly this JSON."""
    return cloud.client.post("/upload_video", json=body, headers=account.headers)


def ticket(cloud: Cloud, account: Account, size_bytes: int, **announced: Any) -> dict[str, Any]:
    """A new ticket for a file of that size."""
    answer = ask(cloud, account, **{**ANNOUNCED, "size_bytes": size_bytes, **announced})
    assert answer.status_code == 201, answer.text
    document: dict[str, Any] = answer.json()
    return document


def again(cloud: Cloud, account: Account, upload_id: str) -> httpx.Response:
    """The ticket once more."""
    return ask(cloud, account, upload_id=upload_id)


def complete(cloud: Cloud, account: Account, upload_id: str) -> httpx.Response:
    return cloud.client.post("/complete_upload", json={"upload_id": upload_id}, headers=account.headers)


def completed(cloud: Cloud, account: Account, upload_id: str) -> dict[str, Any]:
    """The row of the video."""
    answer = complete(cloud, account, upload_id)
    assert answer.status_code == 200, answer.text
    row: dict[str, Any] = answer.json()["file"]
    return row


def delete(cloud: Cloud, account: Account, filename: str) -> httpx.Response:
    """Deletes a video, or cancels an upload by its id."""
    return cloud.client.delete(f"/delete_video/{filename}", headers=account.headers)


def refused(answer: httpx.Response, status: int, code: str) -> dict[str, Any]:
    """The problem document of a refusal; where waiting helps, it says how long."""
    assert answer.status_code == status, answer.text
    document: dict[str, Any] = answer.json()
    assert document["code"] == code
    if status in (429, 503):
        assert int(answer.headers["Retry-After"]) >= 1
    return document
