"""Which HLS renditions there are, are being made, or may still be made: Cloudinary's rules around `sp_<profile>`.

Source: cloudinary.com/documentation/adaptive_bitrate_streaming.
"""

from __future__ import annotations

import shutil
from collections import Counter
from pathlib import Path
from threading import Lock

from local.media_host import hls
from local.media_host.assets import Asset, Library
from local.media_host.errors import MediaError, bad_request, processing

PROFILES = frozenset({"auto", "4k", "full_hd", "hd", "sd", "full_hd_wifi", "full_hd_lean", "hd_lean"})
# What a free plan makes while the player waits. Everything above it has to be prepared.
LARGEST_SYNCHRONOUS_BYTES = 40_000_000


class Renditions:
    """Every profile has its own rendition, though all look the same: one that was not prepared must not play here."""

    def __init__(self, library: Library) -> None:
        self._library = library
        self._lock = Lock()
        self._being_made: Counter[Path] = Counter()
        # Striped, so that any number of renditions needs no more than these.
        self._turns = [Lock() for _ in range(16)]

    def find(self, asset: Asset, profile: str) -> Path | None:
        path = self._library.rendition_of(asset, profile)
        return path if path.exists() else None

    def ready(self, asset: Asset, profile: str) -> Path:
        """The rendition's directory, made now if the asset is small enough for that.

        Raises 423 while it is being made, 400 for a large asset, an unknown profile or a failed conversion.
        """
        require_profile(profile)
        with self._lock:
            path = self._library.rendition_of(asset, profile)
            if path.exists():
                return path
            if self._being_made[path]:
                raise processing()
            require_small(asset)
            self._being_made[path] += 1
        try:
            return self.make(asset, profile)
        except hls.InterruptedRunError as stopped:
            raise processing() from stopped
        finally:
            self._release(path)

    def make(self, asset: Asset, profile: str) -> Path:
        """Make it, whatever its size, unless it is there. Raises 400, InterruptedRunError."""
        path = self._library.rendition_of(asset, profile)
        with self._turns[hash(path) % len(self._turns)]:
            if not path.exists():
                hls.make_rendition(self._library.file_of(asset), path, scratch=self._library.scratch)
        if not self._library.file_of(asset).exists():
            # Destroyed while ffmpeg was at it: this came after the clearing up, and has to go too.
            shutil.rmtree(path, ignore_errors=True)
        return path

    def is_being_made(self, asset: Asset, profile: str) -> bool:
        with self._lock:
            return self._being_made[self._library.rendition_of(asset, profile)] > 0

    def announce(self, asset: Asset, profile: str) -> None:
        """From now on it is being made, though its turn may come later; `withdraw` ends that."""
        with self._lock:
            self._being_made[self._library.rendition_of(asset, profile)] += 1

    def withdraw(self, asset: Asset, profile: str) -> None:
        self._release(self._library.rendition_of(asset, profile))

    def _release(self, path: Path) -> None:
        with self._lock:
            self._being_made[path] -= 1
            if not self._being_made[path]:
                del self._being_made[path]


def require_profile(profile: str) -> None:
    """Raises 400 for a profile that the service does not come with; those of an account's own are unknown here."""
    if profile not in PROFILES:
        raise bad_request(f"Unknown streaming profile {profile}")


def require_small(asset: Asset) -> None:
    """Raises 400 for an asset that can only be converted in the background."""
    if asset.bytes > LARGEST_SYNCHRONOUS_BYTES:
        raise _too_large()


def _too_large() -> MediaError:
    return bad_request(
        "Video is too large to process synchronously, please use an eager transformation with eager_async=true"
    )
