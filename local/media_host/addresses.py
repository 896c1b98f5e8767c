"""Delivery addresses, read and written.

`/<cloud>/video/<type>/[s--SIG--/][<transformation>/]*[v<version>/]<public_id>.<extension>`
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import quote

from local.media_host import signatures
from local.media_host.account import Account
from local.media_host.assets import Asset

TRANSFORMATION = re.compile(r"[a-z]{1,3}_[^/]+")
VERSION = re.compile(r"v\d+")


@dataclass(frozen=True)
class Address:
    """One way to read a delivery path: which part of it are transformations is told only by what exists."""

    transformations: str
    public_id: str
    extension: str

    @property
    def name(self) -> str:
        return f"{self.public_id}.{self.extension}" if self.extension else self.public_id

    @property
    def signed_path(self) -> str:
        """What the SDK signs: without the version, the id percent-encoded as in the address."""
        named = _escape(self.name)
        return f"{self.transformations}/{named}" if self.transformations else named


def readings(path: str) -> Iterator[Address]:
    """Each reading of a path behind type and signature, the least stripped first."""
    segments = path.split("/")
    for index, segment in enumerate(segments):
        transformations = "/".join(segments[:index])
        if VERSION.fullmatch(segment) and index + 1 < len(segments):
            yield _address(transformations, segments[index + 1 :])
        yield _address(transformations, segments[index:])
        if not TRANSFORMATION.fullmatch(segment):
            return


@dataclass(frozen=True)
class AddressBook:
    """Writes the addresses of one account's assets; those of authenticated assets carry their signature."""

    base_url: str
    account: Account

    def path(self, asset: Asset, extension: str, transformations: str = "") -> str:
        address = Address(transformations, asset.public_id, extension)
        parts = [self.account.cloud, "video", asset.type]
        if asset.type == "authenticated":
            parts.append(f"s--{self.account.sign_delivery(address.signed_path)}--")
        if transformations:
            parts.append(transformations)
        return "/" + "/".join([*parts, f"v{asset.version}", _escape(address.name)])

    def url(self, asset: Asset, extension: str, transformations: str = "") -> str:
        return self.base_url + self.path(asset, extension, transformations)


def is_signed(address: Address, signature: str, account: Account) -> bool:
    return signatures.is_signed_delivery(address.signed_path, signature, account.secret)


def _address(transformations: str, segments: list[str]) -> Address:
    name = "/".join(segments)
    public_id, dot, extension = name.rpartition(".")
    if not dot or "/" in extension:
        return Address(transformations, name, "")
    return Address(transformations, public_id, extension)


def _escape(name: str) -> str:
    # The SDK escapes `~` as well, which quote() never does.
    return quote(name, safe="/:").replace("~", "%7E")
