# Read before anything is made: a project without billing refuses one API after the other, in the middle of an apply.
# Not a `check` with a data source of its own, which is read in every apply, so that no plan would ever be empty.
data "google_project" "this" {
  project_id = var.project_id

  lifecycle {
    postcondition {
      condition     = self.billing_account != ""
      error_message = "Project ${var.project_id} has no billing account, or none that can be seen: link one (console, Billing), and turn on what shows it: gcloud services enable cloudbilling.googleapis.com --project=${var.project_id}"
    }
  }
}
