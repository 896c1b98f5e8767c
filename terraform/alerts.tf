locals {
  # What an alert says first: where it is written down what to do.
  _runbooks = {
    for name in ["audit-fallback", "audit-queue", "errors", "latency", "scheduler", "uptime"] :
    name => "${var.runbooks}#runbook-${name}"
  }

  # The functions' Cloud Run services and the audit queue, for the dashboard, too.
  _services = "resource.type=\"cloud_run_revision\" AND resource.label.service_name=starts_with(\"fn-\")"
  _queue    = "resource.type=\"cloud_tasks_queue\" AND resource.label.queue_id=\"${google_cloud_tasks_queue.audit.name}\""

  # Not those that take files in or close the day: they may take minutes, and say so in the catalog.
  _quick_services   = [for function in module.catalog.functions : function.resource_name if function.timeout_seconds <= 60]
  _latency_services = join(", ", [for name in local._quick_services : "\"${name}\""])
  _channels         = [for channel in google_monitoring_notification_channel.email : channel.id]
}

resource "google_monitoring_notification_channel" "email" {
  for_each = var.alert_emails

  display_name = each.value
  type         = "email"
  labels       = { email_address = each.value }
  force_delete = true # Terraform deletes it before it updates the policies that name it

  depends_on = [google_project_service.required]
}

resource "google_monitoring_alert_policy" "errors" {
  display_name          = "Reelay ${var.environment}: functions answer 5xx"
  combiner              = "OR"
  severity              = "CRITICAL"
  notification_channels = local._channels

  conditions {
    display_name = "Share of 5xx answers"
    condition_threshold {
      filter             = "${local._services} AND metric.type=\"run.googleapis.com/request_count\" AND metric.label.response_code_class=\"5xx\""
      denominator_filter = "${local._services} AND metric.type=\"run.googleapis.com/request_count\""
      comparison         = "COMPARISON_GT"
      threshold_value    = var.alert_thresholds.error_ratio
      duration           = "300s"

      aggregations {
        alignment_period     = "300s"
        per_series_aligner   = "ALIGN_RATE"
        cross_series_reducer = "REDUCE_SUM"
        group_by_fields      = ["resource.label.service_name"]
      }
      denominator_aggregations {
        alignment_period     = "300s"
        per_series_aligner   = "ALIGN_RATE"
        cross_series_reducer = "REDUCE_SUM"
        group_by_fields      = ["resource.label.service_name"]
      }
    }
  }

  documentation {
    mime_type = "text/markdown"
    content   = <<-TEXT
      One function answers more than ${var.alert_thresholds.error_ratio * 100} % of its requests with 5xx.

      What to do: ${local._runbooks["errors"]}
    TEXT
  }

  depends_on = [google_project_service.required]
}

resource "google_monitoring_alert_policy" "latency" {
  display_name          = "Reelay ${var.environment}: functions are slow"
  combiner              = "OR"
  severity              = "WARNING"
  notification_channels = local._channels

  conditions {
    display_name = "95th percentile of latency"
    condition_threshold {
      filter          = "resource.type=\"cloud_run_revision\" AND resource.label.service_name=one_of(${local._latency_services}) AND metric.type=\"run.googleapis.com/request_latencies\""
      comparison      = "COMPARISON_GT"
      threshold_value = var.alert_thresholds.latency_p95_ms
      duration        = "600s"

      aggregations {
        alignment_period     = "300s"
        per_series_aligner   = "ALIGN_DELTA"
        cross_series_reducer = "REDUCE_PERCENTILE_95"
        group_by_fields      = ["resource.label.service_name"]
      }
    }
  }

  documentation {
    mime_type = "text/markdown"
    content   = <<-TEXT
      One function has answered one request in twenty after more than ${var.alert_thresholds.latency_p95_ms} ms for ten minutes.

      What to do: ${local._runbooks["latency"]}
    TEXT
  }

  depends_on = [google_project_service.required]
}

resource "google_monitoring_alert_policy" "audit_queue" {
  display_name          = "Reelay ${var.environment}: audit events wait"
  combiner              = "OR"
  severity              = "WARNING"
  notification_channels = local._channels

  conditions {
    display_name = "Tasks are delivered late"
    condition_threshold {
      filter          = "${local._queue} AND metric.type=\"cloudtasks.googleapis.com/queue/task_attempt_delays\""
      comparison      = "COMPARISON_GT"
      threshold_value = var.alert_thresholds.queue_age_seconds * 1000
      duration        = "300s"

      aggregations {
        alignment_period     = "300s"
        per_series_aligner   = "ALIGN_DELTA"
        cross_series_reducer = "REDUCE_PERCENTILE_99"
      }
    }
  }

  # A task that fails waits on purpose (backoff), so it is not late: it is seen by the queue that does not empty.
  conditions {
    display_name = "The queue does not empty"
    condition_threshold {
      filter          = "${local._queue} AND metric.type=\"cloudtasks.googleapis.com/queue/depth\""
      comparison      = "COMPARISON_GT"
      threshold_value = var.alert_thresholds.queue_depth
      duration        = "900s"

      aggregations {
        alignment_period     = "300s"
        per_series_aligner   = "ALIGN_MIN"
        cross_series_reducer = "REDUCE_SUM"
      }
    }
  }

  documentation {
    mime_type = "text/markdown"
    content   = <<-TEXT
      Tasks of the queue ${google_cloud_tasks_queue.audit.name} come more than ${var.alert_thresholds.queue_age_seconds} s late, or more than ${var.alert_thresholds.queue_depth} of them have waited for 15 minutes. Nobody notices yet, and nothing is lost for a week.

      What to do: ${local._runbooks["audit-queue"]}
    TEXT
  }

  depends_on = [google_project_service.required]
}

resource "google_monitoring_alert_policy" "scheduler" {
  display_name          = "Reelay ${var.environment}: a scheduled job failed"
  combiner              = "OR"
  severity              = "WARNING"
  notification_channels = local._channels

  # Of the log, because Cloud Scheduler has no metric of failed attempts.
  conditions {
    display_name = "A failed attempt of Cloud Scheduler"
    condition_matched_log {
      filter = join(" AND ", [
        "resource.type=\"cloud_scheduler_job\"",
        "resource.labels.job_id=(${join(" OR ", [for job in google_cloud_scheduler_job.scheduled : "\"${job.name}\""])})",
        "severity>=ERROR",
      ])
    }
  }

  alert_strategy {
    auto_close = "86400s"
    notification_rate_limit {
      period = "3600s" # one message for the tries of one run
    }
  }

  documentation {
    mime_type = "text/markdown"
    content   = <<-TEXT
      An attempt of the daily job failed; it is tried five times more. No answer of the system depends on it today.

      What to do: ${local._runbooks["scheduler"]}
    TEXT
  }

  depends_on = [google_project_service.required]
}

resource "google_monitoring_alert_policy" "audit_fallback" {
  display_name          = "Reelay ${var.environment}: audit events were printed"
  combiner              = "OR"
  severity              = "CRITICAL"
  notification_channels = local._channels

  # Of the log, not of a metric made from it: an alert on a metric that nobody has written yet is refused.
  conditions {
    display_name = "audit_fallback in the log"
    condition_matched_log {
      filter = local.audit_fallback_filter
    }
  }

  alert_strategy {
    auto_close = "86400s"
    notification_rate_limit {
      period = "3600s"
    }
  }

  documentation {
    mime_type = "text/markdown"
    content   = <<-TEXT
      Audit events could not be handed to Cloud Tasks and may be in the log only, for ${var.audit_fallback_retention_days} days. Restoring them is safe to repeat.

      What to do: ${local._runbooks["audit-fallback"]}
    TEXT
  }

  depends_on = [google_project_service.required]
}

resource "google_monitoring_alert_policy" "uptime" {
  for_each = google_monitoring_uptime_check_config.functions

  display_name          = "Reelay ${var.environment}: unreachable"
  combiner              = "OR"
  severity              = "CRITICAL"
  notification_channels = local._channels

  conditions {
    display_name = "The uptime check fails from more than one place"
    condition_threshold {
      filter          = "resource.type=\"uptime_url\" AND metric.type=\"monitoring.googleapis.com/uptime_check/check_passed\" AND metric.label.check_id=\"${each.value.uptime_check_id}\""
      comparison      = "COMPARISON_GT"
      threshold_value = 1
      duration        = "60s"

      aggregations {
        alignment_period     = "600s"
        per_series_aligner   = "ALIGN_NEXT_OLDER"
        cross_series_reducer = "REDUCE_COUNT_FALSE"
        group_by_fields      = ["resource.label.host"]
      }
    }
  }

  documentation {
    mime_type = "text/markdown"
    content   = <<-TEXT
      ${each.key} does not answer as it should to callers in more than one part of the world.

      What to do: ${local._runbooks["uptime"]}
    TEXT
  }

  # A check that a policy names cannot be deleted: when another host makes it another check, the policy goes first.
  lifecycle {
    replace_triggered_by = [google_monitoring_uptime_check_config.functions[each.key].uptime_check_id]
  }
}
