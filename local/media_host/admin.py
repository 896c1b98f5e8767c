"""The part of Cloudinary's Admin API that tests and operators use: ping, list, look up, delete.

Source: cloudinary.com/documentation/admin_api. HTTP Basic with the API key and secret.
"""

from __future__ import annotations

import base64
import binascii
import json
from typing import Any

from werkzeug.wrappers import Request

from local.media_host.assets import Asset, Library
from local.media_host.errors import bad_request, not_found
from local.media_host.host import Host

DEFAULT_PAGE = 10
LARGEST_PAGE = 500


def ping(host: Host, request: Request) -> dict[str, str]:
    host.account.require_credentials(request.authorization)
    return {"status": "ok"}


def show(host: Host, request: Request, *, resource_type: str, asset_type: str, public_id: str) -> dict[str, Any]:
    """One asset; raises 404."""
    host.account.require_credentials(request.authorization)
    asset = host.library.find(asset_type, public_id) if resource_type == "video" else None
    if asset is None:
        raise not_found(f"Resource not found - {public_id}")
    return _described(host, asset)


def list_page(host: Host, request: Request, *, resource_type: str, asset_type: str | None = None) -> dict[str, Any]:
    """`{resources: [...], next_cursor}` by public id; there is a `next_cursor` exactly when there is more."""
    host.account.require_credentials(request.authorization)
    if resource_type != "video":
        return {"resources": []}
    limit = min(request.args.get("max_results", DEFAULT_PAGE, type=int), LARGEST_PAGE)
    if limit < 1:
        raise bad_request("max_results must be positive")
    after = _position(request.args.get("next_cursor", ""))
    prefix = request.args.get("prefix", "")
    assets = host.library.page(asset_type=asset_type, prefix=prefix, after=after, limit=limit + 1)
    page = assets[:limit]
    more = {"next_cursor": _cursor(page[-1])} if len(assets) > limit else {}
    return {"resources": [_described(host, asset) for asset in page], **more}


def delete(host: Host, request: Request, *, resource_type: str, asset_type: str) -> dict[str, Any]:
    """Delete by `public_ids`, `prefix` or `all`: `{deleted: {public_id: "deleted" | "not_found"}, partial: false}`."""
    host.account.require_credentials(request.authorization)
    wanted = request.get_json()
    if not isinstance(wanted, dict):
        raise bad_request("Expected a JSON object")
    if resource_type != "video":
        return {"deleted": dict.fromkeys(wanted.get("public_ids") or [], "not_found"), "partial": False}
    public_ids = [str(public_id) for public_id in wanted.get("public_ids") or []]
    if wanted.get("prefix") or wanted.get("all"):
        public_ids += _every_id(host.library, asset_type, str(wanted.get("prefix") or ""))
    deleted = {
        public_id: "deleted" if host.library.remove(asset_type, public_id) else "not_found" for public_id in public_ids
    }
    return {"deleted": deleted, "partial": False}


def _every_id(library: Library, asset_type: str, prefix: str) -> list[str]:
    # -1 is SQLite's "no limit".
    assets = library.page(asset_type=asset_type, prefix=prefix, after=("", ""), limit=-1)
    return [asset.public_id for asset in assets]


def _described(host: Host, asset: Asset) -> dict[str, Any]:
    return asset.describe(host.addresses.url(asset, asset.format))


def _cursor(last: Asset) -> str:
    return base64.urlsafe_b64encode(json.dumps([last.public_id, last.type]).encode()).decode()


def _position(cursor: str) -> tuple[str, str]:
    if not cursor:
        return ("", "")
    try:
        public_id, asset_type = json.loads(base64.urlsafe_b64decode(cursor))
    except (ValueError, TypeError, binascii.Error) as invalid:
        raise bad_request("Invalid next_cursor") from invalid
    return str(public_id), str(asset_type)
