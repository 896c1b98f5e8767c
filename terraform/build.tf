# Who builds the images. Projects since July 2024 have no default account that may, and older ones have one that may far
# too much (Editor).
resource "google_service_account" "build" {
  account_id   = "reelay-build"
  display_name = "Reelay: Cloud Build of the functions"

  depends_on = [google_project_service.required]
}

resource "google_project_iam_member" "build_logs" {
  project = var.project_id
  role    = "roles/logging.logWriter"
  member  = google_service_account.build.member
}

# Cloud Functions copies a bundle into a bucket of its own before it builds. That bucket is Google's (its name ends in
# the project's number and the region), hence a grant on the project, but for such buckets only.
resource "google_project_iam_member" "build_sources" {
  project = var.project_id
  role    = "roles/storage.objectViewer"
  member  = google_service_account.build.member

  condition {
    title      = "function_sources_only"
    expression = "resource.name.startsWith(\"projects/_/buckets/gcf-v2-sources-\")"
  }
}

# Our own bucket, too: it is not documented from which of the two the build reads.
resource "google_storage_bucket_iam_member" "build_bundles" {
  bucket = google_storage_bucket.bundles.name
  role   = "roles/storage.objectViewer"
  member = google_service_account.build.member
}

resource "google_artifact_registry_repository_iam_member" "build_images" {
  location   = google_artifact_registry_repository.images.location
  repository = google_artifact_registry_repository.images.repository_id
  role       = "roles/artifactregistry.writer"
  member     = google_service_account.build.member
}
