"""What runs, where and with which environment."""

from __future__ import annotations

import re
from unittest import mock
from zipfile import ZipFile

from common import config
from local import bundle, catalog
from tests.terraform.deployment import Deployment

CATALOG = catalog.load()
_WITH_TOKENS = ("admin", "public", "user")


def _environment(deployment: Deployment, name: str) -> dict[str, str]:
    found: dict[str, str] = deployment.functions[name]["service_config.environment_variables"] or {}
    return found


def there_is_one_function_for_each_entry(deployment: Deployment) -> None:
    assert sorted(deployment.functions) == sorted(CATALOG)
    for name, function in deployment.functions.items():
        assert function["name"] == CATALOG[name].resource_name
        assert function["build_config.entry_point"] == name
        assert function["service_config.all_traffic_on_latest_revision"] is True


def size_time_and_concurrency_are_the_catalogs(deployment: Deployment) -> None:
    for name, entry in CATALOG.items():
        function = deployment.functions[name]
        assert function["service_config.available_memory"] == f"{entry.memory_mb}Mi", name
        assert float(function["service_config.available_cpu"]) == entry.cpu, name
        assert function["service_config.timeout_seconds"] == entry.timeout_seconds, name
        assert function["service_config.max_instance_request_concurrency"] == entry.concurrency, name


def there_are_as_many_threads_as_requests_at_once(deployment: Deployment) -> None:
    for name, entry in CATALOG.items():
        assert _environment(deployment, name).get("THREADS") == str(entry.concurrency), name


def as_many_instances_wait_and_run_as_were_asked_for(deployment: Deployment) -> None:
    wanted = deployment.variables["instances"]
    for name, function in deployment.functions.items():
        own = wanted.get("functions", {}).get(name, {})
        least, most = (own.get(bound) if own.get(bound) is not None else wanted.get(bound) for bound in ("min", "max"))
        found = function["service_config.min_instance_count"], function["service_config.max_instance_count"]
        assert found == (least or 0, most or 10), name


def the_python_is_3_12_or_newer(deployment: Deployment) -> None:
    for name, function in deployment.functions.items():
        version = re.fullmatch(r"python3(\d+)", function["build_config.runtime"])
        assert version is not None, name
        assert int(version[1]) >= 12, name


def our_account_builds_into_our_repository(deployment: Deployment) -> None:
    images = deployment.one("google_artifact_registry_repository", "images")["id"]
    build = deployment.account("build")["id"]
    assert images
    assert build
    for name, function in deployment.functions.items():
        assert function["build_config.docker_repository"] == images, name
        assert function["build_config.service_account"] == build, name


def _options(deployment: Deployment) -> dict[str, str]:
    options = dict(deployment.variables["settings"])
    if deployment.has_load_balancer:
        options["TRUSTED_PROXY_COUNT"] = "1"
    if deployment.variables["media_host"] == "cloudinary":
        options["MEDIA_WEBHOOK_URL"] = deployment.url("media_webhook")
    return options


def the_environment_has_the_names_of_the_catalog_and_the_options_that_are_set(deployment: Deployment) -> None:
    options = set(_options(deployment))
    for name, entry in CATALOG.items():
        wanted = {"THREADS", *entry.environment, *(options & set(entry.options))}
        assert set(_environment(deployment, name)) == wanted, name


def settings_have_the_values_that_were_asked_for(deployment: Deployment) -> None:
    common = {
        "ALLOWED_ORIGINS": ",".join(deployment.variables["allowed_origins"]),
        "AUDIT_QUEUE": deployment.one("google_cloud_tasks_queue", "audit")["id"],
        "SCHEDULER_SERVICE_ACCOUNT": deployment.account("scheduler")["email"],
        "SUPABASE_URL": deployment.variables["supabase_url"],
        "TASKS_SERVICE_ACCOUNT": deployment.account("tasks")["email"],
        **deployment.variables["settings"],
    }
    for name in CATALOG:
        environment = _environment(deployment, name)
        found = {key: value for key, value in environment.items() if key in common}
        assert found == {key: common[key] for key in found}, name
        assert environment.get("TRUSTED_PROXY_COUNT", "1") == "1", name


def who_logs_is_told_the_address_that_write_log_reports(deployment: Deployment) -> None:
    for name, entry in CATALOG.items():
        wanted = deployment.url("write_log") if "WRITE_LOG_URL" in entry.environment else None
        assert _environment(deployment, name).get("WRITE_LOG_URL") == wanted, name


def uploads_tell_cloudinary_alone_where_the_webhook_is(deployment: Deployment) -> None:
    is_told = deployment.variables["media_host"] == "cloudinary"
    for name, entry in CATALOG.items():
        wanted = deployment.url("media_webhook") if is_told and "MEDIA_WEBHOOK_URL" in entry.options else None
        assert _environment(deployment, name).get("MEDIA_WEBHOOK_URL") == wanted, name


def the_code_takes_the_environment(deployment: Deployment) -> None:
    """With secrets, a function starts: common/config.py has nothing to say against it."""
    secrets = {
        "JWT_SECRETS": f"1:{'s' * 32}",
        "MEDIA_URL": "cloudinary://key:secret@cloud",
        "SUPABASE_SECRET_KEY": "k" * 20,
    }
    for name, entry in CATALOG.items():
        given = _environment(deployment, name) | {key: secrets[key] for key in entry.secrets}
        needs = [need for need, keys in config.REQUIRED.items() if set(keys) <= {*entry.secrets, *entry.environment}]
        try:
            config.Config.from_env(given, needs)
        except config.ConfigError as refused:
            raise AssertionError(f"{name}: {refused}") from None


def a_bundle_holds_what_make_bundle_puts_in(deployment: Deployment) -> None:
    """Names and bytes of the zip that Terraform made, which is what goes into the bucket."""
    for object_ in deployment.all("google_storage_bucket_object"):
        if object_.name != "bundle":
            continue
        path = deployment.root / "terraform" / object_["source"]
        with mock.patch.object(catalog, "ROOT", deployment.root), ZipFile(path) as built:
            wanted = {name: source.read_bytes() for name, source in bundle.contents(CATALOG[object_.key]).items()}
            assert {name: built.read(name) for name in built.namelist()} == wanted, object_.key


def a_function_is_made_from_its_own_bundle(deployment: Deployment) -> None:
    bundles = {one.key: one for one in deployment.all("google_storage_bucket_object") if one.name == "bundle"}
    bucket = deployment.one("google_storage_bucket", "bundles")["name"]
    for name, function in deployment.functions.items():
        assert re.fullmatch(rf"{name}/[0-9a-f]{{64}}\.zip", bundles[name]["name"]), name
        assert bundles[name]["source"].endswith(f"/{name}.zip"), name
        assert function["build_config.source.storage_source.object"] == bundles[name]["name"], name
        assert function["build_config.source.storage_source.bucket"] == bundles[name]["bucket"] == bucket, name


def behind_a_load_balancer_browsers_cannot_go_round_it(deployment: Deployment) -> None:
    """What Google and media hosts call keeps its own address."""
    for name, entry in CATALOG.items():
        closed = deployment.has_load_balancer and entry.caller in _WITH_TOKENS
        wanted = "ALLOW_INTERNAL_AND_GCLB" if closed else "ALLOW_ALL"
        assert deployment.functions[name]["service_config.ingress_settings"] == wanted, name
