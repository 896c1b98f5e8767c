locals {
  # There is no health endpoint. A function that wants a token must say 401 without one: it has started, has its secrets
  # and its configuration, and refuses. Each check leaves an audit event, hence few places and a long period.
  _probes = slice(local._probed, 0, min(1, length(local._probed)))
  _probed = sort([
    for name, function in module.catalog.functions : name
    if function.caller == "user" && contains(function.methods, "GET")
  ])
}

resource "google_monitoring_uptime_check_config" "functions" {
  for_each = toset(local._probes)

  display_name     = "Reelay ${var.environment}: ${each.key}"
  period           = "300s"
  timeout          = "10s" # a cold start must fit in
  selected_regions = ["ASIA_PACIFIC", "EUROPE", "USA_VIRGINIA"]

  monitored_resource {
    type = "uptime_url"
    labels = {
      project_id = var.project_id
      host       = trimprefix(coalesce(local._origin, local.functions[each.key].url), "https://")
    }
  }

  http_check {
    path           = "/${each.key}"
    port           = 443
    request_method = "GET"
    use_ssl        = true
    validate_ssl   = true

    accepted_response_status_codes {
      status_value = 401
    }
  }

  # Not any 401: ours.
  content_matchers {
    content = "invalid_token"
    matcher = "CONTAINS_STRING"
  }

  depends_on = [google_project_service.required]
}
