# Whom Cloud Tasks and Cloud Scheduler call as. An account of its own for each, so that neither can call what the other
# may. They have no rights but roles/run.invoker on their functions (modules/function).
resource "google_service_account" "tasks" {
  account_id   = "reelay-tasks"
  display_name = "Reelay: Cloud Tasks calls write_log"

  depends_on = [google_project_service.required]
}

resource "google_cloud_tasks_queue" "audit" {
  # A deleted queue's name cannot be used again for some days: after a destroy, give audit_queue_name another value.
  name     = var.audit_queue_name
  location = var.region

  # A lone request's event is a task of its own, and a busy instance makes about 20 tasks a second: as many as a queue may
  # deliver (500 a second), or else it only grows. What protects the database, after an outage too, is how many are
  # delivered at once: 32, two instances of write_log.
  rate_limits {
    max_dispatches_per_second = 500
    max_concurrent_dispatches = 32
  }

  # A task that is given up is lost: there is no dead-letter queue. It ends only when both limits are reached, so an
  # outage of the database may last a week, and a batch that write_log will never take does not stay for a month. The
  # pause doubles from 1 s to 256 s and is 300 s from then on: soon there after a hiccup, and no storm after an outage.
  retry_config {
    max_attempts       = 100
    max_retry_duration = "604800s"
    min_backoff        = "1s"
    max_backoff        = "300s"
    max_doublings      = 8
  }

  # Every tenth operation: enough to see why deliveries fail, at a tenth of the price.
  stackdriver_logging_config {
    sampling_ratio = 0.1
  }

  depends_on = [google_project_service.required]
}
