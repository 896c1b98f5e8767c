"""What is kept, what goes with a destroy, and which APIs are on."""

from __future__ import annotations

from tests.terraform.deployment import Deployment

_APIS = {
    f"{name}.googleapis.com"
    for name in (
        "artifactregistry", "cloudbilling", "cloudbuild", "cloudfunctions", "cloudresourcemanager", "cloudscheduler",
        "cloudtasks", "iam", "logging", "monitoring", "run", "secretmanager", "storage",
    )
}  # fmt: skip
_DEFAULT_LOG_DAYS = 30


def buckets_can_be_destroyed_because_all_in_them_is_made_again(deployment: Deployment) -> None:
    buckets = {one.name: one for one in deployment.all("google_storage_bucket")}
    assert sorted(buckets) == (["bundles", "console"] if deployment.has_load_balancer else ["bundles"])
    for bucket in buckets.values():
        assert bucket["force_destroy"] is True, bucket.address
        assert bucket["uniform_bucket_level_access"] is True, bucket.address
        assert bucket["soft_delete_policy.retention_duration_seconds"] == 0, bucket.address
    assert buckets["bundles"]["public_access_prevention"] == "enforced"


def secrets_are_containers_that_a_destroy_takes_away(deployment: Deployment) -> None:
    secrets = deployment.all("google_secret_manager_secret")
    assert {one.key for one in secrets} == {"JWT_SECRETS", "MEDIA_URL", "SUPABASE_SECRET_KEY"}
    for secret in secrets:
        assert secret["deletion_protection"] is False, secret.address
        assert secret.blocks("replication.auto"), secret.address
    assert not deployment.all("google_secret_manager_secret_version"), "a value would stand in the state"


def old_images_are_deleted_and_those_that_run_are_not(deployment: Deployment) -> None:
    images = deployment.one("google_artifact_registry_repository", "images")
    policies = {one["action"]: one for one in images.blocks("cleanup_policies")}
    assert sorted(policies) == ["DELETE", "KEEP"]
    assert policies["KEEP"]["most_recent_versions"][0]["keep_count"] == 3
    condition = policies["DELETE"]["condition"][0]
    assert (condition["tag_state"], condition["older_than"]) == ("ANY", "1209600s")
    assert images["cleanup_policy_dry_run"] is not True


def undelivered_audit_events_outlive_the_default_log_bucket(deployment: Deployment) -> None:
    bucket = deployment.one("google_logging_project_bucket_config", "audit_fallback")
    assert bucket["retention_days"] == deployment.variables["audit_fallback_retention_days"]
    assert bucket["retention_days"] > _DEFAULT_LOG_DAYS
    sink = deployment.one("google_logging_project_sink", "audit_fallback")
    assert sink["destination"] == f"logging.googleapis.com/{bucket['id']}"
    assert sink["disabled"] is not True
    assert not sink.blocks("exclusions")


def the_apis_in_use_are_on_and_stay_on(deployment: Deployment) -> None:
    services = deployment.all("google_project_service")
    wanted = _APIS | ({"compute.googleapis.com"} if deployment.has_load_balancer else set())
    assert {one["service"] for one in services} == wanted
    for one in services:
        assert one["disable_on_destroy"] is deployment.variables["disable_apis_on_destroy"], one.address
        assert one["disable_on_destroy"] is False, one.address
