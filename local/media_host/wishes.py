"""The params of an upload as typed values: what the signer asked for."""

from __future__ import annotations

import re
import secrets
import string
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Self

from local.media_host.assets import Asset
from local.media_host.errors import bad_request
from local.media_host.orders import Order, parse_eager

TYPES = ("upload", "authenticated")
FALSE_VALUES = ("0", "false")
TRUE_VALUES = ("1", "true")
# What Cloudinary refuses in a public id, plus control characters.
FORBIDDEN_IN_PUBLIC_ID = re.compile(r"[?&#\\%<>+\x00-\x1f\x7f]")
PUBLIC_ID_ALPHABET = string.ascii_lowercase + string.digits


@dataclass(frozen=True)
class EagerWish:
    """What is to be prepared once the file is there. `notification_url` is empty when nobody is to be told."""

    text: str
    is_async: bool
    notification_url: str

    @classmethod
    def from_params(cls, params: Mapping[str, str]) -> Self:
        """Raises 400 for a streaming profile that there is not."""
        text = params.get("eager", "")
        parse_eager(text)
        is_async = params.get("eager_async") in TRUE_VALUES
        # Who waits for the answer needs no second one, unless it is asked for.
        fallback = params.get("notification_url", "") if is_async else ""
        return cls(text, is_async, params.get("eager_notification_url") or fallback)

    def order(self, asset: Asset) -> Order | None:
        """None when nothing is to be prepared."""
        wanted = parse_eager(self.text)
        if not wanted:
            return None
        return Order(
            batch_id=asset.eager_batch_id,
            type=asset.type,
            public_id=asset.public_id,
            version_id=asset.version_id,
            eager=wanted,
            is_async=self.is_async,
            notification_url=self.notification_url,
        )


@dataclass(frozen=True)
class Wish:
    """`public_id` is empty when the host may choose one; `allowed_formats` empty means any."""

    public_id: str
    type: str
    overwrite: bool
    allowed_formats: frozenset[str]
    notification_url: str
    original_filename: str
    tags: tuple[str, ...]
    context: dict[str, str]
    eager: EagerWish

    @classmethod
    def from_params(cls, params: Mapping[str, str], filename: str | None) -> Self:
        """Raises 400 for a type or a public id that cannot be."""
        asset_type = params.get("type") or "upload"
        if asset_type not in TYPES:
            raise bad_request(f"Invalid type {asset_type}")
        public_id = "/".join(part for part in (params.get("folder"), params.get("public_id")) if part)
        if public_id:
            require_public_id(public_id)
        return cls(
            public_id=public_id,
            type=asset_type,
            overwrite=params.get("overwrite") not in FALSE_VALUES,
            allowed_formats=frozenset(_list(params.get("allowed_formats"))),
            notification_url=params.get("notification_url", ""),
            original_filename=PurePosixPath(params.get("filename") or filename or "file").stem,
            tags=_list(params.get("tags")),
            context=_context(params.get("context", "")),
            eager=EagerWish.from_params(params),
        )


def require_public_id(public_id: str) -> None:
    """Raises 400 for characters and path segments that an address could not carry."""
    segments = public_id.split("/")
    if (
        len(public_id) > 255
        or FORBIDDEN_IN_PUBLIC_ID.search(public_id)
        or public_id != public_id.strip()
        or any(segment in ("", ".", "..") for segment in segments)
    ):
        raise bad_request(f"public_id ({public_id}) is invalid")


def random_public_id() -> str:
    return "".join(secrets.choice(PUBLIC_ID_ALPHABET) for _ in range(20))


def _list(value: str | None) -> tuple[str, ...]:
    return tuple(part for part in (piece.strip() for piece in (value or "").split(",")) if part)


def _context(value: str) -> dict[str, str]:
    """`caption=A cat|alt=It\\|purrs` as a mapping; `\\|` and `\\=` are literal."""
    pairs = (re.split(r"(?<!\\)=", pair, maxsplit=1) for pair in re.split(r"(?<!\\)\|", value))
    return {pair[0]: re.sub(r"\\([|=])", r"\1", pair[1]) for pair in pairs if len(pair) == 2}
