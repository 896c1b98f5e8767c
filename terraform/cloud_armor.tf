resource "google_compute_security_policy" "single_origin" {
  count = local.has_load_balancer ? 1 : 0

  name        = "reelay"
  description = "Before every function on the single origin"

  # Cloud Run takes 32 MiB at the most anyway; here a larger body is refused before it costs an instance anything. Cloud
  # Armor can answer 403, 404 or 502, not 413. Larger files go directly to the media host.
  rule {
    action      = "deny(403)"
    priority    = 1000
    description = "No body over 32 MiB"
    match {
      expr {
        expression = "has(request.headers['content-length']) && int(request.headers['content-length']) > 33554432"
      }
    }
  }

  rule {
    action      = "throttle"
    priority    = 2000
    description = "Requests a minute for each address"
    match {
      versioned_expr = "SRC_IPS_V1"
      config {
        src_ip_ranges = ["*"]
      }
    }
    rate_limit_options {
      conform_action = "allow"
      exceed_action  = "deny(429)"
      enforce_on_key = "IP"
      rate_limit_threshold {
        count        = var.load_balancer.requests_per_minute
        interval_sec = 60
      }
    }
  }

  rule {
    action      = "allow"
    priority    = 2147483647
    description = "Everything else: the functions check who calls"
    match {
      versioned_expr = "SRC_IPS_V1"
      config {
        src_ip_ranges = ["*"]
      }
    }
  }

  depends_on = [google_project_service.required]
}
