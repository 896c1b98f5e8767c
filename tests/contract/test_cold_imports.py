"""What a function imports before its first request: no vendor's SDK, each is loaded where and when it is used."""

import subprocess
import sys
from pathlib import Path

import pytest

from local.catalog import ROOT, load
from tests.cloud import Cloud
from tests.contract.endpoints import NAMES

VENDORS = (
    "supabase", "postgrest", "httpx", "pydantic", "cloudinary", "google.cloud", "google.api_core", "grpc", "jwt",
    "cryptography", "bcrypt", "requests", "urllib3", "boto3", "botocore",
)  # fmt: skip
PROGRAM = """
import sys, functions_framework
framework = set(sys.modules)
functions_framework.create_app(sys.argv[1], sys.argv[2])
print("\\n".join(set(sys.modules) - framework))
"""


def vendors_at_start(cloud: Cloud, name: str, source: Path) -> tuple[set[str], list[str]]:
    """(vendors, all modules) that a fresh process holds once the function can take requests."""
    environment = {"PYTHONPATH": str(ROOT), "PATH": "", **cloud.environment(name)}
    command = [sys.executable, "-c", PROGRAM, name, str(source)]
    loaded = subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout.split()
    return {vendor for vendor in VENDORS if any(f"{module}.".startswith(f"{vendor}.") for module in loaded)}, loaded


@pytest.mark.parametrize("name", NAMES)
def test_no_vendor_sdk_is_imported_before_it_is_needed(cloud: Cloud, name: str) -> None:
    vendors, loaded = vendors_at_start(cloud, name, load()[name].source)
    assert vendors == set()
    assert "common.http" in loaded
    assert not any(module.startswith(("local", "tests", "yaml", "moto")) for module in loaded)


def test_an_import_at_the_top_would_be_seen(cloud: Cloud, tmp_path: Path) -> None:
    source = tmp_path / "main.py"
    source.write_text("import functions_framework, cloudinary\n" + load()["register"].source.read_text())
    assert vendors_at_start(cloud, "register", source)[0] == {"cloudinary", "urllib3"}
