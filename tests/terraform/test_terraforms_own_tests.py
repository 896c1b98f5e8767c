"""Terraform's and checkov's own opinions of the configuration."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest
import yaml

from local.catalog import ROOT
from tests.terraform.workspace import Workspace, copied

TERRAFORM = ROOT / "terraform"
CHECKOV = ROOT / ".venv-checkov" / "bin" / "checkov"


@pytest.fixture(scope="module")
def terraform_test(
    initialised: Workspace, side_by_side: ThreadPoolExecutor, fresh_copy: Callable[[Workspace, str], Workspace]
) -> Future[str]:
    """Begun by the first test and asked for by the last one, because it takes as long as all of them."""
    return side_by_side.submit(fresh_copy(initialised, "terraform-test").run, "test", "-no-color")


@pytest.mark.usefixtures("terraform_test")
def test_the_configuration_is_valid(initialised: Workspace) -> None:
    found = json.loads(initialised.run("validate", "-json"))
    assert (found["valid"], found["diagnostics"]) == (True, [])


def test_the_configuration_is_formatted(environ: dict[str, str], tmp_path: Path) -> None:
    assert copied(tmp_path, environ, short=True).run("fmt", "-check", "-recursive") == ""


def _findings(directory: Path, *arguments: str) -> set[str]:
    """What checkov objects to; it lives in an environment of its own (local/setup.py)."""
    done = subprocess.run(
        [CHECKOV, "-d", directory, "--framework", "terraform", "--skip-download", "-o", "json", *arguments],
        cwd=directory, capture_output=True, text=True, check=False,
    )  # fmt: skip
    found = json.loads(done.stdout)
    assert found["summary"]["parsing_errors"] == 0
    assert found["summary"]["passed"] > 0
    return {f"{one['check_id']} {one['file_path']}" for one in found["results"]["failed_checks"]}


def test_checkov_finds_nothing(tmp_path: Path) -> None:
    copy = shutil.copytree(TERRAFORM, tmp_path / "terraform", ignore=shutil.ignore_patterns(".terraform", "*.tfstate*"))
    assert _findings(copy, "--config-file", str(copy / ".checkov.yaml")) == set()


def test_what_checkov_is_told_to_skip_is_there_and_has_a_reason(tmp_path: Path) -> None:
    copy = shutil.copytree(TERRAFORM, tmp_path / "terraform", ignore=shutil.ignore_patterns(".terraform", "*.tfstate*"))
    text = (copy / ".checkov.yaml").read_text()
    (copy / ".checkov.yaml").unlink()  # else it is read without being named
    skipped = yaml.safe_load(text)["skip-check"]
    assert {finding.split()[0] for finding in _findings(copy)} == set(skipped)
    assert re.findall(r"(?m)^\s+- (\S+)\s+# \S+ \S+", text) == skipped


def test_terraform_test_passes(terraform_test: Future[str]) -> None:
    runs = sum(len(re.findall(r"(?m)^run ", path.read_text())) for path in TERRAFORM.glob("tests/*.tftest.hcl"))
    assert f"Success! {runs} passed, 0 failed." in terraform_test.result()
