"""The audit queue and the daily job: what Google calls, as whom, how often and how long it tries."""

from __future__ import annotations

import base64

from local.catalog import load
from tests.terraform.deployment import Deployment

CATALOG = load()
_JOBS = {name: entry for name, entry in CATALOG.items() if entry.schedule}

# Chosen, not found: terraform/tasks.tf says why. Who changes one of them changes it here, too.
_RATES = {"max_dispatches_per_second": 500, "max_concurrent_dispatches": 32}
_RETRIES = {
    "max_attempts": 100,
    "max_retry_duration": "604800s",
    "min_backoff": "1s",
    "max_backoff": "300s",
    "max_doublings": 8,
}
_JOB_RETRIES = {"retry_count": 5, "min_backoff_duration": "60s", "max_backoff_duration": "900s", "max_doublings": 4}


def the_queue_has_the_rates_and_retries_that_were_chosen(deployment: Deployment) -> None:
    queue = deployment.one("google_cloud_tasks_queue", "audit")
    assert {key: queue[f"rate_limits.{key}"] for key in _RATES} == _RATES
    assert {key: queue[f"retry_config.{key}"] for key in _RETRIES} == _RETRIES
    assert queue["name"] == deployment.variables["audit_queue_name"]
    assert queue["location"] == deployment.variables["region"]


def write_log_has_room_for_what_the_queue_sends_at_once(deployment: Deployment) -> None:
    most = deployment.functions["write_log"]["service_config.max_instance_count"]
    assert most * CATALOG["write_log"].concurrency >= _RATES["max_concurrent_dispatches"]


def each_schedule_has_its_job_at_its_time_in_utc(deployment: Deployment) -> None:
    jobs = {job.key: job for job in deployment.all("google_cloud_scheduler_job")}
    assert sorted(jobs) == sorted(_JOBS)
    for name, job in jobs.items():
        assert (job["schedule"], job["time_zone"]) == (_JOBS[name].schedule, "Etc/UTC")
        assert job["paused"] is not True


def a_job_waits_as_long_as_the_function_may_run_and_tries_again(deployment: Deployment) -> None:
    for job in deployment.all("google_cloud_scheduler_job"):
        assert int(job["attempt_deadline"].removesuffix("s")) >= CATALOG[job.key].timeout_seconds
        assert {key: job[f"retry_config.{key}"] for key in _JOB_RETRIES} == _JOB_RETRIES


def a_job_posts_json_to_its_function_for_whose_address_its_token_is(deployment: Deployment) -> None:
    for job in deployment.all("google_cloud_scheduler_job"):
        assert job["http_target.uri"] == deployment.url(job.key)
        assert job["http_target.oidc_token.audience"] == job["http_target.uri"]
        assert job["http_target.oidc_token.service_account_email"] == deployment.account("scheduler")["email"]
        assert job["http_target.http_method"] in CATALOG[job.key].methods
        assert job["http_target.headers"] == {"Content-Type": "application/json"}
        assert base64.b64decode(job["http_target.body"]) == b"{}"
