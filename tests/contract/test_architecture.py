"""The arrow of dependency: functions -> common -> SDKs. Nothing deployed knows the local cloud or the tests."""

import ast
import re
from pathlib import Path

import pytest

from local.catalog import ROOT

OURS = {"functions", "common", "local", "tests", "bench"}
SDKS = {"postgrest", "supabase", "httpx", "cloudinary", "boto3", "botocore", "google", "grpc"}
ADAPTERS = ("db.py", "media_cloudinary.py", "s3_bucket.py", "tasks.py")


def imports(path: Path) -> set[str]:
    """The modules that a file imports anywhere, with their dots."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add(node.module or "")
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def packages(path: Path) -> set[str]:
    return {module.partition(".")[0] for module in imports(path)}


COMMON = sorted((ROOT / "common").glob("*.py"))
MAINS = sorted((ROOT / "functions").glob("*/main.py"))


@pytest.mark.parametrize("path", COMMON, ids=lambda path: path.name)
def test_common_knows_nothing_of_ours_but_itself(path: Path) -> None:
    assert packages(path) & OURS <= {"common"}


@pytest.mark.parametrize("path", MAINS, ids=lambda path: path.parent.name)
def test_a_function_knows_common_and_no_sdk(path: Path) -> None:
    assert packages(path) & OURS <= {"common"}
    assert not packages(path) & SDKS


@pytest.mark.parametrize("path", COMMON, ids=lambda path: path.name)
def test_only_the_adapters_speak_to_an_sdk(path: Path) -> None:
    if path.name not in ADAPTERS:
        assert not packages(path) & SDKS


def test_errors_and_clock_stand_on_their_own_and_quota_too() -> None:
    for name in ("errors.py", "clock.py", "quota.py"):
        assert "common" not in packages(ROOT / "common" / name)


@pytest.mark.parametrize("path", [*COMMON, *MAINS], ids=lambda path: f"{path.parent.name}/{path.name}")
def test_only_config_reads_the_environment_and_only_clock_the_time(path: Path) -> None:
    words = set(re.findall(r"\w+", path.read_text()))
    assert path.name == "config.py" or not words & {"getenv", "os"}
    assert path.name == "clock.py" or not words & {"utcnow"}
    assert path.name == "clock.py" or "datetime.now(" not in path.read_text()


@pytest.mark.parametrize("path", COMMON, ids=lambda path: path.name)
def test_a_module_of_common_fits_one_screen_of_thought(path: Path) -> None:
    assert len(path.read_text().splitlines()) < 200
