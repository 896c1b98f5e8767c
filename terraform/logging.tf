# Audit events that could not be handed over are printed (docs/operations.md): the only copy there is. The default
# bucket keeps them for 30 days; this one longer, and by itself, so that restoring reads nothing else.
resource "google_logging_project_bucket_config" "audit_fallback" {
  project        = var.project_id
  location       = var.region
  bucket_id      = "reelay-audit-fallback"
  description    = "Audit events that could not be delivered"
  retention_days = var.audit_fallback_retention_days

  depends_on = [google_project_service.required]
}

# To a bucket of the same project: its writer needs no grant.
resource "google_logging_project_sink" "audit_fallback" {
  name                   = "reelay-audit-fallback"
  description            = "Audit events that could not be delivered"
  destination            = "logging.googleapis.com/${google_logging_project_bucket_config.audit_fallback.id}"
  filter                 = local.audit_fallback_filter
  unique_writer_identity = true
}

locals {
  audit_fallback_filter = "resource.type=\"cloud_run_revision\" AND jsonPayload.message=\"audit_fallback\""
}
