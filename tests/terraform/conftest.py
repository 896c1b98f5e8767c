"""What is made once: a copy that is initialised, two deployments of it, and mutants and changes on copies of those."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.terraform.deployment import Plan
from tests.terraform.providers import environment, kept_running, stand_in
from tests.terraform.workspace import Inputs, TerraformFailed, Workspace, copied

# What they object to is shown as in a test.
pytest.register_assert_rewrite(*(f"tests.terraform.{path.stem}" for path in Path(__file__).parent.glob("checks_*.py")))

# One environment as its file says, the other with all that the file leaves at its default, and the single origin.
STAGING = Inputs("staging")
PRODUCTION = Inputs(
    "prod",
    {
        "load_balancer": {"domain": "api.example.com"},
        "secret_versions": {"JWT_SECRETS": "3", "MEDIA_URL": "2"},
        "settings": {
            "BCRYPT_COST": "13",
            "MEDIA_ACCESS": "private",
            "MEDIA_DELIVERY_URL": "https://media.example.com",
            "MEDIA_FOLDER": "reelay-prod",
            "PLAYBACK_ALLOWANCE_BYTES": "1073741824",
            "STORAGE_QUOTA_BYTES": "104857600",
            "TOKEN_LIFETIME_SECONDS": "3600",
            "UPLOAD_BANDWIDTH_BYTES": "209715200",
            "UPLOAD_TICKET_SECONDS": "600",
        },
    },
)
INPUTS = {"staging": STAGING, "production": PRODUCTION}


@dataclass(frozen=True)
class Applied:
    """A deployment: the plan that made it, and the one that was made right after."""

    workspace: Workspace
    inputs: Inputs
    first: Plan
    second: Plan


@pytest.fixture(scope="session")
def environ(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Skips where there is no Terraform."""
    if shutil.which("terraform") is None:
        pytest.skip("terraform is not installed")
    return environment(tmp_path_factory.mktemp("terraform-stand-in"))


@pytest.fixture(scope="session")
def initialised(environ: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    """With one line in place of each source. Skips where the providers cannot be fetched."""
    workspace = copied(tmp_path_factory.mktemp("short"), environ, short=True)
    try:
        workspace.run("init", "-no-color", "-input=false")
    except TerraformFailed as failed:
        if "Failed to query available provider packages" in str(failed):
            pytest.skip("no stand-in for the providers, and the registry cannot be reached")
        raise
    provider = stand_in(workspace.directory)
    with kept_running(provider, environ) if provider else nullcontext(dict[str, str]()) as more:
        yield Workspace(workspace.root, {**environ, **more})


@pytest.fixture(scope="session")
def deployable(initialised: Workspace) -> Workspace:
    """Skips with the real provider, which would ask Google for what it plans and applies."""
    if stand_in(initialised.directory) is None:
        pytest.skip("needs a stand-in for the google provider: see REELAY_TERRAFORM_STAND_IN in tests/terraform")
    return initialised


def _applied(workspace: Workspace, inputs: Inputs) -> Applied:
    first = workspace.plan(inputs)
    workspace.apply()
    return Applied(workspace, inputs, first, workspace.plan(inputs))


@pytest.fixture(scope="session")
def side_by_side() -> Iterator[ThreadPoolExecutor]:
    """For runs of Terraform that do not need each other."""
    with ThreadPoolExecutor(max_workers=min(os.cpu_count() or 1, 4)) as executor:
        yield executor


@pytest.fixture(scope="session")
def deployments(deployable: Workspace, fresh_copy: Callable[[Workspace, str], Workspace]) -> dict[str, Applied]:
    return {name: _applied(fresh_copy(deployable, name), inputs) for name, inputs in INPUTS.items()}


@pytest.fixture(scope="session")
def staging(deployments: dict[str, Applied]) -> Applied:
    """Without a load balancer."""
    return deployments["staging"]


@pytest.fixture(scope="session")
def production(deployments: dict[str, Applied]) -> Applied:
    """With a load balancer, every option set and secrets of different versions."""
    return deployments["production"]


@pytest.fixture(scope="session")
def fresh_copy(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Workspace, str], Workspace]:
    directory: Path = tmp_path_factory.mktemp("copies")
    return lambda workspace, name: workspace.copy(directory / name)
