locals {
  _apis = [
    "artifactregistry.googleapis.com",
    "cloudbilling.googleapis.com", # whether the project has billing (project.tf)
    "cloudbuild.googleapis.com",
    "cloudfunctions.googleapis.com",
    "cloudresourcemanager.googleapis.com", # grants on the project
    "cloudscheduler.googleapis.com",
    "cloudtasks.googleapis.com",
    "iam.googleapis.com",
    "logging.googleapis.com",
    "monitoring.googleapis.com",
    "run.googleapis.com", # what a gen2 function is beneath
    "secretmanager.googleapis.com",
    "storage.googleapis.com",
  ]
}

resource "google_project_service" "required" {
  for_each = toset(concat(local._apis, local.has_load_balancer ? ["compute.googleapis.com"] : []))

  service = each.value

  # An API may have been on before, and something else in the project may need it: `terraform destroy` leaves it on
  # (which costs nothing) unless the project is Reelay's alone and the operator says so.
  disable_on_destroy         = var.disable_apis_on_destroy
  disable_dependent_services = var.disable_apis_on_destroy # Google turns on more for ours, which would hold them
}
