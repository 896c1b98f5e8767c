"""`.env`, the settings, and the environment that each function gets."""

from __future__ import annotations

from pathlib import Path

import pytest

from local import catalog, dotenv, environment
from local.failure import StartFailure
from local.keys import Keys
from local.settings import NAMES, Settings, settings, unknown

PORTS = {"supabase": 1, "media_host": 2, "cloud_tasks": 3}


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
    assert (chosen.supabase_url, chosen.cloudinary_url, chosen.database_url, chosen.port) == (None, None, None, 8080)


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
        ({"MEDIA_DELIVERY_URL": "https://m.example"}, "CLOUDINARY_URL"),
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
    for name in ("DATABASE_URL", "CLOUDINARY_URL"):
        with pytest.raises(StartFailure) as refused:
            read(**{name: "https://user:hunter2@host"})
        assert "hunter2" not in str(refused.value)


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
    listed = {name for name in (*function.secrets, *function.environment) if name in granted}
    assert set(given) == platform | listed | stand_in


def test_each_real_service_replaces_its_stand_in_alone() -> None:
    keys = Keys.generate()
    local = environment.grants(read(), keys, PORTS)
    supabase = environment.grants(read(SUPABASE_URL="https://x.co/", SUPABASE_SERVICE_ROLE_KEY="jwt"), keys, PORTS)
    cloudinary = environment.grants(read(CLOUDINARY_URL="cloudinary://k:s@demo"), keys, PORTS)
    assert dict(supabase.items() - local.items()) == {"SUPABASE_URL": "https://x.co", "SUPABASE_SECRET_KEY": "jwt"}
    assert dict(cloudinary.items() - local.items()) == {
        "CLOUDINARY_URL": "cloudinary://k:s@demo",
        "MEDIA_DELIVERY_URL": "https://res.cloudinary.com/demo",
    }
