"""docs/operations.md as something to be followed: its commands, and a shell to paste them into."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from local.catalog import ROOT

GCLOUD = Path(__file__).with_name("gcloud.py")
MANUAL = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
# What operators put in the place of what stands in capitals.
OWN = {
    "OLD_NUMBER": "1",
    "LAST_GOOD": "last-good",
    "PROJECT": "my-reelay-staging",
    "REGION": "europe-west1",
    "REF": "ref",
}
HOME = "https://git.example.com/reelay/reelay"  # where the manual has it from
# make is not what is tried here: it writes down how it is called, and with which settings.
MAKE = (
    '#!/bin/sh\necho "$* DATABASE_URL=$DATABASE_URL SUPABASE_URL=$SUPABASE_URL KEY=$SUPABASE_SECRET_KEY" >> "$MADE"\n'
)


def commands(section: str) -> list[str]:
    """The blocks of commands under a heading, in their order."""
    text = re.split(r"(?m)^##+ ", MANUAL.split(f"# {section}\n", 1)[1])[0]
    blocks = re.findall(r"(?m)(?:^ {4,}\S.*\n)+", text)
    return [re.sub(r"(?m)^ +", "", block).replace("\\\n", "") for block in blocks]


@dataclass(frozen=True)
class Operator:
    """Somebody at a shell, in an empty directory at first, with gcloud, make and curl played."""

    directory: Path
    environ: Mapping[str, str] = field(repr=False)

    def types(self, block: str, *, where: str = "", answers: str = "", fails: bool = False) -> str:
        """What a block of the manual prints; what it asks for is answered. AssertionError if it fails, or does not."""
        for placeholder, own in OWN.items():
            block = re.sub(rf"\b{placeholder}\b", own, block)
        done = subprocess.run(
            ["bash", "-e", "-o", "pipefail", "-c", block],
            cwd=self.directory / where, env=self.environ, input=answers, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert (done.returncode != 0) is fails, f"{block}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    @property
    def made(self) -> str:
        """How make was called last."""
        return (self.directory / "made").read_text().splitlines()[-1]

    def secret(self, name: str) -> list[str]:
        """The values of a secret, the newest one last."""
        folder = self.directory / "played" / name
        return [path.read_text() for path in sorted(folder.iterdir(), key=lambda path: int(path.name))]


def operator(directory: Path, environ: Mapping[str, str], repository: Path) -> Operator:
    """At a shell in an empty directory; the address in the manual leads to `repository`."""
    binaries = directory / "bin"
    binaries.mkdir()
    (directory / "played").mkdir()
    (binaries / "make").write_text(MAKE)
    (binaries / "curl").write_text('#!/bin/sh\necho "$*" >> "$CURLED"\n')
    (binaries / "gcloud").write_text(f'#!/bin/sh\nexec "{sys.executable}" "{GCLOUD}" "$@"\n')
    for program in binaries.iterdir():
        program.chmod(0o755)
    return Operator(
        directory,
        {
            **environ,
            "PATH": f"{binaries}:{os.environ['PATH']}",
            "GCLOUD_PLAYED": str(directory / "played"),
            "MADE": str(directory / "made"),
            "CURLED": str(directory / "curled"),
            "GIT_CONFIG_COUNT": "1",
            "GIT_CONFIG_KEY_0": f"url.{repository}.insteadOf",
            "GIT_CONFIG_VALUE_0": HOME,
        },
    )
