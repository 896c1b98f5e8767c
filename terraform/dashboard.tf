locals {
  # In reading order, two in a row: what is drawn, how its points are made, how its lines are told apart.
  _charts = [
    {
      title   = "Traffic: requests a second"
      filter  = "${local._services} AND metric.type=\"run.googleapis.com/request_count\""
      aligner = "ALIGN_RATE", reducer = "REDUCE_SUM", by = ["resource.label.service_name"]
    },
    {
      title   = "Errors: 5xx answers a second"
      filter  = "${local._services} AND metric.type=\"run.googleapis.com/request_count\" AND metric.label.response_code_class=\"5xx\""
      aligner = "ALIGN_RATE", reducer = "REDUCE_SUM", by = ["resource.label.service_name"]
    },
    {
      title   = "Latency, median (ms)"
      filter  = "${local._services} AND metric.type=\"run.googleapis.com/request_latencies\""
      aligner = "ALIGN_DELTA", reducer = "REDUCE_PERCENTILE_50", by = ["resource.label.service_name"]
    },
    {
      title   = "Latency, 95th percentile (ms)"
      filter  = "${local._services} AND metric.type=\"run.googleapis.com/request_latencies\""
      aligner = "ALIGN_DELTA", reducer = "REDUCE_PERCENTILE_95", by = ["resource.label.service_name"]
    },
    {
      title   = "Latency, 99th percentile (ms)"
      filter  = "${local._services} AND metric.type=\"run.googleapis.com/request_latencies\""
      aligner = "ALIGN_DELTA", reducer = "REDUCE_PERCENTILE_99", by = ["resource.label.service_name"]
    },
    {
      title   = "Quota refusals: 413 and 429 answers a second (login's 429 are throttled guesses)"
      filter  = "${local._services} AND metric.type=\"run.googleapis.com/request_count\" AND metric.label.response_code=one_of(\"413\", \"429\")"
      aligner = "ALIGN_RATE", reducer = "REDUCE_SUM", by = ["resource.label.service_name", "metric.label.response_code"]
    },
    {
      title   = "Instances"
      filter  = "${local._services} AND metric.type=\"run.googleapis.com/container/instance_count\""
      aligner = "ALIGN_MAX", reducer = "REDUCE_SUM", by = ["resource.label.service_name"]
    },
    {
      # In PromQL, because a filter cannot count what a distribution holds.
      title = "Cold starts a minute"
      query = "sum by (service_name) (60 * rate(run_googleapis_com:container_startup_latencies_count{monitored_resource=\"cloud_run_revision\", service_name=~\"fn-.*\"}[5m]))"
    },
    {
      title   = "Audit queue: tasks that wait"
      filter  = "${local._queue} AND metric.type=\"cloudtasks.googleapis.com/queue/depth\""
      aligner = "ALIGN_MAX", reducer = "REDUCE_SUM", by = []
    },
    {
      title   = "Audit queue: how late tasks are, 99th percentile (ms)"
      filter  = "${local._queue} AND metric.type=\"cloudtasks.googleapis.com/queue/task_attempt_delays\""
      aligner = "ALIGN_DELTA", reducer = "REDUCE_PERCENTILE_99", by = []
    },
    {
      title   = "Audit queue: attempts a second by outcome"
      filter  = "${local._queue} AND metric.type=\"cloudtasks.googleapis.com/queue/task_attempt_count\""
      aligner = "ALIGN_RATE", reducer = "REDUCE_SUM", by = ["metric.label.response_code"]
    },
  ]

  _tiles = [
    for index, chart in local._charts : merge(
      {
        height = 4
        width  = 6
        widget = {
          title = chart.title
          xyChart = {
            dataSets = [{
              plotType   = "LINE"
              targetAxis = "Y1"
              timeSeriesQuery = {
                for kind, query in {
                  prometheusQuery = try(chart.query, null)
                  timeSeriesFilter = try({
                    filter = chart.filter
                    aggregation = merge(
                      {
                        alignmentPeriod    = "60s"
                        crossSeriesReducer = chart.reducer
                        perSeriesAligner   = chart.aligner
                      },
                      length(chart.by) > 0 ? { groupByFields = chart.by } : {},
                    )
                  }, null)
                } : kind => query if query != null
              }
            }]
          }
        }
      },
      # A zero is not said: the service would drop it, and every plan would put it back.
      index % 2 == 0 ? {} : { xPos = 6 },
      index < 2 ? {} : { yPos = floor(index / 2) * 4 },
    )
  ]
}

resource "google_monitoring_dashboard" "reelay" {
  dashboard_json = jsonencode({
    displayName  = "Reelay ${var.environment}"
    mosaicLayout = { columns = 12, tiles = local._tiles }
  })

  depends_on = [google_project_service.required]
}
