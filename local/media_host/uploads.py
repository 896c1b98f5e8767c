"""POST /v1_1/<cloud>/<resource_type>/upload and .../destroy: Cloudinary's Upload API.

Source: cloudinary.com/documentation/image_upload_api_reference.
"""

from __future__ import annotations

import hashlib
import secrets
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from local.media_host import video, webhooks
from local.media_host.assets import Asset
from local.media_host.chunks import Chunk
from local.media_host.errors import bad_request
from local.media_host.host import Host
from local.media_host.staging import StagedRequest
from local.media_host.wishes import Wish, random_public_id

RESOURCE_TYPES = ("video", "auto")


def upload(host: Host, request: StagedRequest, *, resource_type: str) -> dict[str, Any]:
    """Take a file, or one chunk of it, and announce a finished upload to its signed notification_url.

    Answers Cloudinary's upload answer, or `{done: false, public_id, bytes, kind}` while chunks are missing. Raises 400
    or 401; nothing of a refused file is kept.
    """
    # The body has to be read to reach the signature. Until that is checked, it is a temporary file and no more.
    params = request.params()
    host.account.require_signature(params, now=datetime.now(UTC))
    if resource_type not in RESOURCE_TYPES:
        raise bad_request(f"Unsupported resource type {resource_type}")
    path, part = request.staged_file()
    wish = Wish.from_params(params, part.filename)

    chunk = Chunk.from_headers(request.headers)
    answer = _store(host, wish, path) if chunk is None else _take_chunk(host, wish, chunk, path)
    if wish.notification_url and answer.get("done", True):
        webhooks.notify(host.account, wish.notification_url, answer)
    return answer


def destroy(host: Host, request: StagedRequest, *, resource_type: str) -> dict[str, str]:
    """Remove an asset with its posters. Safe to repeat: the second call says `not found`, with status 200."""
    params = request.params()
    host.account.require_signature(params, now=datetime.now(UTC))
    if not params.get("public_id"):
        raise bad_request("Missing required parameter - public_id")
    found = resource_type == "video" and host.library.remove(params.get("type") or "upload", params["public_id"])
    return {"result": "ok" if found else "not found"}


def _take_chunk(host: Host, wish: Wish, chunk: Chunk, body: Path) -> dict[str, Any]:
    chunk.require_size(body.stat().st_size)
    with host.chunked_uploads.turn(chunk.upload_id):
        # The first answer names the public id, because the SDK sends the answer's id along with the next chunk.
        first_id = wish.public_id or (random_public_id() if chunk.start == 0 else "")
        progress = host.chunked_uploads.append(chunk, body, public_id=first_id)
        if not progress.is_complete(chunk):
            received = {"public_id": progress.public_id, "bytes": progress.received_bytes}
            return {"done": False, "kind": "upload", **received}
        if progress.version_id is not None:
            return _finished_before(host, wish, progress.public_id, progress.version_id)
        try:
            answer = _store(host, wish, progress.path, public_id=progress.public_id)
        except Exception:
            host.chunked_uploads.forget(chunk.upload_id)
            raise
        host.chunked_uploads.finish(chunk.upload_id, answer["version_id"])
        return {**answer, "done": True}


def _finished_before(host: Host, wish: Wish, public_id: str, version_id: str) -> dict[str, Any]:
    """The answer to a last chunk that was sent again because its first answer got lost."""
    asset = host.library.find(wish.type, public_id)
    if asset is None or asset.version_id != version_id:
        raise bad_request("This upload is finished and its video was replaced or destroyed")
    return {**_answer(host, asset), "done": True}


def _store(host: Host, wish: Wish, path: Path, *, public_id: str = "") -> dict[str, Any]:
    public_id = public_id or wish.public_id or random_public_id()
    present = None if wish.overwrite else host.library.find(wish.type, public_id)
    if present is not None:
        return {**_answer(host, present), "existing": True}
    facts = video.probe(path)
    if wish.allowed_formats and facts.format not in wish.allowed_formats:
        raise bad_request(f"Video file format {facts.format} not allowed")
    asset, existed = host.library.store(path, _asset(wish, public_id, facts, path), overwrite=wish.overwrite)
    return {**_answer(host, asset), "existing": True} if existed else _answer(host, asset)


def _asset(wish: Wish, public_id: str, facts: video.Facts, path: Path) -> Asset:
    now = int(time.time())
    with path.open("rb") as file:
        etag = hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
    return Asset(
        asset_id=secrets.token_hex(16),
        version_id=secrets.token_hex(16),
        public_id=public_id,
        type=wish.type,
        version=now,
        format=facts.format,
        width=facts.width,
        height=facts.height,
        duration=facts.duration_seconds,
        bytes=path.stat().st_size,
        etag=etag,
        created_at=datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        original_filename=wish.original_filename,
        tags=wish.tags,
        context=wish.context,
        eager=wish.eager,
    )


def _answer(host: Host, asset: Asset) -> dict[str, Any]:
    signature = host.account.sign_answer(asset.public_id, asset.version)
    named = {"signature": signature, "original_filename": asset.original_filename}
    return asset.describe(host.base_url, host.account.cloud) | named
