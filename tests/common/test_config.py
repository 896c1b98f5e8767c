"""The configuration is complete at start or the instance does not start, and it never shows a secret."""

import pytest

from common.config import Config, ConfigError, Need

COMPLETE = {
    "SUPABASE_URL": "https://abc.supabase.co/",
    "SUPABASE_SECRET_KEY": "sb_secret_0123456789abcdef",
    "JWT_SECRETS": f"new:{'n' * 32},old:{'o' * 32}",
    "ALLOWED_ORIGINS": "https://app.example.com, http://localhost:3000",
}
NEEDS: tuple[Need, ...] = ("database", "tokens", "browsers")


def test_a_complete_environment_becomes_typed_values() -> None:
    config = Config.from_env(COMPLETE | {"BCRYPT_COST": "10"}, NEEDS)
    assert config.supabase_url == "https://abc.supabase.co"
    assert config.jwt_secrets == (("new", "n" * 32), ("old", "o" * 32))
    assert config.allowed_origins == {"https://app.example.com", "http://localhost:3000"}
    assert config.bcrypt_cost == 10


def test_every_missing_or_empty_key_is_named_in_one_message() -> None:
    with pytest.raises(ConfigError) as raised:
        Config.from_env({"SUPABASE_URL": " "}, NEEDS)
    for key in COMPLETE:
        assert f"{key} is missing" in str(raised.value)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("SUPABASE_URL", "abc.supabase.co"),
        ("SUPABASE_SECRET_KEY", "short"),
        ("SUPABASE_SECRET_KEY", "sb_secret_0123456789 abcdef"),
        ("JWT_SECRETS", "n" * 32),
        ("JWT_SECRETS", "new:tooshort"),
        ("JWT_SECRETS", f"new:{'n' * 32},new:{'m' * 32}"),
        ("ALLOWED_ORIGINS", "*"),
        ("ALLOWED_ORIGINS", "https://app.example.com/"),
        ("BCRYPT_COST", "3"),
        ("BCRYPT_COST", "twelve"),
        ("STORAGE_QUOTA_BYTES", "-1"),
        ("CLOUD_TASKS_ENDPOINT", "localhost"),
    ],
)
def test_a_malformed_value_is_named_by_its_key_and_not_shown(key: str, value: str) -> None:
    with pytest.raises(ConfigError, match=key) as raised:
        Config.from_env(COMPLETE | {key: value}, NEEDS)
    assert value not in str(raised.value).removeprefix(key)


def test_what_a_function_does_not_need_is_neither_required_nor_read() -> None:
    config = Config.from_env({**COMPLETE, "MEDIA_URL": "nonsense"}, NEEDS)
    assert config.media_url == ""


def test_repr_shows_no_secret() -> None:
    shown = repr(Config.from_env(COMPLETE, NEEDS))
    assert "sb_secret" not in shown
    assert "n" * 32 not in shown
