provider "google" {
  project = var.project_id
  region  = var.region

  # On everything that takes labels, so that a bill or a search shows what this configuration made.
  default_labels = {
    app         = "reelay"
    environment = var.environment
    managed_by  = "terraform"
  }
}
