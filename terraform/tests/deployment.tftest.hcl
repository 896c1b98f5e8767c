# What a plan would deploy, of the real catalog and sources.

mock_provider "google" {
  # Invented values are random strings: these have a form that is checked, or compared below.
  mock_resource "google_service_account" {
    defaults = {
      email  = "somebody@reelay-test.iam.gserviceaccount.com"
      id     = "projects/reelay-test/serviceAccounts/somebody@reelay-test.iam.gserviceaccount.com"
      member = "serviceAccount:somebody@reelay-test.iam.gserviceaccount.com"
      name   = "projects/reelay-test/serviceAccounts/somebody@reelay-test.iam.gserviceaccount.com"
    }
  }
}

override_resource {
  target          = google_service_account.scheduler
  override_during = plan
  values = {
    email  = "reelay-scheduler@reelay-test.iam.gserviceaccount.com"
    member = "serviceAccount:reelay-scheduler@reelay-test.iam.gserviceaccount.com"
  }
}

override_resource {
  target          = google_service_account.tasks
  override_during = plan
  values = {
    email  = "reelay-tasks@reelay-test.iam.gserviceaccount.com"
    member = "serviceAccount:reelay-tasks@reelay-test.iam.gserviceaccount.com"
    name   = "projects/reelay-test/serviceAccounts/reelay-tasks@reelay-test.iam.gserviceaccount.com"
  }
}

variables {
  allowed_origins = ["https://app.example.com", "http://localhost:5173"]
  environment     = "test"
  project_id      = "reelay-test"
  region          = "europe-west1"
  supabase_url    = "https://abcdefghijklmnop.supabase.co"
}

run "every_entry_is_deployed" {
  command = plan

  assert {
    condition     = length(local.functions) == length(yamldecode(file("../functions/catalog.yaml")).functions)
    error_message = "There is one function for each entry of the catalog."
  }
  assert {
    condition     = local._inputs["write_log"].invoker == google_service_account.tasks.member
    error_message = "Only the tasks' account may call write_log."
  }
  assert {
    condition     = local._inputs["reset_usage"].invoker == google_service_account.scheduler.member
    error_message = "Only the scheduler's account may call reset_usage."
  }
  assert {
    condition = alltrue([
      for name, inputs in local._inputs : inputs.invoker == "allUsers" if !contains(["reset_usage", "write_log"], name)
    ])
    error_message = "All other functions check their callers themselves."
  }
  assert {
    condition     = alltrue([for name, inputs in local._inputs : toset(keys(inputs.secrets)) == toset(inputs.function.secrets)])
    error_message = "A function gets the secrets of its entry and no others."
  }
  assert {
    condition     = alltrue([for name, inputs in local._inputs : (inputs.audit != null) == contains(inputs.function.environment, "AUDIT_QUEUE")])
    error_message = "Only a function that logs may use the queue and act as the tasks' account."
  }
  assert {
    condition     = alltrue([for inputs in local._inputs : inputs.ingress == "ALLOW_ALL"])
    error_message = "Without a load balancer every function answers at its own address."
  }
  assert {
    condition = alltrue([
      for inputs in local._inputs :
      contains(keys(inputs.files), "main.py") && contains(keys(inputs.files), "requirements.txt") && contains(keys(inputs.files), "common/http.py")
    ])
    error_message = "A bundle holds main.py at its root, common/ and requirements.txt."
  }
  assert {
    condition = alltrue(flatten([
      for inputs in local._inputs : [for path in keys(inputs.files) : can(regex("^(main\\.py|requirements\\.txt|common/[a-z0-9_]+\\.py)$", path))]
    ]))
    error_message = "A bundle holds nothing else."
  }
}

run "the_daily_job" {
  command = plan

  assert {
    condition = (
      google_cloud_scheduler_job.scheduled["reset_usage"].schedule == "0 0 * * *"
      && google_cloud_scheduler_job.scheduled["reset_usage"].time_zone == "Etc/UTC"
    )
    error_message = "The job runs at the catalog's cron line, in UTC."
  }
  assert {
    condition     = google_cloud_scheduler_job.scheduled["reset_usage"].retry_config[0].retry_count > 0
    error_message = "A failed run is tried again: the default is not to."
  }
  assert {
    condition     = google_cloud_scheduler_job.scheduled["reset_usage"].http_target[0].headers["Content-Type"] == "application/json"
    error_message = "The functions take JSON; the default is application/octet-stream."
  }
  assert {
    condition     = google_cloud_scheduler_job.scheduled["reset_usage"].http_target[0].oidc_token[0].service_account_email == google_service_account.scheduler.email
    error_message = "The job calls as the scheduler's account."
  }
  assert {
    condition     = tonumber(trimsuffix(google_cloud_scheduler_job.scheduled["reset_usage"].attempt_deadline, "s")) >= local._inputs["reset_usage"].function.timeout_seconds
    error_message = "The job waits as long as the function may run."
  }
}

run "nothing_of_the_load_balancer_by_default" {
  command = plan

  assert {
    condition = (
      length(google_compute_url_map.single_origin) + length(google_compute_backend_service.functions)
      + length(google_storage_bucket.console) + length(google_compute_global_address.single_origin)
    ) == 0
    error_message = "The load balancer is off by default."
  }
  assert {
    condition     = !contains(keys(local._options), "TRUSTED_PROXY_COUNT")
    error_message = "Without a load balancer nobody stands between Google's front and the client."
  }
}

run "load_balancer" {
  command = plan
  variables {
    load_balancer = { domain = "api.example.com" }
  }

  assert {
    condition     = local._options["TRUSTED_PROXY_COUNT"] == "1"
    error_message = "The load balancer is one proxy of our own."
  }
  assert {
    condition     = alltrue([for name in ["login", "check_storage"] : local._ingress[name] == "ALLOW_INTERNAL_AND_GCLB"])
    error_message = "What browsers call is reached through the load balancer only."
  }
  assert {
    condition     = alltrue([for name in ["media_webhook", "reset_usage", "write_log"] : local._ingress[name] == "ALLOW_ALL"])
    error_message = "The media host, Cloud Tasks and Cloud Scheduler know the functions' own addresses."
  }
  assert {
    condition     = !contains(keys(local._balanced), "reset_usage")
    error_message = "A private function without a route has nothing to do on the single origin."
  }
  assert {
    condition = alltrue(flatten([
      for name, function in local._balanced : [
        for route in function.routes : anytrue([
          for rule in local._route_rules :
          rule.function == name
          && (rule.exact == route.path || rule.template == replace(route.path, "}", "=*}"))
          && coalesce(rule.rewrite, rule.template_rewrite, "none") == trimsuffix("/${name}${route.target}", "/")
        ])
      ]
    ]))
    error_message = "Every route of the catalog leads to /<function><target>."
  }
  assert {
    condition = alltrue([
      for rule in google_compute_security_policy.single_origin[0].rule : rule.rate_limit_options[0].enforce_on_key == "IP" if rule.action == "throttle"
    ])
    error_message = "The rate limit is for each address."
  }
}

run "load_balancer_beside_the_functions_addresses" {
  command = plan
  variables {
    load_balancer = { domain = "api.example.com", closes_function_urls = false }
  }

  assert {
    condition     = [for name, ingress in local._ingress : name if ingress != "ALLOW_ALL"] == ["login"]
    error_message = "A function that counts proxies cannot be called past the load balancer: its caller could write the client's address."
  }
}

run "settings_reach_those_that_list_them" {
  command = plan
  variables {
    settings = { BCRYPT_COST = 10 }
  }

  assert {
    condition     = local._options["BCRYPT_COST"] == "10"
    error_message = "A setting is passed on as text."
  }
}

run "production_keeps_instances_ready" {
  command = plan
  variables {
    instances = { max = 50, functions = { login = { min = 2 } } }
  }

  assert {
    condition     = local._instances["login"] == { min = 2, max = 50 } && local._instances["register"] == { min = 0, max = 50 }
    error_message = "What is not said for one function is as for all."
  }
}
