"""What an apply makes, a second one leaves alone and a destroy takes away; and what holds of all that is there."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.terraform.checks import CHECKS, Check
from tests.terraform.conftest import Applied
from tests.terraform.workspace import Workspace

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
def test_the_plan_said_all_that_was_made(deployments: dict[str, Applied], name: str) -> None:
    there = {resource.address for resource in deployments[name].second.before.resources}
    assert set(deployments[name].first.changes) == there


@BOTH
@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_of_what_is_there(deployments: dict[str, Applied], name: str, check: Check) -> None:
    check(deployments[name].second.before)


def test_no_output_is_empty(production: Applied) -> None:
    outputs = production.workspace.state()["values"]["outputs"]
    assert all(output["value"] for output in outputs.values())
    assert set(outputs["urls"]["value"]) == set(production.second.before.functions)


def test_a_destroy_leaves_nothing(production: Applied, fresh_copy: Callable[[Workspace, str], Workspace]) -> None:
    copy = fresh_copy(production.workspace, "destroyed")
    copy.apply_at_once(production.inputs, "-destroy")
    assert "values" not in copy.state()
