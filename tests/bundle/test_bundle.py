"""What is deployed: each function's zip is complete, holds nothing else, and starts in an empty directory."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

import httpx
import pytest

from local import bundle, catalog
from tests.cloud import Cloud, eventually
from tests.postgres import free_port

FUNCTIONS = catalog.load()
COMMON = {f"common/{path.name}" for path in (catalog.ROOT / "common").iterdir() if path.suffix == ".py"}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_bundle_holds_the_function_common_and_the_requirements_and_nothing_else(name: str, tmp_path: Path) -> None:
    with ZipFile(bundle.build(FUNCTIONS[name], tmp_path)) as built:
        assert built.testzip() is None
        assert sorted(built.namelist()) == sorted({"main.py", "requirements.txt", *COMMON})
        assert built.read("main.py") == FUNCTIONS[name].source.read_bytes()
        assert built.read("requirements.txt") == (catalog.ROOT / "requirements.txt").read_bytes()


@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_same_sources_give_the_same_bytes_wherever_and_whenever_they_were_checked_out(
    name: str, tmp_path: Path
) -> None:
    first = bundle.build(FUNCTIONS[name], tmp_path).read_bytes()
    built = bundle.build(FUNCTIONS[name], tmp_path)
    assert built.read_bytes() == first
    with ZipFile(built) as opened:
        assert {(entry.date_time, entry.external_attr) for entry in opened.infolist()} == {
            ((1980, 1, 1, 0, 0, 0), 0o100644 << 16)
        }


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_bundle_starts_in_an_empty_directory(name: str, cloud: Cloud, tmp_path: Path) -> None:
    with ZipFile(bundle.build(FUNCTIONS[name], tmp_path)) as built:
        built.extractall(tmp_path / "function")
    port = free_port()
    command = [
        sys.executable,
        "-m",
        "functions_framework",
        "--target",
        name,
        "--host",
        "127.0.0.1",
        "--port",
        str(port),
    ]
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), **cloud.environment(name)}
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(command, cwd=tmp_path / "function", env=environment, stdout=log, stderr=log)

    def refusal() -> httpx.Response | None:
        """The answer to a method that no function has; it comes from common/http.py."""
        assert process.poll() is None, (tmp_path / "log").read_text()
        try:
            return httpx.patch(f"http://127.0.0.1:{port}/", trust_env=False)
        except httpx.TransportError:
            return None

    try:
        answer: httpx.Response = eventually(refusal)
        assert (answer.status_code, answer.json()["code"]) == (405, "method_not_allowed")
    finally:
        process.terminate()
        process.wait()
