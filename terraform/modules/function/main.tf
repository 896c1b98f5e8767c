# Everything of one function: its account, its bundle, itself, who may call it, what it may use.

locals {
  # Not the zip's hash: another version of the archive provider may write other bytes for the same files.
  _content_hash = sha256(jsonencode({ for path, content in var.files : path => sha256(content) }))

  _plain = merge(
    { for name in var.function.environment : name => var.values[name] },
    { for name in var.function.options : name => var.values[name] if contains(keys(var.values), name) },
    { THREADS = tostring(var.function.concurrency) }, # else gunicorn runs 4 threads a core, whatever the platform sends
  )
}

resource "google_service_account" "this" {
  account_id   = var.function.resource_name
  display_name = "Reelay: function ${var.function.name}"

  depends_on = [var.platform]
}

data "archive_file" "bundle" {
  type        = "zip"
  output_path = "${path.root}/.terraform/bundles/${var.function.name}.zip"

  dynamic "source" {
    for_each = var.files
    content {
      filename = source.key
      content  = source.value
    }
  }
}

resource "google_storage_bucket_object" "bundle" {
  bucket       = var.platform.bundles_bucket
  name         = "${var.function.name}/${local._content_hash}.zip"
  source       = data.archive_file.bundle.output_path
  content_type = "application/zip"

  lifecycle {
    create_before_destroy = true # the function names the old one until it has been updated
  }
}

resource "google_cloudfunctions2_function" "this" {
  name        = var.function.resource_name
  description = var.function.summary
  location    = var.platform.region

  labels = {
    caller   = var.function.caller
    function = var.function.name
  }

  build_config {
    runtime           = var.platform.runtime
    entry_point       = var.function.name
    docker_repository = var.platform.repository
    service_account   = var.platform.build_account

    source {
      storage_source {
        bucket = google_storage_bucket_object.bundle.bucket
        object = google_storage_bucket_object.bundle.name
      }
    }
  }

  service_config {
    service_account_email            = google_service_account.this.email
    available_cpu                    = tostring(var.function.cpu)
    available_memory                 = "${var.function.memory_mb}Mi"
    timeout_seconds                  = var.function.timeout_seconds
    max_instance_request_concurrency = var.function.concurrency
    min_instance_count               = var.instances.min
    max_instance_count               = var.instances.max
    ingress_settings                 = var.ingress
    all_traffic_on_latest_revision   = true
    environment_variables            = local._plain

    dynamic "secret_environment_variables" {
      for_each = var.secrets
      content {
        key        = secret_environment_variables.key
        project_id = var.platform.project_id
        secret     = secret_environment_variables.value.id
        version    = secret_environment_variables.value.version
      }
    }
  }

  # A revision that cannot read its secrets does not start.
  depends_on = [google_secret_manager_secret_iam_member.accessor, var.platform]
}

# On the service that the function reports, not on one with the name that it ought to have.
resource "google_cloud_run_v2_service_iam_member" "invoker" {
  project  = var.platform.project_id
  location = var.platform.region
  name     = basename(google_cloudfunctions2_function.this.service_config[0].service)
  role     = "roles/run.invoker"
  member   = var.invoker
}

resource "google_secret_manager_secret_iam_member" "accessor" {
  for_each = var.secrets

  project   = var.platform.project_id
  secret_id = each.value.id
  role      = "roles/secretmanager.secretAccessor"
  member    = google_service_account.this.member
}

resource "google_cloud_tasks_queue_iam_member" "enqueuer" {
  count = var.audit == null ? 0 : 1

  project  = var.platform.project_id
  location = var.platform.region
  name     = var.audit.queue
  role     = "roles/cloudtasks.enqueuer"
  member   = google_service_account.this.member
}

# Who makes a task that is delivered as an account needs the right to act as it.
resource "google_service_account_iam_member" "task_account_user" {
  count = var.audit == null ? 0 : 1

  service_account_id = var.audit.task_account
  role               = "roles/iam.serviceAccountUser"
  member             = google_service_account.this.member
}
