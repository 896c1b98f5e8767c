locals {
  _secret_names = ["JWT_SECRETS", "MEDIA_URL", "SUPABASE_SECRET_KEY"]

  _secret_versions = merge({ for name in local._secret_names : name => "1" }, var.secret_versions)
}

# Containers only. Values are put in by hand (output `secret_commands`), so that none ever stands in a plan, in the state
# or in a tfvars file.
resource "google_secret_manager_secret" "all" {
  for_each = toset(local._secret_names)

  secret_id = "reelay-${lower(replace(each.key, "_", "-"))}"

  replication {
    auto {}
  }

  # Said out loud because it decides what `terraform destroy` may do: the values go with their containers.
  deletion_protection = false

  # The first thing that is applied, by itself (docs/operations.md): so the project is looked at then, too.
  depends_on = [data.google_project.this, google_project_service.required]
}
