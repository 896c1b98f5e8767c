locals {
  _repository = "${path.module}/.."

  # What every bundle holds besides its function's own main.py, the same as in local/bundle.py.
  _shared_files = {
    for path in setunion(fileset(local._repository, "common/**/*.py"), ["requirements.txt"]) :
    path => file("${local._repository}/${path}")
  }
}

resource "google_storage_bucket" "bundles" {
  # With the region, because another region means another bucket, which has to be there before the old one goes.
  name     = "${var.project_id}-${var.region}-bundles"
  location = var.region

  uniform_bucket_level_access = true
  public_access_prevention    = "enforced"

  # Everything in it is made again from the sources by the next apply.
  force_destroy = true
  soft_delete_policy {
    retention_duration_seconds = 0
  }

  depends_on = [google_project_service.required]
}
