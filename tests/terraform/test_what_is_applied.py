"""What an apply makes, a second one leaves alone and a destroy takes away; and what holds of all that is there."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.terraform.checks import CHECKS, Check
from tests.terraform.conftest import Applied
from tests.terraform.workspace import Inputs, Workspace

BOTH = pytest.mark.parametrize("name", ["staging", "production"])


@BOTH
def test_a_first_apply_only_creates(deployments: dict[str, Applied], name: str) -> None:
    assert {tuple(actions) for actions in deployments[name].first.changes.values()} == {("create",)}


@BOTH
def test_an_apply_leaves_nothing_to_do(deployments: dict[str, Applied], name: str) -> None:
    assert deployments[name].second.changes == {}
    outputs = deployments[name].second.document["output_changes"].values()
    assert {tuple(output["actions"]) for output in outputs} == {("no-op",)}


@BOTH
@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_of_what_is_there(deployments: dict[str, Applied], name: str, check: Check) -> None:
    check(deployments[name].second.before)


def test_no_output_is_empty(production: Applied) -> None:
    assert all(production.second.before.outputs.values())


def test_production_as_its_file_has_it_gets_a_load_balancer_and_loses_it(
    production: Applied, deployable: Workspace, fresh_copy: Callable[[Workspace, str], Workspace]
) -> None:
    plain = Inputs(production.inputs.environment)
    workspace = fresh_copy(deployable, "load balancer")
    there = []
    for inputs in (plain, plain.with_(load_balancer={"domain": "api.example.com"}), plain):
        workspace.apply_at_once(inputs)
        settled = workspace.plan(inputs)
        assert settled.changes == {}
        there.append({resource.address for resource in settled.before.resources})
    assert there[0] == there[2] < there[1]


def test_a_destroy_leaves_nothing(production: Applied, fresh_copy: Callable[[Workspace, str], Workspace]) -> None:
    copy = fresh_copy(production.workspace, "destroyed")
    copy.apply_at_once(production.inputs, "-destroy")
    assert "values" not in copy.state()
