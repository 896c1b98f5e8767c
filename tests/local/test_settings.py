"""`.env`, the settings, and the environment that each function gets."""

from __future__ import annotations

from pathlib import Path

import pytest

from common.media_account import S3Account, parse
from local import catalog, dotenv, environment
from local.failure import StartFailure
from local.keys import Keys
from local.settings import NAMES, Settings, settings, unknown

PORTS = {"supabase": 1, "media_host": 2, "cloud_tasks": 3}
BUCKET_URL = "s3://AKIA1:a/b+c@host.example/storage/v1/s3/videos?region=eu-central-1"


def read(**values: str) -> Settings:
    return settings(values, {})


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("A=b", "b"),
        ("  export A = b c  ", "b c"),
        ("A='b # c'", "b # c"),
        ('A="b"  # why', "b"),
        ("A=b # why", "b"),
        ("A=b#c", "b#c"),
        ("A=postgres://u:p%23@h/d?x=1&y=2", "postgres://u:p%23@h/d?x=1&y=2"),
        ("A=a=b==", "a=b=="),
    ],
)
def test_a_line_of_dotenv_gives_its_value(line: str, value: str) -> None:
    assert dotenv.parse(line) == {"A": value}


@pytest.mark.parametrize("text", ["", "# A=b", "A=", "A=''", "A= # later", "\n\n"])
def test_comments_blank_lines_and_empty_values_set_nothing(text: str) -> None:
    assert dotenv.parse(text) == {}


@pytest.mark.parametrize("line", ["A", "A: b", "1A=b", "A='b", 'A="b" c', "=b", "A=b\nA=c"])
def test_a_malformed_line_is_named_by_its_number(line: str) -> None:
    with pytest.raises(StartFailure, match=rf"\.env, line {2 + line.count(chr(10))}: "):
        dotenv.parse("# first\n" + line)


def test_a_file_that_is_no_text_is_refused_in_one_line(tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes(b"A=\xff")
    with pytest.raises(StartFailure, match="UTF-8"):
        dotenv.load(tmp_path / ".env")


def test_no_dotenv_leaves_everything_local(tmp_path: Path) -> None:
    chosen = settings(dotenv.load(tmp_path / ".env"), {})
    assert (chosen.supabase_url, chosen.media_url, chosen.database_url, chosen.port) == (None, None, None, 8080)
    assert chosen.media == "cloudinary"


def test_the_environment_wins_over_dotenv_and_the_command_line_over_both() -> None:
    assert settings({"PORT": "1"}, {"PORT": "2"}).port == 2
    assert settings({"PORT": "1"}, {"PORT": ""}).port == 1
    assert settings({"PORT": "1"}, {"PORT": "2"}, 3).port == 3


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({"SUPABASE_URL": "https://x.supabase.co"}, "SUPABASE_SECRET_KEY"),
        ({"SUPABASE_SECRET_KEY": "sb_secret_x"}, "SUPABASE_URL"),
        ({"SUPABASE_SERVICE_ROLE_KEY": "x"}, "SUPABASE_URL"),
        (
            {"SUPABASE_URL": "https://x.co", "SUPABASE_SECRET_KEY": "x", "DATABASE_URL": "postgres://h/d"},
            "DATABASE_URL",
        ),
        ({"SUPABASE_URL": "x.supabase.co", "SUPABASE_SECRET_KEY": "x"}, "SUPABASE_URL"),
        ({"CLOUDINARY_URL": "cloudinary://key@cloud"}, "CLOUDINARY_URL"),
        ({"CLOUDINARY_URL": BUCKET_URL}, "CLOUDINARY_URL .*MEDIA_URL"),
        ({"MEDIA_URL": "https://bucket.example"}, "MEDIA_URL"),
        ({"MEDIA_URL": "s3://key:secret@host/bucket"}, "MEDIA_URL .*region"),
        ({"MEDIA_URL": BUCKET_URL, "CLOUDINARY_URL": "cloudinary://k:s@demo"}, "MEDIA_URL and CLOUDINARY_URL"),
        ({"MEDIA_URL": BUCKET_URL, "MEDIA": "s3"}, "MEDIA and MEDIA_URL"),
        ({"CLOUDINARY_URL": "cloudinary://k:s@demo", "MEDIA": "cloudinary"}, "MEDIA and CLOUDINARY_URL"),
        ({"MEDIA": "S3"}, "MEDIA must be cloudinary or s3"),
        ({"MEDIA_DELIVERY_URL": "https://m.example"}, "MEDIA_URL"),
        ({"MEDIA_DELIVERY_URL": "https://m.example", "MEDIA": "s3"}, "MEDIA_URL"),
        ({"MEDIA_DELIVERY_URL": "m.example", "MEDIA_URL": BUCKET_URL}, "MEDIA_DELIVERY_URL"),
        ({"MEDIA_ACCESS": "secret"}, "MEDIA_ACCESS"),
        ({"UPLOAD_TICKET_SECONDS": "59"}, "UPLOAD_TICKET_SECONDS"),
        ({"MEDIA_FOLDER": "a/b"}, "MEDIA_FOLDER"),
        ({"DATABASE_URL": "mysql://h/d"}, "DATABASE_URL"),
        ({"ALLOWED_ORIGINS": "http://localhost:1,*"}, "ALLOWED_ORIGINS"),
        ({"PORT": "0"}, "PORT"),
        ({"PORT": "65536"}, "PORT"),
        ({"BCRYPT_COST": "3"}, "BCRYPT_COST"),
        ({"STORAGE_QUOTA_BYTES": "50MB"}, "STORAGE_QUOTA_BYTES"),
    ],
)
def test_a_setting_that_cannot_work_is_named(values: dict[str, str], named: str) -> None:
    with pytest.raises(StartFailure, match=named):
        read(**values)


def test_no_password_is_repeated_in_a_message() -> None:
    wrong = {"DATABASE_URL": "https", "CLOUDINARY_URL": "https", "MEDIA_URL": "s3"}
    for name, scheme in wrong.items():
        with pytest.raises(StartFailure) as refused:
            read(**{name: f"{scheme}://user:hunter2@host"})
        assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize(
    ("url", "secrets"),
    [
        (BUCKET_URL, ("a/b+c",)),
        ("cloudinary://key:new@demo?webhook_secret=old", ("new", "new", "old")),
    ],
)
def test_the_secrets_of_either_media_host_are_masked(url: str, secrets: tuple[str, ...]) -> None:
    chosen = read(MEDIA_URL=url, DATABASE_URL="postgres://u:word@h/d")
    assert chosen.secrets() == ("word", *secrets)
    assert not [secret for secret in secrets if secret in repr(chosen)]


def test_the_example_names_every_setting_and_no_other() -> None:
    lines = (catalog.ROOT / ".env.example").read_text().splitlines()
    values = dotenv.parse("\n".join(line[2:] for line in lines if line.startswith("# ") and "=" in line.split(" ")[1]))
    assert unknown(values) == []
    assert set(NAMES) - set(values) == {"SUPABASE_SERVICE_ROLE_KEY"}


@pytest.mark.parametrize("function", catalog.load().values(), ids=lambda function: function.name)
def test_a_function_gets_what_the_catalog_names_and_nothing_else(
    function: catalog.Function, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", "/somewhere")
    granted = environment.grants(read(), Keys.generate(), PORTS)
    given = environment.function_environment(function, granted, 4, tmp_path)
    platform = {"PATH", "HOME", "LANG", "PYTHONPATH", "PYTHONUNBUFFERED"}
    platform |= {"PORT", "K_SERVICE", "K_REVISION", "THREADS", "CLOUD_RUN_TIMEOUT_SECONDS"}
    stand_in = {"CLOUD_TASKS_ENDPOINT"} if "AUDIT_QUEUE" in function.environment else set()
    named = (*function.secrets, *function.environment, *function.options)
    assert set(given) == platform | {name for name in named if name in granted} | stand_in


def test_each_real_service_replaces_its_stand_in_alone() -> None:
    keys = Keys.generate()
    local = environment.grants(read(), keys, PORTS)
    supabase = environment.grants(read(SUPABASE_URL="https://x.co/", SUPABASE_SERVICE_ROLE_KEY="jwt"), keys, PORTS)
    assert dict(supabase.items() - local.items()) == {"SUPABASE_URL": "https://x.co", "SUPABASE_SECRET_KEY": "jwt"}


@pytest.mark.parametrize(
    ("name", "url"),
    [
        ("CLOUDINARY_URL", "cloudinary://k:s@demo"),
        ("MEDIA_URL", "cloudinary://k:s@demo?signature_algorithm=sha256"),
        ("MEDIA_URL", BUCKET_URL),
    ],
)
def test_a_real_media_host_has_its_own_delivery_address_and_reaches_no_webhook_here(name: str, url: str) -> None:
    keys = Keys.generate()
    local, real = (environment.grants(read(**values), keys, PORTS) for values in ({}, {name: url}))
    assert dict(real.items() - local.items()) == {"MEDIA_URL": url}
    assert set(local) - set(real) == {"MEDIA_DELIVERY_URL", "MEDIA_WEBHOOK_URL"}
    own = read(**{name: url}, MEDIA_DELIVERY_URL="https://m.example")
    assert environment.grants(own, keys, PORTS)["MEDIA_DELIVERY_URL"] == "https://m.example"


@pytest.mark.parametrize(("media", "path"), [("cloudinary", "local"), ("s3", "reelay")])
def test_each_stand_in_is_reached_with_the_account_that_it_is_started_with(media: str, path: str) -> None:
    keys = Keys.generate()
    granted = environment.grants(read(MEDIA=media), keys, PORTS)
    account = parse(granted["MEDIA_URL"])
    assert granted["MEDIA_DELIVERY_URL"] == f"http://127.0.0.1:2/{path}"
    assert granted["MEDIA_WEBHOOK_URL"] == "http://127.0.0.1:8080/media_webhook"
    if isinstance(account, S3Account):
        assert account.secret_access_key == keys.media_api_secret
        assert account.delivery_url == granted["MEDIA_DELIVERY_URL"]
    else:
        assert (account.api_secret, account.upload_prefix) == (keys.media_api_secret, "http://127.0.0.1:2")
