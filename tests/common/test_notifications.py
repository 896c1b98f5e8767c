"""Only the media host's own notifications are listened to, whichever of its keys signed them, and not for long."""

import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import cloudinary
import cloudinary.utils
import pytest

from common.errors import InvalidSignature
from common.notifications import FRESH_SECONDS, require_signature

BODY = '{"public_id":"reelay/ü/😀","a":[1, 2]}'.encode()
SECRET = "abcdefghijklmnop"
TIMESTAMP = "1700000000"
NOW = datetime.fromtimestamp(int(TIMESTAMP), UTC)


def sign(body: bytes = BODY, timestamp: str = TIMESTAMP, secret: str = SECRET, algorithm: str = "sha1") -> str:
    return hashlib.new(algorithm, body + timestamp.encode() + secret.encode()).hexdigest()


@pytest.fixture
def sdk() -> Iterator[None]:
    """Cloudinary's own SDK with SECRET."""
    cloudinary.reset_config()
    cloudinary.config(api_secret=SECRET)
    yield
    cloudinary.reset_config()


@pytest.mark.parametrize(
    ("secret", "body", "timestamp", "signature"),
    [
        ("someApiSecret", b"{}", "0", "d5497e1a206ad0ba29ad09a7c0c5f22e939682d15009c15ab3199f62fefbd14b"),
        ("secret", b'{"a":1}', "1700000000", "69e16521de1825b01a363df3568f5a855ac65562"),
    ],
)
def test_known_signatures_pass(secret: str, body: bytes, timestamp: str, signature: str) -> None:
    now = datetime.fromtimestamp(int(timestamp), UTC)
    require_signature(body, timestamp, signature, [secret], now)
    with pytest.raises(InvalidSignature):
        require_signature(body, timestamp, signature, [secret + "x"], now)


@pytest.mark.usefixtures("sdk")
@pytest.mark.parametrize("algorithm", ["sha1", "sha256"])
def test_the_sdk_agrees(algorithm: str) -> None:
    timestamp = str(int(datetime.now(UTC).timestamp()))
    for body in (BODY, BODY + b" ", b"", b"{}"):
        signature = sign(body, timestamp, algorithm=algorithm)
        assert cloudinary.utils.verify_notification_signature(body.decode(), timestamp, signature, algorithm=algorithm)
        require_signature(body, timestamp, signature, [SECRET], datetime.now(UTC))


@pytest.mark.parametrize("algorithm", ["sha1", "sha256"])
@pytest.mark.parametrize("position", [0, 1, 2])
def test_any_of_several_secrets_may_have_signed(algorithm: str, position: int) -> None:
    secrets = ["newest", "older", "oldest"]
    require_signature(BODY, TIMESTAMP, sign(secret=secrets[position], algorithm=algorithm), secrets, NOW)


def test_without_a_secret_nothing_passes() -> None:
    for secret in ("", SECRET):
        with pytest.raises(InvalidSignature):
            require_signature(BODY, TIMESTAMP, sign(secret=secret), [], NOW)


@pytest.mark.parametrize("algorithm", ["sha1", "sha256"])
def test_a_signature_is_good_for_two_hours_and_no_second_longer(algorithm: str) -> None:
    assert FRESH_SECONDS == 7200
    signature = sign(algorithm=algorithm)
    require_signature(BODY, TIMESTAMP, signature, [SECRET], NOW + timedelta(seconds=7200))
    with pytest.raises(InvalidSignature):
        require_signature(BODY, TIMESTAMP, signature, [SECRET], NOW + timedelta(seconds=7201))
    with pytest.raises(InvalidSignature):  # a clock that is fast must not make one that never grows old
        require_signature(BODY, TIMESTAMP, signature, [SECRET], NOW - timedelta(seconds=7201))


def test_a_host_whose_clock_is_ahead_is_believed() -> None:
    require_signature(BODY, TIMESTAMP, sign(), [SECRET], NOW - timedelta(seconds=60))


@pytest.mark.parametrize("index", [0, len(BODY) // 2, len(BODY) - 1])
def test_a_body_that_differs_by_one_byte_is_not_the_one_that_was_signed(index: int) -> None:
    changed = bytearray(BODY)
    changed[index] ^= 1
    with pytest.raises(InvalidSignature):
        require_signature(bytes(changed), TIMESTAMP, sign(), [SECRET], NOW)


def test_the_bytes_count_and_not_what_they_mean() -> None:
    with pytest.raises(InvalidSignature):
        require_signature(b'{"a": 1}', TIMESTAMP, sign(b'{"a":1}'), [SECRET], NOW)


def test_another_timestamp_is_not_the_one_that_was_signed() -> None:
    with pytest.raises(InvalidSignature):
        require_signature(BODY, str(int(TIMESTAMP) + 1), sign(), [SECRET], NOW)


def test_a_digit_cannot_move_from_the_body_into_the_timestamp() -> None:
    """Nothing stands between the two in what is signed; the body would have to stop being JSON."""
    signature = sign(b"[1", "1700000000")
    with pytest.raises(InvalidSignature):
        require_signature(b"[11", "700000000", signature, [SECRET], NOW)


@pytest.mark.parametrize(
    "timestamp",
    [
        None,
        "",
        " ",
        "now",
        "-1",
        "+1700000000",
        " 1700000000",
        "1700000000 ",
        "1700000000.0",
        "1.7e9",
        "0x10",
        "1" * 12,
        "1_700_000_000",
        "\u0661\u0667",
        "\xb2",
        "9" * 400,
        "1700000000\n",
        "1700000000,1700000000",
    ],
)
def test_a_timestamp_that_is_none_is_refused(timestamp: str | None) -> None:
    with pytest.raises(InvalidSignature):
        require_signature(BODY, timestamp, sign(timestamp=timestamp or ""), [SECRET], NOW)


@pytest.mark.parametrize(
    "signature",
    [
        None,
        "",
        "0",
        "0" * 40,
        "0" * 64,
        sign()[:-1],
        sign() + "0",
        f" {sign()}",
        sign(algorithm="md5"),
        sign(algorithm="sha512"),
        "ä" * 40,
        "\U0001f600" * 64,
        "\x00" * 40,
        sign()[:39] + "\u212a",
        sign() * 10_000,
    ],
)
def test_a_signature_that_is_none_is_refused(signature: str | None) -> None:
    with pytest.raises(InvalidSignature):
        require_signature(BODY, TIMESTAMP, signature, [SECRET], NOW)


def test_a_body_that_is_no_text_can_be_signed_too() -> None:
    body = bytes(range(256))
    require_signature(body, TIMESTAMP, sign(body), [SECRET], NOW)


def test_a_refusal_says_nothing_of_what_was_expected() -> None:
    with pytest.raises(InvalidSignature) as refused:
        require_signature(BODY, TIMESTAMP, "0" * 40, [SECRET], NOW)
    for told in (SECRET, sign()):
        assert told not in f"{refused.value.detail}{refused.value.facts}{refused.value!r}"
