# Cloud Functions would make a repository of its own (gcf-artifacts), which nobody cleans and `terraform destroy` does
# not know. This one is ours: images go with it, old ones before.
resource "google_artifact_registry_repository" "images" {
  repository_id = "reelay-functions"
  description   = "The functions' images, made by Cloud Build from the bundles"
  location      = var.region
  format        = "DOCKER"

  # Keeping wins over deleting: the newest ones of each function stay however old they are, so what runs and a way back
  # are never deleted.
  cleanup_policies {
    id     = "keep-newest"
    action = "KEEP"
    most_recent_versions {
      keep_count = 3
    }
  }
  cleanup_policies {
    id     = "delete-old"
    action = "DELETE"
    condition {
      tag_state  = "ANY"
      older_than = "1209600s" # 14 days
    }
  }

  depends_on = [google_project_service.required]
}
