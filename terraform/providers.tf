provider "google" {
  project = var.project_id
  region  = var.region

  # Calls count against this project, whoever's credentials they are made with: those of `gcloud auth
  # application-default login` belong to a project of Google's, where the APIs that are turned on here are off.
  billing_project       = var.project_id
  user_project_override = true

  # On everything that takes labels, so that a bill or a search shows what this configuration made.
  default_labels = {
    app         = "reelay"
    environment = var.environment
    managed_by  = "terraform"
  }
}
