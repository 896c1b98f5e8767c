"""Installs what Reelay needs into .venv/ and node_modules/, and nothing anywhere else: `make setup`.

    python3 local/setup.py [--tests]

With --tests also what only the tests need, checkov among it, in .venv-checkov/: its dependencies exclude the product's.
Runs on the system's Python with the standard library only. What is installed is what the lock files pin, with hashes.
A second run finds the stamps of the first one and is done at once.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PYTHON = (3, 11)
NODE = 20
STAMP = "reelay-setup"
QUIET_NPM = {
    "DO_NOT_TRACK": "1",
    "npm_config_audit": "false",
    "npm_config_fund": "false",
    "npm_config_update_notifier": "false",
}
# Packages' install scripts are other people's code: `make migrate` begins with a setup, and production's keys may be
# in its environment.
SECRETS = {
    "CLOUDINARY_URL",
    "DATABASE_URL",
    "JWT_SECRETS",
    "MEDIA_URL",
    "SUPABASE_SECRET_KEY",
    "SUPABASE_SERVICE_ROLE_KEY",
}


class SetupFailure(Exception):
    """What is missing and what to do, in one line, with the output of the step that failed if there is one."""


def main(arguments: list[str]) -> int:
    """0 when everything is in place; 1 with a line on stderr when something is missing."""
    try:
        check_python()
        check_node()
        install_python(ROOT, ".venv", "requirements-dev.txt")
        install_node(ROOT, tests="--tests" in arguments)
        if "--tests" in arguments:
            install_python(ROOT, ".venv-checkov", "requirements-checkov.txt")
    except SetupFailure as failure:
        print(failure, file=sys.stderr)
        return 1
    return 0


def check_python() -> None:
    if sys.version_info < PYTHON:
        found = ".".join(map(str, sys.version_info[:3]))
        raise SetupFailure(
            f"Python {PYTHON[0]}.{PYTHON[1]} or newer is needed, and python3 is {found}: "
            "install a newer one, and name it: make setup PYTHON=python3.12"
        )


def check_node() -> None:
    if shutil.which("node") is None:
        raise SetupFailure(f"Node.js is missing: install version {NODE} or newer (https://nodejs.org).")
    shown = subprocess.run(["node", "--version"], capture_output=True, text=True, check=False).stdout.strip()
    major = re.match(r"v(\d+)\.", shown)
    if major is None or int(major[1]) < NODE:
        raise SetupFailure(
            f"Node.js {NODE} or newer is needed, and node is {shown}: install it from https://nodejs.org."
        )
    if shutil.which("npm") is None:
        raise SetupFailure("npm is missing: it usually comes with Node.js (https://nodejs.org).")


def install_python(root: Path, environment: str, requirements: str) -> None:
    """Make a virtual environment and install the requirements in it, unless exactly that was done before."""
    venv, locked = root / environment, root / requirements
    wanted = digest(locked, f"{sys.version_info[:2]} {root}")  # a virtual environment cannot be moved
    stamp = venv / STAMP
    if read(stamp) == wanted and (venv / "bin" / "python").exists():
        return
    stamp.unlink(missing_ok=True)  # whatever is interrupted from here on is done again
    make_venv(venv)
    say(f"Installing the Python packages of {requirements} ...")
    options = ["--require-hashes", "--disable-pip-version-check", "--no-input", "-r", str(locked)]
    run(
        [str(venv / "bin" / "python"), "-m", "pip", "install", *options],
        root,
        "The Python packages cannot be installed",
    )
    stamp.write_text(wanted, encoding="utf-8")


def make_venv(venv: Path) -> None:
    """A virtual environment of this Python, in the place of one that is of another, or broken."""
    version = f"{sys.version_info[0]}.{sys.version_info[1]}"
    asked = [str(venv / "bin" / "python"), "-c", "import sys, pip; print('%d.%d' % sys.version_info[:2])"]
    try:
        if subprocess.run(asked, capture_output=True, text=True, check=False).stdout.strip() == version:
            return
    except OSError:
        pass  # there is none yet
    say(f"Making the virtual environment {venv.name} ...")
    command = [sys.executable, "-m", "venv", "--clear", str(venv)]
    if subprocess.run(command, capture_output=True, check=False).returncode != 0:
        shutil.rmtree(venv, ignore_errors=True)
        raise SetupFailure(
            f"Python's venv module does not work here: install it (Debian, Ubuntu: apt install python{version}-venv)."
        )


def install_node(root: Path, *, tests: bool) -> None:
    """Install package-lock.json into node_modules/, unless exactly that, or that with the tests' extras, was done."""
    stamp = root / "node_modules" / STAMP
    wanted = digest(root / "package-lock.json", "node")
    if read(stamp) in ({f"{wanted} tests"} if tests else {wanted, f"{wanted} tests"}):
        return
    stamp.unlink(missing_ok=True)
    say("Installing the npm packages ...")
    run(["npm", "ci", *([] if tests else ["--omit=dev"])], root, "The npm packages cannot be installed")
    stamp.write_text(f"{wanted} tests" if tests else wanted, encoding="utf-8")


def digest(locked: Path, more: str) -> str:
    return hashlib.sha256(locked.read_bytes() + more.encode()).hexdigest()


def read(stamp: Path) -> str:
    try:
        return stamp.read_text(encoding="utf-8")
    except OSError:
        return ""


def run(command: list[str], directory: Path, complaint: str) -> None:
    """Run one step, its output shown only if it fails."""
    done = subprocess.run(
        command,
        cwd=directory,
        env={name: value for name, value in os.environ.items() if name not in SECRETS} | QUIET_NPM,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise SetupFailure(f"{done.stdout.rstrip()}\n{complaint}: see above.")


def say(text: str) -> None:
    print(text, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
