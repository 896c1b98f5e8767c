"""Delivery addresses as Cloudinary's own SDK writes them, signed where the file is private and nowhere else."""

import re
from typing import Any, Literal
from unittest import mock

import cloudinary.utils
import pytest

from common.media_account import CloudinaryAccount
from common.media_addresses import STREAMING_PROFILE, addresses

Algorithm = Literal["sha1", "sha256"]
HERE = "https://res.cloudinary.com/demo"
MEDIA_ID = "reelay/5f0a0b4e-8a0e-4f0c-9d0c-8a3b9d9b9f10/0d1b7f3e-1f7d-4f39-9a9e-2f2a3f4c5d6e"
SECRET = "secret"
SIGNED = re.compile(r"/s--([\w-]{8})--/")


def account(secret: str = SECRET, algorithm: Algorithm = "sha1") -> CloudinaryAccount:
    return CloudinaryAccount("demo", "123", secret, signature_algorithm=algorithm)


def by_sdk(name: str, of: CloudinaryAccount, **options: Any) -> str:
    """What the SDK writes for an authenticated video of version 7."""
    known: dict[str, Any] = {"cloud_name": "demo", "api_secret": of.api_secret, "secure": True}
    known |= {"signature_algorithm": of.signature_algorithm, "resource_type": "video", "version": "7"}
    with mock.patch.dict("os.environ", {"CLOUDINARY_URL": ""}):
        url, _ = cloudinary.utils.cloudinary_url(
            name, **known, **({"type": "authenticated", "sign_url": True} | options)
        )
    return str(url)


@pytest.mark.parametrize("algorithm", ["sha1", "sha256"])
@pytest.mark.parametrize("secret", ["secret", "a-much_longer-Secret0123456789"])
@pytest.mark.parametrize("extension", ["mp4", "webm", "mov"])
def test_a_private_videos_addresses_are_the_sdks(algorithm: Algorithm, secret: str, extension: str) -> None:
    of = account(secret, algorithm)
    found = addresses(f"video/authenticated/v7/{MEDIA_ID}.{extension}", HERE, of)
    assert found.url == by_sdk(f"{MEDIA_ID}.{extension}", of)
    assert found.poster_url == by_sdk(f"{MEDIA_ID}.jpg", of)
    assert found.hls_url == by_sdk(f"{MEDIA_ID}.m3u8", of, raw_transformation=STREAMING_PROFILE)
    assert found.expires_at is None


def test_a_public_videos_addresses_are_the_sdks_and_not_signed() -> None:
    of = account()
    found = addresses(f"video/upload/v7/{MEDIA_ID}.mp4", HERE, of)
    public = {"type": "upload", "sign_url": False}
    assert found.url == by_sdk(f"{MEDIA_ID}.mp4", of, **public)
    assert found.poster_url == by_sdk(f"{MEDIA_ID}.jpg", of, **public)
    assert found.hls_url == by_sdk(f"{MEDIA_ID}.m3u8", of, raw_transformation=STREAMING_PROFILE, **public)
    assert "s--" not in f"{found}"


def test_known_signatures_are_written() -> None:
    found = addresses("video/authenticated/v1/users/u1/v1.mp4", HERE, account())
    assert found.url == f"{HERE}/video/authenticated/s--z9dBcO-G--/v1/users/u1/v1.mp4"
    assert found.hls_url == f"{HERE}/video/authenticated/s--5ytr3ofr--/sp_hd/v1/users/u1/v1.m3u8"


def test_the_version_is_not_signed_but_the_file_and_the_transformation_are() -> None:
    of = account()

    def signatures(path: str) -> list[str]:
        found = addresses(path, HERE, of)
        return [SIGNED.findall(address or "")[0] for address in (found.url, found.poster_url, found.hls_url)]

    assert signatures("video/authenticated/v1/a/b.mp4") == signatures("video/authenticated/v2/a/b.mp4")
    assert len({*signatures("video/authenticated/v1/a/b.mp4"), *signatures("video/authenticated/v1/a/c.mp4")}) == 6


def test_a_delivery_address_of_ones_own_stands_in_front() -> None:
    found = addresses("video/authenticated/v1/users/u1/v1.mp4", "https://media.example.com/x", account())
    assert found.url == "https://media.example.com/x/video/authenticated/s--z9dBcO-G--/v1/users/u1/v1.mp4"


@pytest.mark.parametrize("path", ["video/private/v1/a.mp4", "image/upload/v1/a.jpg", "video/upload/a.mp4", "a", ""])
def test_a_path_of_another_kind_is_left_as_it_is(path: str) -> None:
    found = addresses(path, HERE, account())
    assert (found.url, found.poster_url, found.hls_url) == (f"{HERE}/{path}", None, None)


def test_no_address_holds_the_secret_or_the_key() -> None:
    of = CloudinaryAccount("demo", "key-of-this-cloud", "secret-of-this-cloud")
    found = addresses(f"video/authenticated/v7/{MEDIA_ID}.mp4", HERE, of)
    assert "of-this-cloud" not in f"{found}"
