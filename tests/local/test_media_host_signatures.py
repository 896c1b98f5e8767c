"""The media host's signatures are the SDK's own: checked against its published vectors and the SDK itself."""

from __future__ import annotations

import cloudinary.utils
import pytest

from local.media_host import signatures
from tests.local.media_host_process import KEY, SECRET

# pycloudinary's own vectors sign cloud_name too. A call to the host never does: there it is part of the path.
VECTOR_SECRET = "hdcixPpR2iKERPwqvH6sHdK9cyac"
VECTOR = "cloud_name=dn6ot3ged&timestamp=1568810420&username=user@cloudinary.com"
VECTOR_WITH_AMPERSAND = (
    "cloud_name=dn6ot3ged&notification_url=https://fake.com/callback?a=1%26tags=hello,world&timestamp=1568810420"
)


@pytest.mark.parametrize(
    ("algorithm", "expected"),
    [
        ("sha1", "14c00ba6d0dfdedbc86b316847d95b9e6cd46d94"),
        ("sha256", "45ddaa4fa01f0c2826f32f669d2e4514faf275fe6df053f1a150e7beae58a3bd"),
    ],
)
def test_signatures_are_the_sdks_own_vectors(algorithm: str, expected: str) -> None:
    signed = signatures.string_to_sign({"username": "user@cloudinary.com", "timestamp": "1568810420"})
    assert f"cloud_name=dn6ot3ged&{signed}" == VECTOR
    assert signatures.hex_digest(VECTOR + VECTOR_SECRET, algorithm) == expected


@pytest.mark.parametrize("algorithm", ["sha1", "sha256"])
def test_params_are_signed_as_the_sdk_signs_them(algorithm: str) -> None:
    params = {"public_id": "users/u1/v1", "notification_url": "https://fake.com/callback?a=1&tags=hello,world"}
    signature = cloudinary.utils.api_sign_request(params, SECRET, algorithm)

    assert signatures.is_signed({**params, "eager": "", "file": "f", "api_key": KEY}, signature, SECRET)
    assert not signatures.is_signed({**params, "overwrite": "1"}, signature, SECRET)


def test_an_ampersand_cannot_smuggle_in_a_param() -> None:
    url = "https://fake.com/callback?a=1&tags=hello,world"
    signed = signatures.string_to_sign({"timestamp": "1568810420", "notification_url": url})
    assert f"cloud_name=dn6ot3ged&{signed}" == VECTOR_WITH_AMPERSAND
    assert signatures.hex_digest(VECTOR_WITH_AMPERSAND + VECTOR_SECRET, "sha1") == (
        "4fdf465dd89451cc1ed8ec5b3e314e8a51695704"
    )


def test_notifications_are_signed_with_the_documented_vectors() -> None:
    sha256 = "d5497e1a206ad0ba29ad09a7c0c5f22e939682d15009c15ab3199f62fefbd14b"
    assert signatures.sign_notification("{}", 0, "someApiSecret", algorithm="sha256") == sha256
    assert signatures.sign_notification('{"a":1}', 1700000000, "secret") == "69e16521de1825b01a363df3568f5a855ac65562"


def test_delivery_signatures_are_the_documented_vectors() -> None:
    assert signatures.is_signed_delivery("users/u1/v1.mp4", "z9dBcO-G", "secret")
    assert not signatures.is_signed_delivery("users/u1/v2.mp4", "z9dBcO-G", "secret")
