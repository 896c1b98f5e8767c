"""Where Terraform's providers come from: a stand-in where there is one, else the registry."""

from __future__ import annotations

import gzip
import json
import os
import re
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from local.catalog import ROOT


def environment(directory: Path) -> dict[str, str]:
    """The environment of every run: where providers come from, and nothing of the machine's own settings or rights."""
    foreign = ("TF_", "GOOGLE_", "GCLOUD_", "CLOUDSDK_")
    environ = {key: value for key, value in os.environ.items() if not key.startswith(foreign)}
    environ |= {
        "CHECKPOINT_DISABLE": "1",
        "CLOUDSDK_CONFIG": str(directory),
        "GOOGLE_OAUTH_ACCESS_TOKEN": "made-up",
    }
    return environ | _providers(directory)


def _providers(directory: Path) -> dict[str, str]:
    """The variables that say where the providers are; none: in the registry.

    TF_CLI_CONFIG_FILE as it is given (one that is not there says nothing, as to Terraform itself), else of the stand-in
    that REELAY_TERRAFORM_STAND_IN names, or that lies in a folder shared/ beside or above the repository.
    """
    given = Path(os.environ.get("TF_CLI_CONFIG_FILE", ""))
    if given.is_file():
        return {"TF_CLI_CONFIG_FILE": str(given.resolve())}
    named = os.environ.get("REELAY_TERRAFORM_STAND_IN")
    beside = (parent / "shared" / "terraform-stand-in" for parent in ROOT.parents)
    found = Path(named) if named else next(filter(Path.is_dir, beside), None)
    if found is None:
        return {}
    done = subprocess.run([found / "setup", directory], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return {
        "TF_CLI_CONFIG_FILE": done.stdout.strip(),
        "STUB_RULES_GOOGLE": str(Path(__file__).with_name("stand_in_rules.py")),
        "STUB_SCHEMA_GOOGLE": str(_schema_of_what_is_used(found / "google.schema.json.gz", directory)),
    }


def _schema_of_what_is_used(schema: Path, directory: Path) -> Path:
    """The google provider's schema without the thousand types that nothing here has: each run reads all of it."""
    used = {
        name
        for path in (ROOT / "terraform").rglob("*.tf")
        for name in re.findall(r'(?m)^ *(?:resource|data) "(google_\w+)"', path.read_text(encoding="utf-8"))
    }
    document = json.loads(gzip.decompress(schema.read_bytes()))
    for provider in document["provider_schemas"].values():
        for kind in ("resource_schemas", "data_source_schemas"):
            provider[kind] = {name: one for name, one in provider[kind].items() if name in used}
    short = directory / "google.schema.json"
    short.write_text(json.dumps(document), encoding="utf-8")
    return short


def stand_in(directory: Path) -> Path | None:
    """The google provider of an initialised folder if it is a script; None: it is a binary, the real one."""
    found = sorted((directory / ".terraform" / "providers").glob("*/*/google/*/*/terraform-provider-google*"))
    return found[0] if found and found[0].read_bytes().startswith(b"#!") else None


@contextmanager
def kept_running(provider: Path, environ: Mapping[str, str]) -> Iterator[dict[str, str]]:
    """A variable by which Terraform finds a stand-in that runs already; else it starts it four times a plan.

    It holds one configuration at a time: deployments of different projects must not be applied side by side.
    """
    with subprocess.Popen([provider, "--reattach"], env=environ, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        try:
            yield {"TF_REATTACH_PROVIDERS": line} if line.startswith("{") else {}
        finally:
            process.terminate()
