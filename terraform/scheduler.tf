resource "google_service_account" "scheduler" {
  account_id   = "reelay-scheduler"
  display_name = "Reelay: Cloud Scheduler calls reset_usage"

  depends_on = [google_project_service.required]
}

resource "google_cloud_scheduler_job" "scheduled" {
  for_each = { for name, function in module.catalog.functions : name => function if function.schedule != null }

  name        = each.value.resource_name
  description = each.value.summary
  region      = var.region
  schedule    = each.value.schedule
  time_zone   = "Etc/UTC" # quotas count UTC days

  # As long as the function may run, and a little for the way: a shorter one would repeat what is still running.
  attempt_deadline = "${min(max(each.value.timeout_seconds + 10, 15), 1800)}s"

  # The default is none. The jobs are safe to repeat; five tries within the hour outlast a short outage.
  retry_config {
    retry_count          = 5
    min_backoff_duration = "60s"
    max_backoff_duration = "900s"
    max_doublings        = 4
  }

  http_target {
    http_method = "POST"
    uri         = local.functions[each.key].url
    headers     = { "Content-Type" = "application/json" } # the default is application/octet-stream, which is refused
    body        = base64encode("{}")

    oidc_token {
      service_account_email = google_service_account.scheduler.email
      audience              = local.functions[each.key].url # the default is the whole target address: said, it cannot drift
    }
  }
}
