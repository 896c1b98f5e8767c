"""MEDIA_URL names one of two media hosts, takes any secret as it was issued, and never shows one."""

import pytest

from common.media_account import CloudinaryAccount, S3Account, parse

SECRET = "s3cr3t-Of_The.Host"


def cloudinary(text: str) -> CloudinaryAccount:
    account = parse(text)
    assert isinstance(account, CloudinaryAccount)
    return account


def s3(text: str) -> S3Account:
    account = parse(text)
    assert isinstance(account, S3Account)
    return account


def test_a_cloudinary_account_is_read_with_the_services_own_defaults() -> None:
    account = cloudinary(f"cloudinary://123456:{SECRET}@my-cloud_1")
    assert account == CloudinaryAccount("my-cloud_1", "123456", SECRET, webhook_secrets=(SECRET,))
    assert account.upload_prefix == "https://api.cloudinary.com"
    assert account.delivery_url == "https://res.cloudinary.com/my-cloud_1"
    assert account.signature_algorithm == "sha1"


def test_a_slash_behind_the_cloud_changes_nothing() -> None:
    assert parse(f"cloudinary://1:{SECRET}@demo/") == parse(f"cloudinary://1:{SECRET}@demo")
    assert parse(f"cloudinary://1:{SECRET}@demo/?signature_algorithm=sha256") == parse(
        f"cloudinary://1:{SECRET}@demo?signature_algorithm=sha256"
    )


def test_cloudinarys_options_are_taken_over() -> None:
    account = cloudinary(f"cloudinary://1:{SECRET}@demo?upload_prefix=http://127.0.0.1:99/&signature_algorithm=sha256")
    assert (account.upload_prefix, account.signature_algorithm) == ("http://127.0.0.1:99", "sha256")


def test_several_webhook_secrets_stand_behind_the_accounts_own() -> None:
    account = cloudinary(f"cloudinary://1:{SECRET}@demo?webhook_secret=old-1&webhook_secret=old_2")
    assert account.webhook_secrets == (SECRET, "old-1", "old_2")


@pytest.mark.parametrize(
    "secret",
    ["plain", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "a+b/c==", "with@at", "a:b:c", "%2F%40", "?x=y", "ends/"],
)
def test_a_buckets_secret_is_taken_as_it_was_issued(secret: str) -> None:
    account = s3(f"s3://AKIA1:{secret}@s3.example.com/videos?region=eu-central-1")
    assert (account.access_key_id, account.secret_access_key) == ("AKIA1", secret)
    assert (account.endpoint_url, account.bucket, account.region) == (
        "https://s3.example.com",
        "videos",
        "eu-central-1",
    )


@pytest.mark.parametrize(
    ("text", "endpoint", "bucket"),
    [
        ("s3.eu-central-1.amazonaws.com/videos", "https://s3.eu-central-1.amazonaws.com", "videos"),
        (
            "abc.storage.supabase.co/storage/v1/s3/my.videos",
            "https://abc.storage.supabase.co/storage/v1/s3",
            "my.videos",
        ),
        ("storage.googleapis.com/v-1/", "https://storage.googleapis.com", "v-1"),
        ("localhost:9000/b", "https://localhost:9000", "b"),
    ],
)
def test_the_bucket_is_the_last_part_of_the_path(text: str, endpoint: str, bucket: str) -> None:
    account = s3(f"s3://KEY:{SECRET}@{text}?region=auto")
    assert (account.endpoint_url, account.bucket) == (endpoint, bucket)
    assert account.delivery_url == f"{endpoint}/{bucket}"


def test_a_bucket_is_reached_over_tls_unless_that_is_turned_off() -> None:
    assert s3(f"s3://K:{SECRET}@h/b?region=r&tls=off").endpoint_url == "http://h"
    assert s3(f"s3://K:{SECRET}@h/b?region=r&tls=on").endpoint_url == "https://h"


@pytest.mark.parametrize(
    "text",
    [
        f"cloudinary://1:{SECRET}@demo?webhook_secret=",
        f"cloudinary://1:{SECRET}@demo?webhook_secret=a&webhook_secret=",
        f"s3://K:{SECRET}@h/b?region=",
        f"s3://K:{SECRET}@h/b?region=r&tls=no",
    ],
)
def test_an_option_without_a_value_is_a_mistake(text: str) -> None:
    """An empty webhook_secret would let anybody sign."""
    with pytest.raises(ValueError, match=r"webhook_secret|region|tls") as raised:
        parse(text)
    assert SECRET not in str(raised.value)


def test_a_bucket_notifies_nobody() -> None:
    assert s3(f"s3://K:{SECRET}@h/b?region=r").webhook_secrets == ()


@pytest.mark.parametrize(
    "text",
    [
        "",
        SECRET,
        f"https://1:{SECRET}@demo",
        f"cloudinary:1:{SECRET}@demo",
        f"cloudinary://1:{SECRET}",
        f"cloudinary://:{SECRET}@demo",
        f"cloudinary://{SECRET}@demo",
        "cloudinary://1:@demo",
        f"cloudinary://1:{SECRET}@",
        f"cloudinary://1:{SECRET}@demo/video",
        f"cloudinary://1:{SECRET} x@demo",
        f"cloudinary://1:{SECRET}@demo\n",
        f" cloudinary://1:{SECRET}@demo",
        f"cloudinary://1:{SECRET}@demo?signature_algorithm=md5",
        f"CLOUDINARY://1:{SECRET}@demo",
        f"s3:K:{SECRET}@h/b?region=r",
        f"s3://K:{SECRET}@h/b",
        f"s3://K:{SECRET}@h/b?tls=off",
        f"s3://K:{SECRET}@h/b?region=",
        f"s3://K:{SECRET}@h?region=r",
        f"s3://K:{SECRET}@h/?region=r",
        f"s3://K:{SECRET}@/b?region=r",
        f"s3://K:{SECRET}@h:port/b?region=r",
        f"s3://:{SECRET}@h/b?region=r",
        "s3://K:@h/b?region=r",
        f"s3://{SECRET}@h/b?region=r",
        f"s3://K:{SECRET}@h/a b?region=r",
        f"s3://K:{SECRET}@h/b?region=r\n",
    ],
)
def test_what_is_malformed_is_refused_without_showing_it(text: str) -> None:
    with pytest.raises(
        ValueError, match=r"cloudinary://KEY:SECRET@|s3://KEY:SECRET@|signature_algorithm|region"
    ) as raised:
        parse(text)
    assert SECRET not in str(raised.value)


@pytest.mark.parametrize(
    ("text", "known"),
    [
        (f"cloudinary://1:{SECRET}@demo?webhook_secrets={SECRET}", "webhook_secret"),
        (f"cloudinary://1:{SECRET}@demo?region=eu", "upload_prefix"),
        (f"s3://K:{SECRET}@h/b?region=r&webhook_secret={SECRET}", "region, tls"),
        (f"s3://K:{SECRET}@h/b?region=r&{SECRET}=1", "region, tls"),
    ],
)
def test_an_option_that_is_not_known_is_refused_and_those_that_are_named(text: str, known: str) -> None:
    with pytest.raises(ValueError, match=known) as raised:
        parse(text)
    assert SECRET not in str(raised.value)


@pytest.mark.parametrize("text", ["cloudinary://1:S@demo?webhook_sekret=", "s3://K:S@h/b?region=r&tsl="])
def test_an_unknown_option_without_a_value_is_one_too(text: str) -> None:
    with pytest.raises(ValueError, match="not known"):
        parse(text)


@pytest.mark.parametrize(
    "text",
    [
        f"cloudinary://1:{SECRET}@demo?webhook_secret={SECRET}-old",
        f"s3://K:{SECRET}@h/b?region=r",
    ],
)
def test_an_account_does_not_show_its_secrets(text: str) -> None:
    account = parse(text)
    assert SECRET not in repr(account)
    assert SECRET not in str(account)
