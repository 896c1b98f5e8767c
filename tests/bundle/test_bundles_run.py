"""Each bundle runs as it is deployed: with its own requirements, started as Google's buildpack starts it, alone."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from local import catalog
from tests.bundle.buildpack import Installed, deployed_interpreter, deployed_python, environment, started
from tests.bundle.calls import CALLS, World
from tests.cloud import Cloud, eventually

FUNCTIONS = catalog.load()
ANY = "upload_video"  # where the answer is every bundle's
Install = Callable[[Path], Installed]
Unpack = Callable[[str], Path]

# Every import, wherever in a module it stands: most vendors' are made only by the request that needs them.
IMPORT_ALL = """
import ast, pathlib
for path in sorted(pathlib.Path().rglob("*.py")):
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Import | ast.ImportFrom):
            exec(ast.unparse(node), {})
            print(ast.unparse(node))
"""
TELL = """
import json, sys
from importlib import metadata
packages = {package.name: package.version for package in metadata.distributions()}
print(json.dumps({"packages": packages, "path": sys.path, "base": sys.base_prefix, "version": sys.version.split()[0]}))
"""


def files(directory: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in directory.rglob("*") if path.is_file()}


def events(cloud: Cloud, name: str) -> set[object]:
    return {row[0] for row in cloud.sql("select id from logs where service_name = %s", name)}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_bundle_answers_a_real_call_alone_and_logs_it(
    cloud: Cloud, world: World, unpacked: Unpack, installed: Install, tmp_path: Path, name: str
) -> None:
    call, sources = CALLS[name](world), unpacked(name)
    home = tmp_path / "home"
    home.mkdir()
    runtime = installed(sources)
    runtime.python("-m", "compileall", "-f", "-q", ".", cwd=sources)
    before = files(sources)
    with started(FUNCTIONS[name], sources, runtime, cloud.granted(), home) as instance:
        earlier = events(cloud, name)
        request = {**call.request, "timeout": 60, "trust_env": False}
        answer = httpx.request(call.method, instance.url + call.path, **request)
        assert answer.status_code == call.status, answer.text + instance.log.read_text()
        assert call.part(answer.json()) == call.value
        if name != "write_log":  # the one that logs nothing
            eventually(lambda: events(cloud, name) - earlier)
    lines = [json.loads(line) for line in instance.log.read_text().splitlines() if line]
    assert [line["function"] for line in lines if line["message"] == "request"] == [name]
    assert files(sources) == before


@pytest.fixture
def told(cloud: Cloud, unpacked: Unpack, installed: Install, tmp_path: Path) -> dict[str, Any]:
    """What an interpreter that is started as a bundle's instance says of itself."""
    sources = unpacked(ANY)
    runtime = installed(sources)
    environ = environment(FUNCTIONS[ANY], runtime, cloud.granted(), tmp_path, 8080)
    answer: dict[str, Any] = json.loads(runtime.python("-c", TELL, cwd=sources, env=environ))
    return {**answer, "directory": runtime.directory, "requirements": (sources / "requirements.txt").read_text()}


def test_nothing_is_installed_but_what_the_bundle_pins(told: dict[str, Any]) -> None:
    pinned = dict(re.findall(r"(?m)^([a-z0-9-]+)==([^\s;]+)", told["requirements"]))
    installed = {re.sub(r"[-_.]+", "-", name).lower(): version for name, version in told["packages"].items()}
    assert installed.items() <= pinned.items()
    assert "functions-framework" in installed


def test_nothing_is_imported_from_elsewhere(told: dict[str, Any]) -> None:
    first, *others = told["path"]
    assert first == ""  # the bundle's own directory
    own = told["directory"], told["base"]
    assert [path for path in others if not any(Path(path).is_relative_to(place) for place in own)] == []


def test_every_import_of_a_bundle_finds_what_it_names(unpacked: Unpack, installed: Install) -> None:
    sources = unpacked(ANY)
    imported = installed(sources).python("-c", IMPORT_ALL, cwd=sources)
    assert {"import boto3", "import cloudinary.uploader"} <= set(imported.splitlines())


def test_google_adds_no_framework_of_its_own(told: dict[str, Any]) -> None:
    """Its buildpack does that, unpinned, unless it finds one with this expression (pkg/python/dependencies.go)."""
    assert re.search(r"(?m)^functions-framework\b([^-]|$)", told["requirements"])


def test_the_bundles_ran_on_the_python_that_is_deployed(told: dict[str, Any]) -> None:
    if deployed_interpreter() is None:
        pytest.skip(f"Python {deployed_python()} is not on this machine: the bundles ran on {told['version']}")
    assert told["version"].startswith(f"{deployed_python()}.")
