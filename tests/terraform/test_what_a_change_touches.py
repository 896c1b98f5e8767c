"""What would be deployed again after a change: what it concerns, and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import pytest

from local.catalog import load
from tests.terraform.conftest import Applied
from tests.terraform.deployment import Plan
from tests.terraform.workspace import Workspace

CATALOG = load()
FUNCTION, BUNDLE = "google_cloudfunctions2_function.this", "google_storage_bucket_object.bundle"


@dataclass(frozen=True)
class Change:
    """A source that is edited, or variables that are given; and which functions' resources are touched."""

    touched: dict[str, set[str]]
    source: str | None = None
    variables: dict[str, Any] = field(default_factory=dict)


def _all(**by: str) -> set[str]:
    """The functions whose entries name something, like secrets="MEDIA_URL"."""
    ((key, wanted),) = by.items()
    return {name for name, entry in CATALOG.items() if wanted in getattr(entry, key)}


def _secret(key: str) -> Change:
    return Change({FUNCTION: _all(secrets=key)}, variables={"secret_versions": {key: "2"}})


CHANGES = {
    "one main.py": Change({FUNCTION: {"login"}, BUNDLE: {"login"}}, source="functions/login/main.py"),
    "write_log, whose address others know": Change(
        {FUNCTION: {"write_log"}, BUNDLE: {"write_log"}}, source="functions/write_log/main.py"
    ),
    "a file in common/": Change({FUNCTION: set(CATALOG), BUNDLE: set(CATALOG)}, source="common/quota.py"),
    "a file that is not deployed": Change({}, source="local/catalog.py"),
    "the signing key": _secret("JWT_SECRETS"),
    "the media host's secret": _secret("MEDIA_URL"),
    "a bucket for Cloudinary": Change({FUNCTION: {"upload_video"}}, variables={"media_host": "s3"}),
    "a setting": Change({FUNCTION: _all(options="BCRYPT_COST")}, variables={"settings": {"BCRYPT_COST": "10"}}),
    "the origins": Change(
        {FUNCTION: _all(environment="ALLOWED_ORIGINS")}, variables={"allowed_origins": ["https://other.example.com"]}
    ),
}


@pytest.fixture(scope="module")
def plans(
    staging: Applied, side_by_side: ThreadPoolExecutor, fresh_copy: Callable[[Workspace, str], Workspace]
) -> dict[str, Plan]:
    settings = staging.second.before.variables["settings"]

    def planned(what: str) -> Plan:
        change = CHANGES[what]
        copy = fresh_copy(staging.workspace, f"change {what}".replace("/", ""))
        if change.source:
            (copy.root / change.source).write_text("changed = True\n")
        more = dict(change.variables)
        if "settings" in more:
            more["settings"] = {**settings, **more["settings"]}
        return copy.plan(staging.inputs.with_(**more), "-refresh=false")

    return dict(zip(CHANGES, side_by_side.map(planned, CHANGES), strict=True))


@pytest.mark.parametrize("what", CHANGES)
def test_a_change_touches_what_it_concerns(plans: dict[str, Plan], what: str) -> None:
    touched = {
        address.split("].", 1)[-1] + " " + address.split('"')[1] if '"' in address else address
        for address in plans[what].changes
    }
    wanted = {f"{kind} {name}" for kind, names in CHANGES[what].touched.items() for name in names}
    assert touched == wanted


def test_a_load_balancer_is_added_and_taken_away_without_touching_anything_else(
    staging: Applied, production: Applied
) -> None:
    """Functions that browsers call are closed; one more API; and the uptime check of another host, with its alert."""
    domain = production.inputs.on_top["load_balancer"]
    on = staging.workspace.plan(staging.inputs.with_(load_balancer=domain)).changes
    created = {address for address, actions in on.items() if actions == ["create"]}
    replaced = {address for address, actions in on.items() if "delete" in actions}
    assert replaced == {
        'google_monitoring_alert_policy.uptime["check_storage"]',
        'google_monitoring_uptime_check_config.functions["check_storage"]',
    }
    updated = {address for address in set(on) - created - replaced if address.startswith("module.")}
    assert updated == {
        f'module.functions["{name}"].{FUNCTION}'
        for name, entry in CATALOG.items()
        if entry.caller in ("admin", "public", "user")
    }
    off = production.workspace.plan(production.inputs.with_(load_balancer="null")).changes
    assert {address for address, actions in off.items() if actions == ["delete"]} == created
