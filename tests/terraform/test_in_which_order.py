"""What Google takes in one order only: it deletes nothing that is still named, which a stand-in does not mind.

Held by what Terraform prints while it applies. Each of these was a failed apply that the next one does not mend.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator

import pytest

from tests.terraform.conftest import Applied
from tests.terraform.workspace import Inputs, Workspace

FreshCopy = Callable[[Workspace, str], Workspace]
BACKEND = 'google_compute_backend_service.functions["get_profile"]'
ENDPOINTS = 'google_compute_region_network_endpoint_group.functions["get_profile"]'
FUNCTION = 'module.functions["get_profile"].google_cloudfunctions2_function.this'
CHECK = 'google_monitoring_uptime_check_config.functions["check_storage"]'
POLICY = 'google_monitoring_alert_policy.uptime["check_storage"]'


def applied(workspace: Workspace, inputs: Inputs) -> list[tuple[str, str]]:
    """(address, "Destroying", "Modifications complete", ...) in the order in which it happens."""
    output = workspace.run("apply", "-no-color", "-input=false", "-auto-approve", *inputs.arguments())
    return re.findall(r"(?m)^(\S+): (Destroying|Creating|\w+ complete)", output)


def without(workspace: Workspace, function: str) -> None:
    shutil.rmtree(workspace.root / "functions" / function)
    catalog = workspace.root / "functions" / "catalog.yaml"
    rest = re.sub(rf"(?ms)^  {function}:\n.*?(?=^  \w+:\n|\Z)", "", catalog.read_text())
    catalog.write_text(rest)


def in_order(seen: list[tuple[str, str]], *wanted: tuple[str, str]) -> bool:
    rest: Iterator[tuple[str, str]] = iter(seen)
    return all(one in rest for one in wanted)


@pytest.fixture(scope="module")
def one_function_less(production: Applied, fresh_copy: FreshCopy) -> list[tuple[str, str]]:
    workspace = fresh_copy(production.workspace, "one function less")
    without(workspace, "get_profile")
    return applied(workspace, production.inputs)


def test_a_function_that_goes_is_let_go_of_by_the_load_balancer_first(one_function_less: list[tuple[str, str]]) -> None:
    assert in_order(
        one_function_less,
        ("google_compute_url_map.single_origin[0]", "Modifications complete"),
        (BACKEND, "Destroying"),
        (BACKEND, "Destruction complete"),
        (ENDPOINTS, "Destroying"),
    ), one_function_less
    assert (FUNCTION, "Destruction complete") in one_function_less


def test_a_function_that_is_made_again_is_destroyed_first(production: Applied, fresh_copy: FreshCopy) -> None:
    """Its name is taken by itself."""
    workspace = fresh_copy(production.workspace, "tainted")
    workspace.run("taint", FUNCTION)
    seen = applied(workspace, production.inputs)
    assert in_order(seen, (FUNCTION, "Destruction complete"), (FUNCTION, "Creating")), seen


def test_an_uptime_check_of_another_host_is_let_go_of_by_its_alert_first(
    staging: Applied, fresh_copy: FreshCopy
) -> None:
    """With a load balancer another host is asked, which is another check."""
    workspace = fresh_copy(staging.workspace, "another host")
    seen = applied(workspace, staging.inputs.with_(load_balancer={"domain": "api.example.com"}))
    assert in_order(
        seen,
        (POLICY, "Destruction complete"),
        (CHECK, "Destroying"),
        (CHECK, "Creation complete"),
        (POLICY, "Creating"),
    ), seen
