# One function's resources, by themselves.

mock_provider "google" {}

variables {
  files     = { "main.py" = "pass\n", "requirements.txt" = "" }
  ingress   = "ALLOW_ALL"
  instances = { min = 0, max = 3 }
  invoker   = "allUsers"
  secrets   = { JWT_SECRETS = { id = "reelay-jwt-secrets", version = "2" } }
  values    = { SUPABASE_URL = "https://a.supabase.co", ALLOWED_ORIGINS = "https://b", BCRYPT_COST = "10", MEDIA_FOLDER = "x" }
  function = {
    caller  = "user", concurrency = 8, cpu = 1, environment = ["SUPABASE_URL"], memory_mb = 256, name = "check_storage"
    options = ["BCRYPT_COST", "MEDIA_ACCESS"], resource_name = "fn-check-storage", summary = "S", timeout_seconds = 30
  }
  platform = {
    build_account = "projects/p/serviceAccounts/b@p.iam.gserviceaccount.com", bundles_bucket = "bundles", project_id = "p"
    ready         = [], region = "europe-west1", repository = "projects/p/locations/europe-west1/repositories/r", runtime = "python312"
  }
}

run "a_function_gets_what_its_entry_names" {
  command = plan
  module { source = "./modules/function" }

  assert {
    condition = google_cloudfunctions2_function.this.service_config[0].environment_variables == tomap({
      BCRYPT_COST = "10", SUPABASE_URL = "https://a.supabase.co", THREADS = "8"
    })
    error_message = "Its environment, the options that are set, as many threads as requests at once, and nothing else."
  }
  assert {
    condition = [for secret in google_cloudfunctions2_function.this.service_config[0].secret_environment_variables : "${secret.key} ${secret.secret} ${secret.version}"] == [
      "JWT_SECRETS reelay-jwt-secrets 2"
    ]
    error_message = "Its secrets in the wanted version."
  }
  assert {
    condition     = keys(google_secret_manager_secret_iam_member.accessor) == ["JWT_SECRETS"]
    error_message = "It may read its secrets and no others."
  }
  assert {
    condition = (
      google_cloudfunctions2_function.this.build_config[0].entry_point == "check_storage"
      && google_cloudfunctions2_function.this.name == "fn-check-storage"
      && google_service_account.this.account_id == "fn-check-storage"
    )
    error_message = "The entry point is the function's name, resources have the derived one."
  }
  assert {
    condition = (
      google_cloudfunctions2_function.this.service_config[0].available_memory == "256Mi"
      && google_cloudfunctions2_function.this.service_config[0].available_cpu == "1"
      && google_cloudfunctions2_function.this.service_config[0].max_instance_request_concurrency == 8
      && google_cloudfunctions2_function.this.service_config[0].timeout_seconds == 30
    )
    error_message = "Memory, cpu, concurrency and timeout are the entry's."
  }
  assert {
    condition     = length(google_cloud_tasks_queue_iam_member.enqueuer) + length(google_service_account_iam_member.task_account_user) == 0
    error_message = "A function that does not log has no right to the queue."
  }
  assert {
    condition     = google_cloud_run_v2_service_iam_member.invoker.role == "roles/run.invoker" && google_cloud_run_v2_service_iam_member.invoker.member == "allUsers"
    error_message = "The platform lets its invoker in, and nobody else."
  }
}

run "a_function_that_logs" {
  command = plan
  module { source = "./modules/function" }
  variables {
    audit = { queue = "audit", task_account = "projects/p/serviceAccounts/t@p.iam.gserviceaccount.com" }
  }

  assert {
    condition     = google_cloud_tasks_queue_iam_member.enqueuer[0].role == "roles/cloudtasks.enqueuer" && google_cloud_tasks_queue_iam_member.enqueuer[0].name == "audit"
    error_message = "It may put tasks into the audit queue."
  }
  assert {
    condition     = google_service_account_iam_member.task_account_user[0].role == "roles/iam.serviceAccountUser" && google_service_account_iam_member.task_account_user[0].service_account_id == var.audit.task_account
    error_message = "It may make tasks that are delivered as the tasks' account, and act as no other."
  }
}

run "another_source_is_another_bundle" {
  command = plan
  module { source = "./modules/function" }
  variables {
    files = { "main.py" = "pass  # changed\n", "requirements.txt" = "" }
  }

  assert {
    condition     = google_storage_bucket_object.bundle.name != run.a_function_gets_what_its_entry_names.bundle
    error_message = "A bundle's name follows its content."
  }
}
