"""Eager transformations: what an upload orders to be prepared, made in the background and announced when it is done.

An order is committed together with its asset, and stays until its notification is delivered or given up: after SIGKILL
the next start carries it out again.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, field
from threading import Lock, Thread
from typing import Any

from local.media_host import hls, posters, webhooks
from local.media_host.addresses import AddressBook
from local.media_host.assets import Asset, Library
from local.media_host.database import Database
from local.media_host.errors import MediaError, bad_request
from local.media_host.faults import Faults
from local.media_host.orders import Eager, Order
from local.media_host.renditions import Renditions, require_small


@dataclass(frozen=True)
class EagerWork:
    """Carries orders out. Those in the background take turns: uploads and players need the machine, too."""

    database: Database
    library: Library
    renditions: Renditions
    addresses: AddressBook
    faults: Faults | None
    _one_at_a_time: Lock = field(default_factory=Lock)

    def resume(self) -> None:
        """Begin again with every order that an earlier run did not finish."""
        with self.database.read() as connection:
            rows = connection.execute("select document from eager_orders order by rowid").fetchall()
        for order in (Order.from_json(row["document"]) for row in rows):
            asset = self._asset_of(order)
            if asset is None:
                self._forget(order)
            else:
                self._start(order, asset)

    def begin(self, order: Order, asset: Asset) -> list[dict[str, Any]]:
        """The `eager` of an answer: entries that are being processed, or for a synchronous order finished ones."""
        if order.is_async:
            entries = [self._entry(order, asset, eager, {"status": "processing"}) for eager in order.eager]
            self._start(order, asset)
            return entries
        self._mark(order, asset, self.renditions.announce)
        return self._carry_out(order, asset)

    def report(self, order: Order, asset: Asset) -> list[dict[str, Any]]:
        """The `eager` of an answer that is given again: how far it has come by now."""
        return [self._entry(order, asset, eager, self._state(asset, eager)) for eager in order.eager]

    def _start(self, order: Order, asset: Asset) -> None:
        self._mark(order, asset, self.renditions.announce)
        Thread(target=self._carry_out, args=(order, asset), daemon=True, name="eager").start()

    def _mark(self, order: Order, asset: Asset, change: Callable[[Asset, str], None]) -> None:
        for eager in order.eager:
            if eager.profile:
                change(asset, eager.profile)

    def _carry_out(self, order: Order, asset: Asset) -> list[dict[str, Any]]:
        try:
            entries = [self._made(order, asset, eager) for eager in order.eager]
        except hls.InterruptedRunError:
            # Whoever stops ffmpeg is stopping this host: the next start finds the order again.
            return self.report(order, asset)
        finally:
            self._mark(order, asset, self.renditions.withdraw)
        self._announce_end(order, entries)
        return entries

    def _made(self, order: Order, asset: Asset, eager: Eager) -> dict[str, Any]:
        try:
            if self.faults:
                self.faults.before("eager")
            with self._one_at_a_time if order.is_async else nullcontext():
                made_bytes = self._make(asset, eager, is_async=order.is_async)
        except MediaError as refusal:
            return self._entry(order, asset, eager, {"status": "failed", "reason": refusal.message})
        except FileNotFoundError:  # destroyed or replaced meanwhile
            return self._entry(order, asset, eager, {"status": "failed", "reason": "Resource not found"})
        return self._entry(order, asset, eager, {"status": "completed", "bytes": made_bytes})

    def _make(self, asset: Asset, eager: Eager, *, is_async: bool) -> int:
        """The size of the result in bytes. Raises 400, FileNotFoundError, InterruptedRunError."""
        if eager.profile:
            if not is_async:
                require_small(asset)
            return hls.size_bytes(self.renditions.make(asset, eager.profile))
        if eager.format == "jpg":
            return posters.poster(self.library, asset, eager.transformation).stat().st_size
        if eager.format in ("", asset.format):
            return asset.bytes  # delivery leaves other transformations out, too
        raise bad_request(f"Unsupported eager transformation {eager.transformation}/{eager.format}")

    def _state(self, asset: Asset, eager: Eager) -> dict[str, Any]:
        rendition = self.renditions.find(asset, eager.profile) if eager.profile else None
        if rendition is not None:
            return {"status": "completed", "bytes": hls.size_bytes(rendition)}
        is_failed = eager.profile and not self.renditions.is_being_made(asset, eager.profile)
        return {"status": "failed" if is_failed else "processing"}

    def _entry(self, order: Order, asset: Asset, eager: Eager, state: dict[str, Any]) -> dict[str, Any]:
        extension = eager.format or asset.format
        url = self.addresses.url(asset, extension, eager.transformation)
        named = {"batch_id": order.batch_id, "transformation": eager.transformation, "format": extension}
        return {**state, **named, "url": url, "secure_url": url}

    def _announce_end(self, order: Order, entries: list[dict[str, Any]]) -> None:
        """Nobody is told of an asset that has been destroyed or replaced meanwhile."""
        asset = self._asset_of(order)
        if asset is None or not order.notification_url:
            return self._forget(order)
        document = {
            **{"notification_type": "eager", "batch_id": order.batch_id, "asset_id": asset.asset_id},
            **{"public_id": order.public_id, "type": order.type, "resource_type": "video"},
            "eager": entries,
        }
        url = order.notification_url
        return webhooks.notify(self.addresses.account, url, document, at_end=lambda: self._forget(order))

    def _asset_of(self, order: Order) -> Asset | None:
        asset = self.library.find(order.type, order.public_id)
        return asset if asset is not None and asset.version_id == order.version_id else None

    def _forget(self, order: Order) -> None:
        with self.database.write() as connection:
            connection.execute("delete from eager_orders where batch_id = ?", (order.batch_id,))
