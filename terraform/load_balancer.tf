# The single origin: the catalog's REST paths and every function's own path (`/<name>`, as at the local gateway), on one
# domain; anything else is the console. Off unless var.load_balancer is set.

locals {
  has_load_balancer = var.load_balancer != null
  _origin           = local.has_load_balancer ? "https://${var.load_balancer.domain}" : null

  # Private functions without a route have nothing to do here; those with one are still private (Cloud Run checks).
  _balanced = {
    for name, function in module.catalog.functions : name => function
    if local.has_load_balancer && (!function.is_private || length(function.routes) > 0)
  }

  # One for each path: the method is the function's business (modules/catalog holds that a path has one target).
  _aliases = {
    for route in distinct(flatten([
      for name, function in local._balanced : [
        for route in function.routes : { path = route.path, function = name, target = trimsuffix(route.target, "/") }
      ]
    ])) : route.path => route
  }

  # In the order in which they are tried: an exact path before one with a placeholder, as at the local gateway.
  _route_rules = concat(
    [
      for path, alias in local._aliases : {
        function         = alias.function
        exact            = path
        prefix           = null
        template         = null
        rewrite          = "/${alias.function}${alias.target}"
        template_rewrite = null
      } if !strcontains(path, "{")
    ],
    [
      for path, alias in local._aliases : {
        function         = alias.function
        exact            = null
        prefix           = null
        template         = replace(path, "/\\{(\\w+)\\}/", "{$1=*}") # one segment, as at the local gateway
        rewrite          = null
        template_rewrite = "/${alias.function}${alias.target}"
      } if strcontains(path, "{")
    ],
    [
      for name in keys(local._balanced) : {
        function         = name
        exact            = "/${name}"
        prefix           = "/${name}/"
        template         = null
        rewrite          = null
        template_rewrite = null
      }
    ],
  )
}

resource "google_compute_region_network_endpoint_group" "functions" {
  for_each = local._balanced

  name                  = each.value.resource_name
  region                = var.region
  network_endpoint_type = "SERVERLESS"

  # The name that the catalog gives, not what the function reports: create_before_destroy would spread to the function,
  # whose name is then taken by itself.
  cloud_run {
    service = each.value.resource_name
  }

  lifecycle {
    create_before_destroy = true # else it is deleted before the backend service lets go of it
  }

  depends_on = [google_project_service.required]
}

resource "google_compute_backend_service" "functions" {
  for_each = local._balanced

  name                  = each.value.resource_name
  load_balancing_scheme = "EXTERNAL_MANAGED" # path templates need it
  protocol              = "HTTPS"
  security_policy       = google_compute_security_policy.single_origin[0].id

  backend {
    group = google_compute_region_network_endpoint_group.functions[each.key].id
  }

  # The functions log every request themselves; what Cloud Armor refuses never reaches them.
  log_config {
    enable      = true
    sample_rate = 1
  }

  lifecycle {
    create_before_destroy = true # else it is deleted before the URL map lets go of it
  }
}

resource "google_compute_url_map" "single_origin" {
  count = local.has_load_balancer ? 1 : 0

  name            = "reelay"
  default_service = google_compute_backend_bucket.console[0].id

  host_rule {
    hosts        = [var.load_balancer.domain]
    path_matcher = "routes"
  }

  path_matcher {
    name            = "routes"
    default_service = google_compute_backend_bucket.console[0].id

    dynamic "route_rules" {
      for_each = local._route_rules
      iterator = rule
      content {
        priority = rule.key + 1
        service  = google_compute_backend_service.functions[rule.value.function].id

        dynamic "match_rules" {
          for_each = rule.value.exact == null ? [] : [rule.value.exact]
          content {
            full_path_match = match_rules.value
          }
        }
        dynamic "match_rules" {
          for_each = rule.value.prefix == null ? [] : [rule.value.prefix]
          content {
            prefix_match = match_rules.value
          }
        }
        dynamic "match_rules" {
          for_each = rule.value.template == null ? [] : [rule.value.template]
          content {
            path_template_match = match_rules.value
          }
        }

        dynamic "route_action" {
          for_each = rule.value.rewrite == null && rule.value.template_rewrite == null ? [] : [rule.value]
          content {
            url_rewrite {
              path_prefix_rewrite   = route_action.value.rewrite
              path_template_rewrite = route_action.value.template_rewrite
            }
          }
        }
      }
    }
  }
}

resource "google_compute_global_address" "single_origin" {
  count = local.has_load_balancer ? 1 : 0

  name = "reelay"

  depends_on = [google_project_service.required]
}

resource "google_compute_managed_ssl_certificate" "single_origin" {
  count = local.has_load_balancer ? 1 : 0

  # A certificate cannot change its domain, and one in use cannot be deleted: another domain, another name.
  name = "reelay-${substr(sha256(var.load_balancer.domain), 0, 8)}"

  managed {
    domains = [var.load_balancer.domain]
  }

  lifecycle {
    create_before_destroy = true
  }

  depends_on = [google_project_service.required]
}

resource "google_compute_ssl_policy" "single_origin" {
  count = local.has_load_balancer ? 1 : 0

  name            = "reelay"
  profile         = "MODERN"
  min_tls_version = "TLS_1_2"

  depends_on = [google_project_service.required]
}

resource "google_compute_target_https_proxy" "single_origin" {
  count = local.has_load_balancer ? 1 : 0

  name             = "reelay"
  url_map          = google_compute_url_map.single_origin[0].id
  ssl_certificates = [google_compute_managed_ssl_certificate.single_origin[0].id]
  ssl_policy       = google_compute_ssl_policy.single_origin[0].id
}

resource "google_compute_global_forwarding_rule" "https" {
  count = local.has_load_balancer ? 1 : 0

  name                  = "reelay-https"
  load_balancing_scheme = "EXTERNAL_MANAGED"
  ip_address            = google_compute_global_address.single_origin[0].id
  port_range            = "443"
  target                = google_compute_target_https_proxy.single_origin[0].id
}

# Plain HTTP only says where HTTPS is.
resource "google_compute_url_map" "redirect" {
  count = local.has_load_balancer ? 1 : 0

  name = "reelay-redirect"

  default_url_redirect {
    https_redirect         = true
    redirect_response_code = "MOVED_PERMANENTLY_DEFAULT"
    strip_query            = false
  }

  depends_on = [google_project_service.required]
}

resource "google_compute_target_http_proxy" "redirect" {
  count = local.has_load_balancer ? 1 : 0

  name    = "reelay-redirect"
  url_map = google_compute_url_map.redirect[0].id
}

resource "google_compute_global_forwarding_rule" "http" {
  count = local.has_load_balancer ? 1 : 0

  name                  = "reelay-http"
  load_balancing_scheme = "EXTERNAL_MANAGED"
  ip_address            = google_compute_global_address.single_origin[0].id
  port_range            = "80"
  target                = google_compute_target_http_proxy.redirect[0].id
}
