"""Wrong input is refused when it is planned, in words that name it: a few ways through the whole configuration.

terraform/tests/ goes through all of them by themselves.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import pytest
import yaml

from tests.terraform.conftest import STAGING
from tests.terraform.workspace import TerraformFailed, Workspace

CATALOG = "functions/catalog.yaml"


@dataclass(frozen=True)
class Wrong:
    """What is done, and what is said about it."""

    says: str
    spoil: Callable[[Workspace], object] = lambda workspace: None
    variables: dict[str, Any] = field(default_factory=dict)


def _renamed(old: str, new: str) -> Callable[[Workspace], None]:
    """Folder and entry."""

    def spoil(workspace: Workspace) -> None:
        (workspace.root / "functions" / old).rename(workspace.root / "functions" / new)
        workspace.edit(CATALOG, f"\n  {old}:\n", f"\n  {new}:\n")

    return spoil


def _edited(old: str, new: str) -> Callable[[Workspace], None]:
    return lambda workspace: workspace.edit(CATALOG, old, new)


def _entry(name: str, **changed: object) -> Callable[[Workspace], None]:
    """A function's entry with other values."""

    def spoil(workspace: Workspace) -> None:
        path = workspace.root / CATALOG
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
        document["functions"][name] |= changed
        path.write_text(yaml.safe_dump(document), encoding="utf-8")

    return spoil


WRONG = {
    "a folder without an entry": Wrong(
        "Folders under functions/ without an entry in functions/catalog.yaml: logout.",
        lambda one: shutil.copytree(one.root / "functions" / "login", one.root / "functions" / "logout"),
    ),
    "an entry without a folder": Wrong(
        "Entries of functions/catalog.yaml without functions/<name>/main.py: get_profile.",
        lambda one: shutil.rmtree(one.root / "functions" / "get_profile"),
    ),
    "an unknown secret": Wrong(
        "functions/catalog.yaml names secrets that do not exist (terraform/secrets.tf): upload_video: MEDIA_URI.",
        _entry("upload_video", secrets=["SUPABASE_SECRET_KEY", "JWT_SECRETS", "MEDIA_URI"]),
    ),
    "a misspelt key that is required": Wrong(
        "timeout_seconds",
        _edited("timeout_seconds: 240", "timeout_second: 240"),
    ),
    "a misspelt key that is optional": Wrong(
        "functions/catalog.yaml: unknown keys: register.option.",
        _edited("options: [BCRYPT_COST]", "option: [BCRYPT_COST]"),
    ),
    "a name that is too long": Wrong(
        "so a function's has 27: abcdefghijklmnopqrstuvwxyz_1.",
        _renamed("get_profile", "abcdefghijklmnopqrstuvwxyz_1"),
    ),
    "a missing variable": Wrong(
        'The root module input variable "region" is not set, and has no default value.',
        lambda one: one.edit("terraform/env/staging.tfvars", 'region       = "europe-west1"\n', ""),
    ),
    "a project without billing": Wrong(
        "Project my-reelay-staging has no billing account, or none that can be seen",
        # What a project with billing gives is told as if there were none.
        lambda one: one.edit("terraform/project.tf", 'self.billing_account != ""', 'self.billing_account == ""'),
    ),
    "a zone for a region": Wrong(
        "region must be one that has Cloud Functions, Cloud Tasks and Cloud Scheduler, like europe-west1",
        variables={"region": "europe-west1-b"},
    ),
    "no origin": Wrong("allowed_origins must name at least one origin", variables={"allowed_origins": []}),
    "any origin": Wrong("allowed_origins must list origins one by one", variables={"allowed_origins": ["*"]}),
}  # fmt: skip


@pytest.fixture(scope="module")
def refusals(
    initialised: Workspace, side_by_side: ThreadPoolExecutor, fresh_copy: Callable[[Workspace, str], Workspace]
) -> dict[str, str]:
    def refusal(what: str) -> str:
        copy = fresh_copy(initialised, f"wrong {what}")
        WRONG[what].spoil(copy)
        try:
            copy.plan(STAGING.with_(**WRONG[what].variables))
        except TerraformFailed as failed:
            return str(failed)
        return "nothing"

    return dict(zip(WRONG, side_by_side.map(refusal, WRONG), strict=True))


@pytest.mark.parametrize("what", WRONG)
def test_wrong_input_is_refused_by_its_name(refusals: dict[str, str], what: str) -> None:
    assert WRONG[what].says in refusals[what]
