"""What operators and frontends are shown: outputs, the console's file, the dashboard, labels."""

from __future__ import annotations

import json
from typing import Any

from local.catalog import load
from tests.terraform.deployment import Deployment

CATALOG = load()
_FOR_BROWSERS = ("admin", "public", "user")

# What a chart must draw, as (a part of its filter or query, how points are made, how they are put together).
_CHARTS = [
    ('request_count"', "ALIGN_RATE", "REDUCE_SUM"),
    ('response_code_class="5xx"', "ALIGN_RATE", "REDUCE_SUM"),
    *[('request_latencies"', "ALIGN_DELTA", f"REDUCE_PERCENTILE_{percent}") for percent in (50, 95, 99)],
    ('response_code=one_of("413", "429")', "ALIGN_RATE", "REDUCE_SUM"),
    ('instance_count"', "ALIGN_MAX", "REDUCE_SUM"),
    ("container_startup_latencies_count{", "", ""),
    ('queue/depth"', "ALIGN_MAX", "REDUCE_SUM"),
    ('task_attempt_delays"', "ALIGN_DELTA", "REDUCE_PERCENTILE_99"),
]


def the_outputs_name_every_function_by_its_address_and_account(deployment: Deployment) -> None:
    assert deployment.outputs["urls"] == {name: deployment.url(name) for name in CATALOG}
    own = {name: deployment.account_of(name)["email"] for name in CATALOG}
    others = {name: deployment.account(name)["email"] for name in ("build", "scheduler", "tasks")}
    assert deployment.outputs["service_account_emails"] == own | others


def frontends_are_told_what_browsers_may_call(deployment: Deployment) -> None:
    origin = f"https://{deployment.variables['load_balancer']['domain']}" if deployment.has_load_balancer else None
    told = json.loads(deployment.outputs["console_config"])
    assert told == {
        "environment": deployment.variables["environment"],
        "functions": {
            name: f"{origin}/{name}" if origin else deployment.url(name)
            for name, entry in CATALOG.items()
            if entry.caller in _FOR_BROWSERS
        },
    }


def the_console_is_served_with_what_it_is_told(deployment: Deployment) -> None:
    """Of web/ what browsers understand; no notes, no tests, nothing that is hidden."""
    files = {one["name"]: one for one in deployment.all("google_storage_bucket_object") if one.name != "bundle"}
    if not deployment.has_load_balancer:
        assert files == {}
        return
    assert {name: one["content_type"] for name, one in files.items()} == {
        "config.json": "application/json",
        "index.html": "text/html; charset=utf-8",
        "assets/player.js": "text/javascript; charset=utf-8",
    }
    assert files["config.json"]["content"] == deployment.outputs["console_config"]
    assert files["config.json"]["cache_control"] == "no-cache"


def the_dashboard_draws_what_is_asked_first_in_an_outage(deployment: Deployment) -> None:
    drawn = json.loads(deployment.one("google_monitoring_dashboard", "reelay")["dashboard_json"])
    charts = [_chart(tile) for tile in drawn["mosaicLayout"]["tiles"]]
    for part, aligner, reducer in _CHARTS:
        assert [one for one in charts if part in one[0] and one[1:] == (aligner, reducer)], (part, aligner, reducer)


def _chart(tile: dict[str, Any]) -> tuple[str, str, str]:
    query = tile["widget"]["xyChart"]["dataSets"][0]["timeSeriesQuery"]
    if "prometheusQuery" in query:
        return query["prometheusQuery"], "", ""
    how = query["timeSeriesFilter"]["aggregation"]
    return query["timeSeriesFilter"]["filter"], how["perSeriesAligner"], how["crossSeriesReducer"]


def each_function_is_labelled_with_its_name_and_who_calls_it(deployment: Deployment) -> None:
    for name, function in deployment.functions.items():
        assert function["labels"] == {"caller": CATALOG[name].caller, "function": name}


def everything_that_has_a_region_is_in_the_one_that_was_asked_for(deployment: Deployment) -> None:
    for resource in deployment.resources:
        for key in ("location", "region"):
            if isinstance(resource[key], str):
                assert resource[key].lower() == deployment.variables["region"], resource.address
