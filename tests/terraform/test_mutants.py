"""The checks see what they are there for: each mutant is caught by at least one, the unspoilt configuration by none."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace

import pytest

from tests.terraform.checks import CHECKS
from tests.terraform.conftest import Applied
from tests.terraform.deployment import Deployment, Plan, Values
from tests.terraform.mutants import MUTANTS, Mutant, Scene
from tests.terraform.workspace import Workspace

SCENES: tuple[Scene, ...] = ("applied", "bucket", "common changed", "from nothing")
Planned = Mapping[str, Future[Deployment]]


@pytest.fixture(scope="module")
def planned(
    production: Applied, side_by_side: ThreadPoolExecutor, fresh_copy: Callable[[Workspace, str], Workspace]
) -> Planned:
    """What is deployed by every mutant, and by the unspoilt configuration in every scene."""

    def deployment(name: str, scene: Scene, mutant: Mutant | None) -> Deployment:
        copy = fresh_copy(production.workspace, f"mutant {name}".replace("/", ""))
        if mutant:
            copy.edit(f"terraform/{mutant.file}", mutant.old, mutant.new)
        return _deployed(copy, production, scene)

    clean: dict[str, Future[Deployment]] = {
        scene: side_by_side.submit(deployment, f"clean {scene}", scene, None) for scene in SCENES
    }
    spoilt = {name: side_by_side.submit(deployment, name, one.scene, one) for name, one in MUTANTS.items()}
    return {**clean, **spoilt}


def _deployed(copy: Workspace, production: Applied, scene: Scene) -> Deployment:
    inputs = production.inputs.with_(media_host="s3") if scene == "bucket" else production.inputs
    if scene == "from nothing":
        (copy.directory / "terraform.tfstate").unlink()
        copy.apply_at_once(inputs)
        return Plan(Values(production.first.document | {"prior_state": copy.state()}), copy.root).before
    planned = copy.plan(inputs, "-refresh=false").planned
    if scene == "common changed":
        (copy.root / "common" / "quota.py").write_text("changed = True\n")
        then = copy.plan(inputs, "-refresh=false").planned
        return replace(then, changed=_bundles(then) - _bundles(planned))
    return planned


def _bundles(deployment: Deployment) -> frozenset[str]:
    return frozenset(one["name"] for one in deployment.all("google_storage_bucket_object") if one.name == "bundle")


def every_bundle_has_another_name(deployment: Deployment) -> None:
    """Or else its function would not be deployed again."""
    assert deployment.changed == _bundles(deployment)


def _caught(deployment: Deployment, scene: Scene) -> list[str]:
    """The names of the checks that object."""
    checks = (*CHECKS, every_bundle_has_another_name) if scene == "common changed" else CHECKS
    caught = []
    for check in checks:
        try:
            check(deployment)
        except AssertionError:
            caught.append(check.__name__)
    return caught


@pytest.mark.parametrize("scene", SCENES)
def test_the_unspoilt_configuration_passes_every_check(planned: Planned, scene: Scene) -> None:
    assert _caught(planned[scene].result(), scene) == []


@pytest.mark.parametrize("name", MUTANTS)
def test_a_mutant_is_caught(planned: Planned, name: str) -> None:
    assert _caught(planned[name].result(), MUTANTS[name].scene)


def test_the_table_of_mutants_is_shown(planned: Planned, record_property: Callable[[str, object], None]) -> None:
    caught = {name: _caught(planned[name].result(), mutant.scene) for name, mutant in MUTANTS.items()}
    lines = [f"  {name:45} {', '.join(checks) or 'NOTHING'}" for name, checks in caught.items()]
    record_property("shown", "\n".join([f"{len(MUTANTS)} mutants, and what caught them:", *lines]))
    assert all(caught.values())
