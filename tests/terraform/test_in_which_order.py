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
BUNDLE = 'module.functions["login"].google_storage_bucket_object.bundle'
LOGIN = 'module.functions["login"].google_cloudfunctions2_function.this'
CHECK = 'google_monitoring_uptime_check_config.functions["check_storage"]'
POLICY = 'google_monitoring_alert_policy.uptime["check_storage"]'


def applied(workspace: Workspace, inputs: Inputs) -> list[tuple[str, str]]:
    """(address, "Destroying", "Modifications complete", ...) in the order in which it happens; replaced: twice."""
    output = workspace.apply_at_once(inputs)
    return re.findall(r"(?m)^(\S+?)(?: \(deposed object \w+\))?: (Destroying|Creating|\w+ complete)", output)


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


def test_a_bundle_is_there_until_nothing_is_made_from_it(staging: Applied, fresh_copy: FreshCopy) -> None:
    workspace = fresh_copy(staging.workspace, "another bundle")
    (workspace.root / "functions" / "login" / "main.py").write_text("changed = True\n")
    seen = applied(workspace, staging.inputs)
    assert in_order(
        seen,
        (BUNDLE, "Creation complete"),
        (LOGIN, "Modifications complete"),
        (BUNDLE, "Destruction complete"),
    ), seen


def test_a_function_waits_for_what_its_build_and_its_start_need(initialised: Workspace) -> None:
    """The order of one apply shows nothing here: what does not wait may come late by chance."""
    waits: dict[str, set[str]] = {}
    for one, other in re.findall(r'"([^"]+)" -> "([^"]+)"', initialised.run("graph")):
        waits.setdefault(one, set()).add(other)

    def needs(address: str) -> set[str]:
        found, ahead = set[str](), [address]
        while ahead:
            new = waits.get(ahead.pop(), set()) - found
            found |= new
            ahead += new
        return found

    for call in ("functions", "media_functions", "task_functions"):
        assert needs(f"module.{call}.google_cloudfunctions2_function.this") >= {
            "google_artifact_registry_repository_iam_member.build_images",
            "google_project_iam_member.build_logs",
            "google_project_iam_member.build_sources",
            "google_project_service.required",
            "google_storage_bucket_iam_member.build_bundles",
            f"module.{call}.google_secret_manager_secret_iam_member.accessor",
        }, call
