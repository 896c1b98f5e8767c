"""Terraform spoilt in one place each: mistakes that plan without a word, and the checks that must see them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

# What a mutant is planned on: the single origin as applied; the same with a bucket for videos; the same after common/
# has changed; or nothing at all, and then applied. The last for what the provider goes on with when it is not said.
Scene = Literal["applied", "bucket", "common changed", "from nothing"]


@dataclass(frozen=True)
class Mutant:
    """In `file` under terraform/, `new` stands in the place of `old`."""

    file: str
    old: str
    new: str
    scene: Scene = field(default="applied")


_MODULE = "modules/function/main.tf"
_OTHERS_ARE_TOLD = '{ WRITE_LOG_URL = module.task_functions["write_log"].url },'
_WEBHOOK = 'var.media_host == "cloudinary" ? { MEDIA_WEBHOOK_URL = module.media_functions["media_webhook"].url } : {}'

MUTANTS: Mapping[str, Mutant] = {
    # Addresses
    "the webhook is named for a bucket, too": Mutant(
        "functions.tf", _WEBHOOK, '{ MEDIA_WEBHOOK_URL = module.media_functions["media_webhook"].url }', "bucket"
    ),
    "audit events go to the webhook": Mutant(
        "functions.tf", _OTHERS_ARE_TOLD, '{ WRITE_LOG_URL = module.media_functions["media_webhook"].url },'
    ),
    "the job's token is for another function": Mutant(
        "scheduler.tf",
        "audience              = local.functions[each.key].url",
        'audience = local.functions["write_log"].url',
    ),
    # Rights
    "everybody may call write_log": Mutant(
        "functions.tf", "tasks     = google_service_account.tasks.member", 'tasks = "allUsers"'
    ),
    "the right to call is on another service": Mutant(
        _MODULE, "basename(google_cloudfunctions2_function.this.service_config[0].service)", '"fn-login"'
    ),
    "nobody may call what users call": Mutant(
        _MODULE,
        '"google_cloud_run_v2_service_iam_member" "invoker" {',
        '"google_cloud_run_v2_service_iam_member" "invoker" {\n  count = var.function.caller == "user" ? 0 : 1',
    ),
    "every function reads every secret": Mutant(
        "functions.tf",
        "for secret in function.secrets : secret => {",
        "for secret in local._secret_names : secret => {",
    ),
    "functions act as the scheduler's account": Mutant(
        "functions.tf",
        "task_account = google_service_account.tasks.name",
        "task_account = google_service_account.scheduler.name",
    ),
    "functions that do not log enqueue": Mutant("functions.tf", "audit = function.is_logging ? {", "audit = true ? {"),
    "the build account edits the project": Mutant("build.tf", "roles/logging.logWriter", "roles/editor"),
    "the build account reads every bucket": Mutant(
        "build.tf", 'resource.name.startsWith(\\"projects/_/buckets/gcf-v2-sources-\\")', "true"
    ),
    # What runs
    "Google's default repository": Mutant(_MODULE, "docker_repository = var.platform.repository", "", "from nothing"),
    "Google's default build account": Mutant(
        _MODULE, "service_account   = var.platform.build_account", "", "from nothing"
    ),
    "four threads a core": Mutant(_MODULE, "{ THREADS = tostring(var.function.concurrency) },", "{},"),
    "a bundle's name does not follow common/": Mutant(
        _MODULE,
        "for path, content in var.files : path => sha256(content) }",
        'for path, content in var.files : path => sha256(content) if !startswith(path, "common/") }',
        "common changed",
    ),
    "the local cloud is deployed": Mutant(
        "bundles.tf",
        'setunion(fileset(local._repository, "common/**/*.py")',
        'setunion(fileset(local._repository, "{common,local}/**/*.py")',
    ),
    "browsers go round the load balancer": Mutant("functions.tf", '? "ALLOW_INTERNAL_AND_GCLB"', '? "ALLOW_ALL"'),
    # Queue and job
    "ten times the database's pace": Mutant(
        "tasks.tf", "max_concurrent_dispatches = 32", "max_concurrent_dispatches = 320"
    ),
    "audit events are given up after five tries": Mutant(
        "tasks.tf", "max_attempts       = 100", "max_attempts       = 5"
    ),
    "a failed day is not closed again": Mutant("scheduler.tf", "retry_count          = 5", "retry_count          = 0"),
    "the day ends at Berlin's midnight": Mutant("scheduler.tf", '"Etc/UTC"', '"Europe/Berlin"'),
    "the job posts no JSON": Mutant("scheduler.tf", '{ "Content-Type" = "application/json" }', "{}"),
    "the job is tried again while it runs": Mutant(
        "scheduler.tf", "each.value.timeout_seconds + 10", "each.value.timeout_seconds - 10"
    ),
    # What is kept
    "a bucket with bundles stays": Mutant("bundles.tf", "force_destroy = true", "force_destroy = false"),
    "secrets cannot be destroyed": Mutant("secrets.tf", "deletion_protection = false", "deletion_protection = true"),
    "images are never deleted": Mutant(
        "artifact_registry.tf",
        """  cleanup_policies {
    id     = "delete-old"
    action = "DELETE"
    condition {
      tag_state  = "ANY"
      older_than = "1209600s" # 14 days
    }
  }
""",
        "",
    ),
    # Who looks
    "4xx wake somebody": Mutant(
        "alerts.tf",
        'metric.label.response_code_class=\\"5xx\\""\n      denominator_filter',
        'metric.label.response_code_class=\\"4xx\\""\n      denominator_filter',
    ),
    "an alert names another section": Mutant("alerts.tf", '_runbooks["latency"]', '_runbooks["errors"]'),
    "an alert keeps hold of a former operator": Mutant("alerts.tf", "force_delete = true", "force_delete = false"),
    "printed audit events are not found": Mutant("logging.tf", '\\"audit_fallback\\"', '\\"audit-fallback\\"'),
    "cold starts are not drawn": Mutant(
        "dashboard.tf", "run_googleapis_com:container_startup_latencies_count", "run_googleapis_com:request_count"
    ),
    "the 99th percentile is the median": Mutant(
        "dashboard.tf", 'REDUCE_PERCENTILE_99", by = ["resource', 'REDUCE_PERCENTILE_50", by = ["resource'
    ),
    "an alert waits for a day": Mutant("alerts.tf", 'duration        = "600s"', 'duration        = "84600s"'),
    "a queue that empties now and then is an alert": Mutant("alerts.tf", "ALIGN_MIN", "ALIGN_MAX"),
    "a message for each line of the log": Mutant(
        "alerts.tf",
        'period = "3600s" # one message for the tries of one run',
        'period = "0s"',
    ),
    "functions have no labels": Mutant(_MODULE, "caller   = var.function.caller\n    function = var.function.name", ""),
    "bundles lie in America": Mutant("bundles.tf", "location = var.region", 'location = "US"'),
    "outputs name other addresses": Mutant("outputs.tf", "name => function.url }", "name => function.service }"),
    "the console is told private addresses": Mutant(
        "console.tf", 'if contains(["admin", "public", "user"], function.caller)', ""
    ),
    # The single origin
    "tests are published": Mutant("console.tf", "|\\\\.test\\\\.", ""),
    "bodies without a length are refused, others not": Mutant(
        "cloud_armor.tf", 'expression = "has(', 'expression = "!has('
    ),
    "one network is limited": Mutant(
        "cloud_armor.tf",
        'src_ip_ranges = ["*"]\n      }\n    }\n    rate_limit_options',
        'src_ip_ranges = ["10.0.0.0/8"]\n      }\n    }\n    rate_limit_options',
    ),
    "an alias forgets its target": Mutant(
        "load_balancer.tf",
        'rewrite          = "/${alias.function}${alias.target}"\n        template_rewrite = null',
        'rewrite          = "/${alias.function}"\n        template_rewrite = null',
    ),
    "one limit for all addresses": Mutant("cloud_armor.tf", 'enforce_on_key = "IP"', 'enforce_on_key = "ALL"'),
    "Cloud Armor is left out": Mutant(
        "load_balancer.tf", "security_policy       = google_compute_security_policy.single_origin[0].id", ""
    ),
}
