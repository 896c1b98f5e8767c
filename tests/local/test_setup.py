"""`make setup` on machines that lack something, and on one that has everything already."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from local import setup
from local.catalog import ROOT


def run_with(path: Path) -> subprocess.CompletedProcess[str]:
    """local/setup.py on a machine whose PATH is this directory alone."""
    command = [sys.executable, str(ROOT / "local" / "setup.py")]
    return subprocess.run(command, env={"PATH": str(path)}, capture_output=True, text=True, check=False)


def program(directory: Path, name: str, says: str) -> None:
    (directory / name).write_text(f"#!/bin/sh\necho {says}\n")
    (directory / name).chmod(0o755)


@pytest.mark.parametrize(
    ("node", "npm", "complaint"),
    [
        (None, True, "Node.js is missing"),
        ("v18.20.1", True, "Node.js 20 or newer is needed, and node is v18.20.1"),
        ("gibberish", True, "Node.js 20 or newer is needed"),
        ("v20.0.0", False, "npm is missing"),
    ],
)
def test_what_is_missing_gets_one_clear_line(tmp_path: Path, node: str | None, npm: bool, complaint: str) -> None:
    if node:
        program(tmp_path, "node", node)
    if npm:
        program(tmp_path, "npm", "10.0.0")
    done = run_with(tmp_path)
    assert done.returncode == 1
    assert done.stderr.startswith(complaint)
    assert len(done.stderr.splitlines()) == 1
    assert done.stdout == ""


def test_an_old_python_is_told_which_one_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "version_info", (3, 9, 18, "final", 0))
    with pytest.raises(setup.SetupFailure, match=r"Python 3\.11 or newer is needed, and python3 is 3\.9\.18"):
        setup.check_python()


class Machine:
    """A repository with lock files only, and an npm that counts its calls."""

    def __init__(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.root = root
        self.calls = root / "calls"
        binaries = root / "bin"
        binaries.mkdir()
        (root / "package-lock.json").write_text("{}")
        (binaries / "npm").write_text(f'#!/bin/sh\nmkdir -p node_modules\necho "$@" >> {self.calls}\ntest ! -e fail\n')
        (binaries / "npm").chmod(0o755)
        monkeypatch.setenv("PATH", f"{binaries}:/usr/bin:/bin")

    def installs(self) -> list[str]:
        return self.calls.read_text().splitlines() if self.calls.exists() else []


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    return Machine(tmp_path, monkeypatch)


def test_npm_runs_once_until_its_lock_file_changes(machine: Machine) -> None:
    for _ in range(2):
        setup.install_node(machine.root, tests=False)
    assert machine.installs() == ["ci --omit=dev"]
    (machine.root / "package-lock.json").write_text("{ }")
    setup.install_node(machine.root, tests=False)
    assert len(machine.installs()) == 2


def test_what_the_tests_need_on_top_is_installed_once_and_kept(machine: Machine) -> None:
    for tests in (False, True, False, True):
        setup.install_node(machine.root, tests=tests)
    assert machine.installs() == ["ci --omit=dev", "ci"]


def test_install_scripts_are_not_shown_productions_keys(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in setup.SECRETS:
        monkeypatch.setenv(name, "hush")
    with (machine.root / "bin" / "npm").open("a") as npm:
        npm.write("env > seen\n")
    setup.install_node(machine.root, tests=False)
    seen = (machine.root / "seen").read_text()
    assert "npm_config_audit=false" in seen
    assert "hush" not in seen


def test_an_install_that_fails_is_shown_and_done_again(machine: Machine) -> None:
    setup.install_node(machine.root, tests=False)
    (machine.root / "fail").touch()
    with pytest.raises(setup.SetupFailure, match="npm packages cannot be installed"):
        setup.install_node(machine.root, tests=True)
    (machine.root / "fail").unlink()
    setup.install_node(machine.root, tests=False)
    assert len(machine.installs()) == 3


def test_a_virtual_environment_with_this_stamp_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "requirements-dev.txt").write_text("nothing==1.0\n")
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    shutil.copy("/bin/sh", tmp_path / ".venv" / "bin" / "python")
    wanted = setup.digest(tmp_path / "requirements-dev.txt", f"{sys.version_info[:2]} {tmp_path}")
    (tmp_path / ".venv" / setup.STAMP).write_text(wanted)
    setup.install_python(tmp_path, ".venv", "requirements-dev.txt")
    assert (tmp_path / ".venv" / setup.STAMP).read_text() == wanted


def test_a_python_without_venv_gets_one_clear_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program(tmp_path, "python-without-venv", "no ensurepip; exit 1")
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python-without-venv"))
    with pytest.raises(setup.SetupFailure, match="venv module does not work"):
        setup.make_venv(tmp_path / ".venv")
    assert not (tmp_path / ".venv").exists()
