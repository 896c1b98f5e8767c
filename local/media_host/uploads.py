"""POST /v1_1/<cloud>/<resource_type>/upload: files, whole or in chunks.

Source: cloudinary.com/documentation/image_upload_api_reference.
"""

from __future__ import annotations

import hashlib
import secrets
import time
from datetime import UTC, datetime
from pathlib import Path
from sqlite3 import Connection
from typing import Any

from local.media_host import answers, video, webhooks
from local.media_host.assets import AlsoCommit, Asset
from local.media_host.chunks import Chunk, Progress
from local.media_host.errors import MediaError, bad_request
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
    if chunk is None:
        answer = _store(host, wish, path, wish.public_id or random_public_id(), lambda *_: None)
    else:
        answer = _take_chunk(host, wish, chunk, path)
    if wish.notification_url and answer.get("done", True):
        webhooks.notify(host.account, wish.notification_url, {**answer, "notification_type": "upload"})
    return answer


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
            return _finished_before(host, wish, progress)
        return {**_finish(host, wish, chunk, progress), "done": True}


def _finish(host: Host, wish: Wish, chunk: Chunk, progress: Progress) -> dict[str, Any]:
    def remember(connection: Connection, asset: Asset, existed: bool) -> None:
        host.chunked_uploads.finish(connection, chunk.upload_id, asset.version_id, existed=existed)

    try:
        answer = _store(host, wish, progress.path, progress.public_id, remember)
    except MediaError:  # refused; after any other failure the last chunk may be sent again
        host.chunked_uploads.forget(chunk.upload_id)
        raise
    host.chunked_uploads.discard_bytes(chunk.upload_id)
    return answer


def _finished_before(host: Host, wish: Wish, progress: Progress) -> dict[str, Any]:
    """The answer to a last chunk that was sent again because its first answer got lost."""
    asset = host.library.find(wish.type, progress.public_id)
    if asset is None or asset.version_id != progress.version_id:
        raise bad_request("This upload is finished and its video was replaced or destroyed")
    if progress.existed:
        return {**answers.describe(host, asset), "existing": True, "done": True}
    order = wish.eager.order(asset)
    eager = {"eager": host.eager.report(order, asset)} if order else {}
    return {**answers.describe(host, asset), **eager, "done": True}


def _store(host: Host, wish: Wish, path: Path, public_id: str, also: AlsoCommit) -> dict[str, Any]:
    present = None if wish.overwrite else host.library.find(wish.type, public_id)
    if present is not None:
        with host.database.write() as connection:
            also(connection, present, True)
        return {**answers.describe(host, present), "existing": True}
    facts = video.probe(path)
    if wish.allowed_formats and facts.format not in wish.allowed_formats:
        raise bad_request(f"Video file format {facts.format} not allowed")
    new = _asset(wish, public_id, facts, path)
    order = wish.eager.order(new)

    def commit(connection: Connection, asset: Asset, existed: bool) -> None:
        also(connection, asset, existed)
        if order is not None and not existed:
            order.save(connection)

    asset, existed = host.library.store(path, new, overwrite=wish.overwrite, also=commit)
    if existed:
        return {**answers.describe(host, asset), "existing": True}
    eager = {"eager": host.eager.begin(order, asset)} if order else {}
    return answers.describe(host, asset) | eager


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
        eager=wish.eager.text,
        eager_batch_id=answers.new_batch_id(),
    )
