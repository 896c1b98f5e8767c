# The console: web/ as it is, on a bucket behind the load balancer, and the file that tells it where the functions are.

locals {
  # What browsers are told about each kind of file; no other kind in web/ is for them, and no test.
  _content_types = {
    css         = "text/css; charset=utf-8"
    html        = "text/html; charset=utf-8"
    ico         = "image/x-icon"
    jpg         = "image/jpeg"
    js          = "text/javascript; charset=utf-8"
    json        = "application/json"
    map         = "application/json"
    mjs         = "text/javascript; charset=utf-8"
    mp4         = "video/mp4"
    png         = "image/png"
    svg         = "image/svg+xml"
    txt         = "text/plain; charset=utf-8"
    vtt         = "text/vtt; charset=utf-8"
    webmanifest = "application/manifest+json"
    webp        = "image/webp"
    woff2       = "font/woff2"
  }

  _console_files = {
    for path in fileset("${local._repository}/web", "**/*.{${join(",", keys(local._content_types))}}") : path => path
    if local.has_load_balancer && path != "config.json" && !can(regex("(^|/)(\\.|node_modules/)|\\.test\\.", path))
  }

  # Only what browsers call: private functions and webhooks are nobody's business there.
  _console_config = jsonencode({
    environment = var.environment
    functions = {
      for name, function in module.catalog.functions : name => (
        local.has_load_balancer ? "${local._origin}/${name}" : local.functions[name].url
      ) if contains(["admin", "public", "user"], function.caller)
    }
  })
}

resource "google_storage_bucket" "console" {
  count = local.has_load_balancer ? 1 : 0

  name     = "${var.project_id}-reelay-console"
  location = var.region

  uniform_bucket_level_access = true
  force_destroy               = true # everything in it is made again from web/ by the next apply
  soft_delete_policy {
    retention_duration_seconds = 0
  }

  website {
    main_page_suffix = "index.html"
    not_found_page   = "index.html"
  }

  depends_on = [google_project_service.required]
}

# Static files for everybody; a backend bucket can serve nothing else without signed addresses. With the right to list
# them, because without it a file that is not there is a 403 and not index.html.
resource "google_storage_bucket_iam_member" "console_readers" {
  count = local.has_load_balancer ? 1 : 0

  bucket = google_storage_bucket.console[0].name
  role   = "roles/storage.objectViewer"
  member = "allUsers"
}

resource "google_storage_bucket_object" "console" {
  for_each = local._console_files

  bucket        = google_storage_bucket.console[0].name
  name          = each.key
  source        = "${local._repository}/web/${each.value}"
  content_type  = local._content_types[reverse(split(".", each.value))[0]]
  cache_control = "public, max-age=60" # names carry no hash, so a new console must be seen soon
}

resource "google_storage_bucket_object" "console_config" {
  count = local.has_load_balancer ? 1 : 0

  bucket        = google_storage_bucket.console[0].name
  name          = "config.json"
  content       = local._console_config
  content_type  = "application/json"
  cache_control = "no-cache"
}

resource "google_compute_backend_bucket" "console" {
  count = local.has_load_balancer ? 1 : 0

  name        = "reelay-console"
  bucket_name = google_storage_bucket.console[0].name
  enable_cdn  = false # a handful of small files, and nothing to invalidate

  custom_response_headers = [
    "Referrer-Policy: no-referrer",
    "Strict-Transport-Security: max-age=31536000",
    "X-Content-Type-Options: nosniff",
    "X-Frame-Options: DENY",
  ]

  depends_on = [google_project_service.required]
}
