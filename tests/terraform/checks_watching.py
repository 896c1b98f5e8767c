"""Alerts, the uptime check and the log sink: what is looked for, and what the message says to do."""

from __future__ import annotations

import contextlib
import io
import json
from typing import Any

from common.audit import print_fallback
from local.catalog import load
from tests.terraform.deployment import Deployment, Resource

CATALOG = load()
_SERVICES = 'resource.type="cloud_run_revision" AND resource.label.service_name=starts_with("fn-")'
_REQUESTS = f'{_SERVICES} AND metric.type="run.googleapis.com/request_count"'
_QUICK = sorted(name for name, entry in CATALOG.items() if entry.timeout_seconds <= 60)

# Policy -> section of docs/operations.md.
RUNBOOKS = {
    "audit_fallback": "runbook-audit-fallback",
    "audit_queue": "runbook-audit-queue",
    "errors": "runbook-errors",
    "latency": "runbook-latency",
    "scheduler": "runbook-scheduler",
    "uptime": "runbook-uptime",
}


# (for how long, from points of how long, how they are made, how they are put together) of each condition on a metric.
HOW = {
    "errors": [("300s", "300s", "ALIGN_RATE", "REDUCE_SUM")],
    "latency": [("600s", "300s", "ALIGN_DELTA", "REDUCE_PERCENTILE_95")],
    "audit_queue": [
        ("300s", "300s", "ALIGN_DELTA", "REDUCE_PERCENTILE_99"),
        ("900s", "300s", "ALIGN_MIN", "REDUCE_SUM"),
    ],
    "uptime": [("60s", "600s", "ALIGN_NEXT_OLDER", "REDUCE_COUNT_FALSE")],
}


def _conditions(deployment: Deployment, policy: str, kind: str = "condition_threshold") -> list[dict[str, Any]]:
    conditions = deployment.one("google_monitoring_alert_policy", policy).blocks("conditions")
    found = [block for condition in conditions for block in condition[kind]]
    assert len(found) == len(conditions) > 0, policy
    return found


def _resource_names(names: list[str]) -> str:
    return ", ".join(f'"{CATALOG[name].resource_name}"' for name in names)


def each_alert_says_where_to_read_what_to_do(deployment: Deployment) -> None:
    policies = {one.name: one for one in deployment.all("google_monitoring_alert_policy")}
    assert sorted(policies) == sorted(RUNBOOKS)
    for name, policy in policies.items():
        link = f"{deployment.variables['runbooks']}#{RUNBOOKS[name]}"
        assert policy["documentation.content"].strip().endswith(f"What to do: {link}"), name


def each_alert_reaches_everybody_who_asked_for_it(deployment: Deployment) -> None:
    channels = deployment.all("google_monitoring_notification_channel")
    assert {one["labels"]["email_address"] for one in channels} == set(deployment.variables["alert_emails"])
    assert all(one["force_delete"] for one in channels), "a policy still names a channel when Terraform deletes it"
    for policy in deployment.all("google_monitoring_alert_policy"):
        assert sorted(policy["notification_channels"] or []) == sorted(one["id"] for one in channels), policy.name
        assert policy["enabled"] is not False, policy.name


def alerts_on_metrics_wait_and_count_as_was_chosen(deployment: Deployment) -> None:
    for policy, wanted in HOW.items():
        found = [(one["duration"], *_points(one["aggregations"])) for one in _conditions(deployment, policy)]
        assert found == wanted, policy
    (errors,) = _conditions(deployment, "errors")
    assert _points(errors["denominator_aggregations"]) == HOW["errors"][0][1:]


def _points(aggregations: list[dict[str, Any]]) -> tuple[str, str, str]:
    (one,) = aggregations
    return one["alignment_period"], one["per_series_aligner"], one["cross_series_reducer"]


def alerts_on_lines_of_a_log_do_not_repeat_themselves(deployment: Deployment) -> None:
    """Without a limit Google refuses them, too."""
    for policy in ("audit_fallback", "scheduler"):
        found = deployment.one("google_monitoring_alert_policy", policy)
        assert found["alert_strategy.notification_rate_limit.period"] == "3600s", policy


def errors_are_the_share_of_5xx_among_each_functions_answers(deployment: Deployment) -> None:
    (condition,) = _conditions(deployment, "errors")
    assert condition["filter"] == f'{_REQUESTS} AND metric.label.response_code_class="5xx"'
    assert condition["denominator_filter"] == _REQUESTS
    assert _compares(condition, deployment.variables["alert_thresholds"]["error_ratio"])
    for aggregations in ("aggregations", "denominator_aggregations"):
        assert condition[aggregations][0]["group_by_fields"] == ["resource.label.service_name"]


def latency_is_that_of_functions_that_promise_to_be_quick(deployment: Deployment) -> None:
    (condition,) = _conditions(deployment, "latency")
    services = f'resource.type="cloud_run_revision" AND resource.label.service_name=one_of({_resource_names(_QUICK)})'
    assert condition["filter"] == f'{services} AND metric.type="run.googleapis.com/request_latencies"'
    assert _compares(condition, deployment.variables["alert_thresholds"]["latency_p95_ms"])


def the_queue_is_watched_for_lateness_and_length(deployment: Deployment) -> None:
    late, deep = _conditions(deployment, "audit_queue")
    queue = (
        f'resource.type="cloud_tasks_queue" AND resource.label.queue_id="{deployment.variables["audit_queue_name"]}"'
    )
    metric = "cloudtasks.googleapis.com/queue"
    assert late["filter"] == f'{queue} AND metric.type="{metric}/task_attempt_delays"'
    assert deep["filter"] == f'{queue} AND metric.type="{metric}/depth"'
    thresholds = deployment.variables["alert_thresholds"]
    assert _compares(late, thresholds["queue_age_seconds"] * 1000)
    assert _compares(deep, thresholds["queue_depth"])


def a_failed_job_is_seen_in_the_schedulers_log(deployment: Deployment) -> None:
    (condition,) = _conditions(deployment, "scheduler", "condition_matched_log")
    names = _resource_names([name for name, entry in CATALOG.items() if entry.schedule]).replace(", ", " OR ")
    assert condition["filter"] == (
        f'resource.type="cloud_scheduler_job" AND resource.labels.job_id=({names}) AND severity>=ERROR'
    )


def printed_audit_events_are_kept_and_reported_by_the_name_that_the_code_gives_them(deployment: Deployment) -> None:
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        print_fallback("{}")
    name = json.loads(printed.getvalue())["message"]
    wanted = f'resource.type="cloud_run_revision" AND jsonPayload.message="{name}"'
    (condition,) = _conditions(deployment, "audit_fallback", "condition_matched_log")
    assert condition["filter"] == wanted
    assert deployment.one("google_logging_project_sink", "audit_fallback")["filter"] == wanted


def the_uptime_check_wants_our_401_from_where_browsers_ask(deployment: Deployment) -> None:
    (check,) = deployment.all("google_monitoring_uptime_check_config")
    assert CATALOG[check.key].caller == "user"
    assert "GET" in CATALOG[check.key].methods
    origin = deployment.url(check.key).removeprefix("https://")
    host = deployment.variables["load_balancer"]["domain"] if deployment.has_load_balancer else origin
    assert check["monitored_resource.labels"] == {"host": host, "project_id": deployment.variables["project_id"]}
    assert (check["http_check.path"], check["http_check.request_method"]) == (f"/{check.key}", "GET")
    assert (check["period"], len(check["selected_regions"])) == ("300s", 3)
    assert (check["http_check.use_ssl"], check["http_check.validate_ssl"]) == (True, True)
    assert [one["status_value"] for one in check.blocks("http_check.accepted_response_status_codes")] == [401]
    assert (check["content_matchers.content"], check["content_matchers.matcher"]) == (
        "invalid_token",
        "CONTAINS_STRING",
    )
    _it_alone_is_alerted(deployment, check)


def _it_alone_is_alerted(deployment: Deployment, check: Resource) -> None:
    (condition,) = _conditions(deployment, "uptime")
    assert condition["filter"] == (
        'resource.type="uptime_url" AND metric.type="monitoring.googleapis.com/uptime_check/check_passed"'
        f' AND metric.label.check_id="{check["uptime_check_id"]}"'
    )
    assert _compares(condition, 1)


def _compares(condition: dict[str, Any], threshold: float) -> bool:
    return (condition["comparison"], condition["threshold_value"]) == ("COMPARISON_GT", threshold)
