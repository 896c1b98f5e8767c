"""What the Upload API says of an asset, to whoever asks."""

from __future__ import annotations

import secrets
from typing import Any

from local.media_host.assets import Asset
from local.media_host.host import Host


def describe(host: Host, asset: Asset) -> dict[str, Any]:
    """The document that `upload` and `explicit` answer; its signature is for `verify_api_response_signature`."""
    signature = host.account.sign_answer(asset.public_id, asset.version)
    named = {"signature": signature, "original_filename": asset.original_filename}
    return asset.describe(host.addresses.url(asset, asset.format)) | named


def new_batch_id() -> str:
    return secrets.token_hex(32)
