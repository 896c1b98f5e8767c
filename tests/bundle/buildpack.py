"""What Google's buildpack makes of a bundle and how it starts it, without a container.

As GoogleCloudPlatform/buildpacks has it (cmd/python/functions_framework, pip and runtime, pkg/python): compile the
sources, install requirements.txt, check that what is installed agrees, start `functions-framework` without arguments
where main.py lies; which function is meant stands in FUNCTION_TARGET. Two things differ: uv installs, into a virtual
environment (with Python 3.14 it does so there, too), and the function listens on the loopback interface alone.
"""

from __future__ import annotations

import ast
import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from uv import find_uv_bin

from local.catalog import ROOT, Function
from local.environment import function_environment
from tests.cloud import eventually
from tests.postgres import free_port

_UV_NAMES = {"index-url": "UV_DEFAULT_INDEX", "extra-index-url": "UV_INDEX", "cert": "SSL_CERT_FILE"}


def deployed_python() -> str:
    """The version that Terraform asks for, as in "3.12"."""
    variables = (ROOT / "terraform" / "variables.tf").read_text(encoding="utf-8")
    found = re.search(r'variable "runtime" \{[^}]*?default += "python(\d)(\d+)"', variables)
    assert found is not None, "terraform/variables.tf has no default for the runtime"
    return f"{found[1]}.{found[2]}"


def deployed_interpreter() -> str | None:
    """Where this machine has that version; nothing is downloaded."""
    version = deployed_python()
    find = [find_uv_bin(), "python", "find", "--system", "--no-project", "--no-python-downloads", version]
    # A pyenv that is in the PATH answers for a version only if it is told to.
    environ = {**os.environ, "PYENV_VERSION": version}
    found = subprocess.run(find, env=environ, capture_output=True, text=True, check=False)
    return found.stdout.strip() if found.returncode == 0 else None


@dataclass(frozen=True)
class Installed:
    """An environment with one requirements.txt in it, and nothing else."""

    directory: Path

    @property
    def path(self) -> dict[str, str]:
        """PATH: its programs, and those that every system has."""
        return {"PATH": f"{self.directory / 'bin'}{os.pathsep}{os.defpath}"}

    def python(self, *arguments: str, cwd: Path, env: Mapping[str, str] | None = None) -> str:
        """What its interpreter prints; with no variable of the tests' own environment."""
        return _output("python3", *arguments, env=env or self.path, cwd=cwd)


def install(requirements: Path, directory: Path) -> Installed:
    """A fresh environment, of the deployed Python where this machine has it, else of the one that runs the tests."""
    environ = {**_as_pip_is_configured(), **os.environ}
    uv, python = find_uv_bin(), str(directory / "bin" / "python3")
    interpreter = deployed_interpreter() or sys.executable
    _output(uv, "venv", "--no-project", "--python", interpreter, str(directory), env=environ)
    _output(uv, "pip", "install", "--python", python, "--require-hashes", "-r", str(requirements), env=environ)
    _output(uv, "pip", "check", "--python", python, env=environ)
    return Installed(directory)


def _as_pip_is_configured() -> dict[str, str]:
    """pip's package index as settings of uv, which does not read pip's: a machine may know no other one."""
    listed = _output(sys.executable, "-m", "pip", "config", "list", env=os.environ)
    configured = dict(re.findall(r"(?m)^((?:global|install|:env:)\.[a-z-]+)=(.*)$", listed))
    settings = {"UV_INDEX_STRATEGY": "unsafe-best-match"}  # pip's own, and safe: the hashes say which file it must be
    for section in ("global", "install", ":env:"):  # the last one counts
        for key, name in _UV_NAMES.items():
            if (value := configured.get(f"{section}.{key}")) is not None:
                settings[name] = " ".join(ast.literal_eval(value).split())
    return settings


def _output(*command: str, env: Mapping[str, str], cwd: Path | None = None) -> str:
    done = subprocess.run(command, env=env, cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}{done.stderr}"
    return done.stdout


def environment(
    function: Function, installed: Installed, granted: Mapping[str, str], home: Path, port: int
) -> dict[str, str]:
    """What the catalog grants the function, and what the buildpack and the platform set."""
    environ = {
        **function_environment(function, granted, port, home),
        **installed.path,
        "K_CONFIGURATION": function.resource_name,
        "FUNCTION_TARGET": function.name,
        "FUNCTION_SIGNATURE_TYPE": "http",
        "LOG_EXECUTION_ID": "true",
        "HOST": "127.0.0.1",
    }
    del environ["PYTHONPATH"]
    return environ


@dataclass(frozen=True)
class Instance:
    """A function that takes requests."""

    url: str
    log: Path


@contextmanager
def started(
    function: Function, sources: Path, installed: Installed, granted: Mapping[str, str], home: Path
) -> Iterator[Instance]:
    """Starts a function as the platform starts an instance, and ends it as the platform does."""
    port, log = free_port(), home / "log"
    environ = environment(function, installed, granted, home, port)
    with log.open("wb") as output:
        process = subprocess.Popen(["functions-framework"], cwd=sources, env=environ, stdout=output, stderr=output)
        try:
            eventually(lambda: _accepts(process, port, log))
            yield Instance(f"http://127.0.0.1:{port}", log)
        finally:
            process.terminate()
            code = process.wait(20)
    assert code == 0, log.read_text(encoding="utf-8")


def _accepts(process: subprocess.Popen[bytes], port: int, log: Path) -> bool:
    """What the platform asks before it sends requests: whether the port takes a connection."""
    assert process.poll() is None, log.read_text(encoding="utf-8")
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
