"""Runs Terraform on copies of what it reads, without Google: the copies talk to a stand-in of its provider.

Nothing here can deploy anything: every run has a made-up access token, whatever the machine knows about Google.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from local.catalog import ROOT
from tests.terraform.deployment import Plan, Values

# What the configuration reads, seen from its own folder; local/ is not among it, and a test must see that.
_READ = ("terraform", "functions", "common", "local", "requirements.txt")
# In the place of the console: files for browsers, and such as are not for them.
_WEB = (
    "index.html", "assets/player.js", "assets/player.test.js", "README.md", "config.json", ".hidden/a.js",
    "node_modules/a/a.js",
)  # fmt: skip
# What a developer's own terraform/ may hold beside what is committed; the lock file has the real providers' hashes.
_OWN = (
    ".terraform", ".terraform.lock.hcl", "*.tfstate*", "*.tfplan", "*override.tf", "backend.tf", "*.auto.tfvars",
    "terraform.tfvars", "__pycache__", "node_modules",
)  # fmt: skip
LOCAL_STATE = 'terraform {\n  backend "local" {}\n}\n'


class TerraformFailed(Exception):
    """Carries what Terraform said, its line breaks and frames taken out."""


@dataclass(frozen=True)
class Inputs:
    """The variables of one deployment: a file under env/, and what is said on top of it."""

    environment: str
    on_top: Mapping[str, Any] = field(default_factory=dict)

    def arguments(self) -> list[str]:
        said = [f"{key}={text if isinstance(text, str) else json.dumps(text)}" for key, text in self.on_top.items()]
        return [f"-var-file=env/{self.environment}.tfvars", *(f"-var={pair}" for pair in said)]

    def with_(self, **on_top: object) -> Inputs:
        return Inputs(self.environment, {**self.on_top, **on_top})


@dataclass(frozen=True)
class Workspace:
    """A copy of the repository, as far as Terraform reads it."""

    root: Path
    environ: Mapping[str, str] = field(repr=False)

    @property
    def directory(self) -> Path:
        return self.root / "terraform"

    def run(self, *arguments: str, says: str = "") -> str:
        """The output of one command; raises TerraformFailed. `says` is what it reads from its input."""
        done = subprocess.run(
            ["terraform", *arguments],
            cwd=self.directory, env=self.environ, input=says, capture_output=True, text=True, check=False,
        )  # fmt: skip
        if done.returncode:
            raise TerraformFailed(" ".join((done.stdout + done.stderr).replace("│", " ").split()))
        return done.stdout

    def plan(self, inputs: Inputs, *options: str) -> Plan:
        self.run("plan", "-no-color", "-input=false", "-out=one.tfplan", *options, *inputs.arguments())
        return Plan(self._shown("one.tfplan"), self.root)

    def apply(self) -> None:
        """Do what was planned last."""
        self.run("apply", "-no-color", "-input=false", "one.tfplan")

    def apply_at_once(self, inputs: Inputs, *options: str) -> str:
        """What Terraform prints: each thing that it does, in that order."""
        return self.run("apply", "-no-color", "-input=false", "-auto-approve", *options, *inputs.arguments())

    def state(self) -> Values:
        return self._shown()

    def _shown(self, *file: str) -> Values:
        shown: Values = json.loads(self.run("show", "-json", *file), object_hook=Values)
        return shown

    def copy(self, root: Path) -> Workspace:
        """Another one in the same state, initialised if this one is; the providers are shared."""
        shutil.copytree(
            self.root, root, symlinks=True, ignore=shutil.ignore_patterns("providers", "bundles", "*.tfplan")
        )
        providers = self.directory / ".terraform" / "providers"
        if providers.is_dir():
            (root / "terraform" / ".terraform" / "providers").symlink_to(providers.resolve())
        return Workspace(root, self.environ)

    def edit(self, path: str, old: str, new: str) -> None:
        """Put `new` in the place of `old`, which must be there exactly once."""
        file = self.root / path
        text = file.read_text(encoding="utf-8")
        assert text.count(old) == 1, f"{path} holds {text.count(old)} times: {old}"
        file.write_text(text.replace(old, new), encoding="utf-8")


def copied(root: Path, environ: Mapping[str, str], *, short: bool) -> Workspace:
    """A fresh copy. A short one has one line in place of each source, which makes Terraform several times faster."""
    for name in _READ:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, root / name, ignore=shutil.ignore_patterns(*_OWN))
        elif source.is_file():
            shutil.copy(source, root / name)
    for name in _WEB:
        (root / "web" / name).parent.mkdir(parents=True, exist_ok=True)
        (root / "web" / name).write_text(name, encoding="utf-8")
    if short:
        sources = [*root.glob("common/**/*.py"), *root.glob("local/**/*.py"), *root.glob("functions/*/main.py")]
        for path in [*sources, root / "requirements.txt"]:
            path.write_text(f"# {path.relative_to(root)}\n", encoding="utf-8")
    (root / "terraform" / "override.tf").write_text(LOCAL_STATE, encoding="utf-8")
    return Workspace(root, environ)
