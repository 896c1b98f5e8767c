"""Who may do what. Each check takes a deployment and raises AssertionError; its name says what holds."""

from __future__ import annotations

from local.catalog import load
from tests.terraform.deployment import Deployment, Resource

CATALOG = load()

# Every grant that there may be; a type that is not here may not occur.
_ROLES = {
    "google_artifact_registry_repository_iam_member": {"roles/artifactregistry.writer"},
    "google_cloud_run_v2_service_iam_member": {"roles/run.invoker"},
    "google_cloud_tasks_queue_iam_member": {"roles/cloudtasks.enqueuer"},
    "google_project_iam_member": {"roles/logging.logWriter", "roles/storage.objectViewer"},
    "google_secret_manager_secret_iam_member": {"roles/secretmanager.secretAccessor"},
    "google_service_account_iam_member": {"roles/iam.serviceAccountUser"},
    "google_storage_bucket_iam_member": {"roles/storage.objectViewer"},
}
_LOGGING = sorted(name for name, entry in CATALOG.items() if "AUDIT_QUEUE" in entry.environment)


def _grants(deployment: Deployment) -> list[Resource]:
    return [one for one in deployment.resources if "_iam_" in one.type or one.type.endswith("_acl")]


def each_function_runs_as_its_own_account(deployment: Deployment) -> None:
    project = deployment.variables["project_id"]
    for name, function in deployment.functions.items():
        own = CATALOG[name].resource_name
        assert deployment.account_of(name)["account_id"] == own
        assert function["service_config.service_account_email"] == f"{own}@{project}.iam.gserviceaccount.com"


def a_function_reads_its_secrets_and_no_others(deployment: Deployment) -> None:
    wanted, granted = set(), set()
    for name, entry in CATALOG.items():
        wanted |= {(_secret_id(secret), deployment.account_of(name)["member"]) for secret in entry.secrets}
    for grant in deployment.all("google_secret_manager_secret_iam_member"):
        granted.add((str(grant["secret_id"]).rpartition("/")[2], grant["member"]))
    assert granted == wanted
    assert len(deployment.all("google_secret_manager_secret_iam_member")) == len(wanted)


def a_function_mounts_the_secrets_of_its_entry_in_the_wanted_versions(deployment: Deployment) -> None:
    versions = deployment.variables["secret_versions"]
    for name, entry in CATALOG.items():
        mounted = {
            one["key"]: (one["project_id"], str(one["secret"]).rpartition("/")[2], one["version"])
            for one in deployment.functions[name].blocks("service_config.secret_environment_variables")
        }
        project = deployment.variables["project_id"]
        assert mounted == {key: (project, _secret_id(key), versions.get(key, "1")) for key in entry.secrets}, name
        assert not deployment.functions[name].blocks("service_config.secret_volumes")


def each_function_has_exactly_one_invoker_and_it_is_the_right_one(deployment: Deployment) -> None:
    """The grant is on the service that the function itself reports."""
    wanted, granted = [], []
    for name, entry in CATALOG.items():
        service = str(deployment.functions[name]["service_config.service"]).rpartition("/")[2]
        member = deployment.account(entry.caller)["member"] if entry.is_private else "allUsers"
        wanted.append((service, member))
    for grant in deployment.all("google_cloud_run_v2_service_iam_member"):
        assert grant["role"] == "roles/run.invoker"
        granted.append((grant["name"], grant["member"]))
    assert sorted(granted) == sorted(wanted)


def everybody_may_call_public_functions_and_read_the_console_and_nothing_else(deployment: Deployment) -> None:
    for grant in _grants(deployment):
        assert grant["member"] != "allAuthenticatedUsers", grant.address
        if grant["member"] != "allUsers":
            continue
        if grant.type == "google_storage_bucket_iam_member":
            assert (grant.name, grant["role"]) == ("console_readers", "roles/storage.objectViewer")
        else:
            assert grant.type == "google_cloud_run_v2_service_iam_member", grant.address
            assert not CATALOG[grant.key].is_private, grant.address


def only_functions_that_log_may_enqueue_and_act_as_the_tasks_account(deployment: Deployment) -> None:
    queue, tasks = deployment.one("google_cloud_tasks_queue", "audit"), deployment.account("tasks")
    enqueuers = deployment.all("google_cloud_tasks_queue_iam_member")
    actors = deployment.all("google_service_account_iam_member")
    assert sorted(one.key for one in enqueuers) == sorted(one.key for one in actors) == _LOGGING
    for grant in [*enqueuers, *actors]:
        assert grant["member"] == deployment.account_of(grant.key)["member"], grant.address
    assert {one["name"] for one in enqueuers} == {queue["name"]}
    assert {one["service_account_id"] for one in actors} == {tasks["name"]}


def there_are_no_roles_but_those_allowed(deployment: Deployment) -> None:
    for grant in _grants(deployment):
        assert grant["role"] in _ROLES.get(grant.type, set()), f"{grant.address}: {grant['role']}"


def only_the_build_account_has_rights_in_the_project(deployment: Deployment) -> None:
    """It reads sources in Google's buckets for them and nowhere else."""
    build = deployment.account("build")["member"]
    granted = {one["role"]: one for one in deployment.all("google_project_iam_member")}
    assert set(granted) == _ROLES["google_project_iam_member"]
    assert {one["member"] for one in granted.values()} == {build}
    condition = granted["roles/storage.objectViewer"]["condition.expression"]
    assert condition == 'resource.name.startsWith("projects/_/buckets/gcf-v2-sources-")'
    bundles = deployment.one("google_storage_bucket", "bundles")["name"]
    reader = deployment.one("google_storage_bucket_iam_member", "build_bundles")
    assert (reader["bucket"], reader["role"], reader["member"]) == (bundles, "roles/storage.objectViewer", build)
    images = deployment.one("google_artifact_registry_repository", "images")["repository_id"]
    writer = deployment.one("google_artifact_registry_repository_iam_member", "build_images")
    assert (writer["repository"], writer["member"]) == (images, build)


def there_are_no_accounts_but_those_of_functions_build_tasks_and_scheduler(deployment: Deployment) -> None:
    accounts = [one["account_id"] for one in deployment.all("google_service_account")]
    own = [entry.resource_name for entry in CATALOG.values()]
    assert sorted(accounts) == sorted([*own, "reelay-build", "reelay-scheduler", "reelay-tasks"])
    assert not deployment.all("google_service_account_key")


def _secret_id(key: str) -> str:
    return f"reelay-{key.lower().replace('_', '-')}"
