"""The checks see what they are there for: each mutant is caught by at least one, the unspoilt configuration by none."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import pytest

from tests.terraform.checks import CHECKS
from tests.terraform.conftest import Applied
from tests.terraform.deployment import Deployment, Plan, Values
from tests.terraform.mutants import MUTANTS, Mutant, Scene
from tests.terraform.workspace import Workspace

SCENES: tuple[Scene, ...] = ("applied", "bucket", "common changed", "from nothing")


@dataclass(frozen=True)
class Seen:
    """What is deployed, and what the bundles were called before common/ changed, if it did."""

    deployment: Deployment
    earlier: frozenset[str] = frozenset()


Planned = Mapping[str, Future[Seen]]


@pytest.fixture(scope="module")
def planned(
    production: Applied, side_by_side: ThreadPoolExecutor, fresh_copy: Callable[[Workspace, str], Workspace]
) -> Planned:
    """What is deployed by every mutant, and by the unspoilt configuration in every scene."""

    def deployment(name: str, scene: Scene, mutant: Mutant | None) -> Seen:
        copy = fresh_copy(production.workspace, f"mutant {name}".replace("/", ""))
        if mutant:
            copy.edit(f"terraform/{mutant.file}", mutant.old, mutant.new)
        return _deployed(copy, production, scene)

    clean: dict[str, Future[Seen]] = {
        scene: side_by_side.submit(deployment, f"clean {scene}", scene, None) for scene in SCENES
    }
    spoilt = {name: side_by_side.submit(deployment, name, one.scene, one) for name, one in MUTANTS.items()}
    return {**clean, **spoilt}


def _deployed(copy: Workspace, production: Applied, scene: Scene) -> Seen:
    inputs = production.inputs.with_(media_host="s3") if scene == "bucket" else production.inputs
    if scene == "from nothing":
        (copy.directory / "terraform.tfstate").unlink()
        copy.apply_at_once(inputs)
        return Seen(Plan(Values(production.first.document | {"prior_state": copy.state()}), copy.root).before)
    planned = copy.plan(inputs, "-refresh=false").planned
    if scene == "common changed":
        (copy.root / "common" / "quota.py").write_text("changed = True\n")
        return Seen(copy.plan(inputs, "-refresh=false").planned, _bundles(planned))
    return Seen(planned)


def _bundles(deployment: Deployment) -> frozenset[str]:
    return frozenset(one["name"] for one in deployment.all("google_storage_bucket_object") if one.name == "bundle")


def _caught(seen: Seen) -> list[str]:
    """The names of the checks that object."""

    def every_bundle_has_another_name(deployment: Deployment) -> None:
        """Or else its function would not be deployed again."""
        assert not seen.earlier & _bundles(deployment)

    caught = []
    for check in (*CHECKS, every_bundle_has_another_name):
        try:
            check(seen.deployment)
        except AssertionError:
            caught.append(check.__name__)
    return caught


@pytest.mark.parametrize("scene", SCENES)
def test_the_unspoilt_configuration_passes_every_check(planned: Planned, scene: Scene) -> None:
    assert _caught(planned[scene].result()) == []


@pytest.mark.parametrize("name", MUTANTS)
def test_a_mutant_is_caught(planned: Planned, name: str) -> None:
    assert _caught(planned[name].result())


def test_the_table_of_mutants_is_shown(planned: Planned, record_property: Callable[[str, object], None]) -> None:
    caught = {name: _caught(planned[name].result()) for name in MUTANTS}
    lines = [f"  {name:45} {', '.join(checks) or 'NOTHING'}" for name, checks in caught.items()]
    record_property("shown", "\n".join([f"{len(MUTANTS)} mutants, and what caught them:", *lines]))
    assert all(caught.values())
