"""POST /v1_1/<cloud>/<resource_type>/explicit and .../destroy: the Upload API's calls about an asset that is there.

Source: cloudinary.com/documentation/image_upload_api_reference.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from local.media_host import answers
from local.media_host.errors import bad_request, not_found
from local.media_host.host import Host
from local.media_host.staging import StagedRequest
from local.media_host.wishes import EagerWish


def explicit(host: Host, request: StagedRequest, *, resource_type: str) -> dict[str, Any]:
    """The upload's answer again, after ordering what `eager` names. Raises 400, 401, 404.

    The real service changes tags, context and more with this call; here an asset stays as it was uploaded.
    """
    asset_type, public_id, params = _named(host, request)
    wish = EagerWish.from_params(params)
    asset = host.library.find(asset_type, public_id) if resource_type == "video" else None
    if asset is None:
        raise not_found(f"Resource not found - {public_id}")
    order = wish.order(replace(asset, eager_batch_id=answers.new_batch_id()))
    if order is None:
        return answers.describe(host, asset)
    with host.database.write() as connection:
        order.save(connection)
    return answers.describe(host, asset) | {"eager": host.eager.begin(order, asset)}


def destroy(host: Host, request: StagedRequest, *, resource_type: str) -> dict[str, str]:
    """Remove an asset with all that was made of it. Safe to repeat: then it says `not found`, with status 200."""
    asset_type, public_id, _ = _named(host, request)
    found = resource_type == "video" and host.library.remove(asset_type, public_id)
    return {"result": "ok" if found else "not found"}


def _named(host: Host, request: StagedRequest) -> tuple[str, str, dict[str, str]]:
    """Type, public id and all params of a signed call. Raises 400, 401."""
    params = request.params()
    host.account.require_signature(params, now=datetime.now(UTC))
    if not params.get("public_id"):
        raise bad_request("Missing required parameter - public_id")
    return params.get("type") or "upload", params["public_id"], params
