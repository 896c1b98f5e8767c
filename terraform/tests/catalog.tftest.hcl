# A catalog that could not be deployed, or would not be what it says, is refused at plan time.

variables {
  known = { environment = ["AUDIT_QUEUE", "TASKS_SERVICE_ACCOUNT", "WRITE_LOG_URL"], options = ["MEDIA_WEBHOOK_URL"], secrets = ["JWT_SECRETS"] }

  document  = { functions = {} }
  folders   = []
  functions = {}

  # One that is right; each run below changes what it is about.
  entry = {
    caller    = "user", concurrency = 8, cpu = 1, environment = []
    memory_mb = 256, methods = ["GET"], options = [], routes = []
    secrets   = [], summary = "S", timeout_seconds = 30
  }
}

run "good" {
  command = plan
  module { source = "./modules/catalog" }
  variables {
    folders = ["check_storage", "write_log"]
    functions = {
      check_storage = merge(var.entry, { environment = ["AUDIT_QUEUE", "TASKS_SERVICE_ACCOUNT", "WRITE_LOG_URL"], secrets = ["JWT_SECRETS"] })
      write_log     = merge(var.entry, { caller = "tasks" })
    }
  }

  assert {
    condition     = output.functions["check_storage"].resource_name == "fn-check-storage"
    error_message = "A resource's name is fn- and the function's name in kebab-case."
  }
  assert {
    condition     = output.functions["check_storage"].is_logging && !output.functions["write_log"].is_logging
    error_message = "A function logs if its environment has AUDIT_QUEUE."
  }
  assert {
    condition     = output.functions["write_log"].is_private && !output.functions["check_storage"].is_private
    error_message = "What Cloud Tasks calls is private, what users call is not."
  }
}

run "document_without_functions" {
  command = plan
  module { source = "./modules/catalog" }
  variables {
    document  = { endpoints = {} }
    folders   = []
    functions = {}
  }
  expect_failures = [var.document]
}

run "misspelt_key" {
  command = plan
  module { source = "./modules/catalog" }
  variables {
    document  = { functions = { login = { option = ["BCRYPT_COST"] } } }
    folders   = ["login"]
    functions = { login = var.entry }
  }
  expect_failures = [var.document]
}

run "misspelt_key_of_a_route" {
  command = plan
  module { source = "./modules/catalog" }
  variables {
    document  = { functions = { login = { routes = [{ method = "GET", path = "/a", traget = "/b" }] } } }
    folders   = ["login"]
    functions = { login = var.entry }
  }
  expect_failures = [var.document]
}

run "folder_without_entry" {
  command = plan
  module { source = "./modules/catalog" }
  variables {
    folders   = ["login", "logout"]
    functions = { login = var.entry }
  }
  expect_failures = [var.folders]
}

run "entry_without_folder" {
  command = plan
  module { source = "./modules/catalog" }
  variables {
    folders = ["login"]
    functions = {
      login  = var.entry
      logout = var.entry
    }
  }
  expect_failures = [var.folders]
}

run "no_such_secret" {
  command = plan
  module { source = "./modules/catalog" }
  variables {
    folders   = ["login"]
    functions = { login = merge(var.entry, { secrets = ["JWT_SECRET"] }) }
  }
  expect_failures = [var.functions]
}

run "no_such_environment" {
  command = plan
  module { source = "./modules/catalog" }
  variables {
    folders   = ["login"]
    functions = { login = merge(var.entry, { environment = ["SUPABASE_URI"] }) }
  }
  expect_failures = [var.functions]
}

run "no_such_option" {
  command = plan
  module { source = "./modules/catalog" }
  variables {
    folders   = ["login"]
    functions = { login = merge(var.entry, { options = ["BCRYPT_COSTS"] }) }
  }
  expect_failures = [var.functions]
}

run "name_too_long" {
  command = plan
  module { source = "./modules/catalog" }
  variables {
    folders   = ["aaaaaaaaaaaaaaaaaaaaaaaaaaaa"]
    functions = { aaaaaaaaaaaaaaaaaaaaaaaaaaaa = var.entry }
  }
  expect_failures = [var.functions]
}

run "longest_name" {
  command = plan
  module { source = "./modules/catalog" }
  variables {
    folders   = ["aaaaaaaaaaaaaaaaaaaaaaaaaaa"]
    functions = { aaaaaaaaaaaaaaaaaaaaaaaaaaa = var.entry }
  }
}

run "name_in_kebab_case" {
  command = plan
  module { source = "./modules/catalog" }
  variables {
    folders = ["log-in"]
    functions = {
      "log-in" = {
        caller    = "user", concurrency = 8, cpu = 1, environment = []
        memory_mb = 256, methods = ["GET"], options = [], routes = []
        secrets   = [], summary = "S", timeout_seconds = 30
      }
    }
  }
  expect_failures = [var.functions]
}

run "no_such_caller" {
  command = plan
  module { source = "./modules/catalog" }
  variables {
    folders   = ["login"]
    functions = { login = merge(var.entry, { caller = "anybody" }) }
  }
  expect_failures = [var.functions]
}

run "schedule_without_scheduler" {
  command = plan
  module { source = "./modules/catalog" }
  variables {
    folders   = ["login"]
    functions = { login = merge(var.entry, { schedule = "0 0 * * *" }) }
  }
  expect_failures = [var.functions]
}

run "scheduler_without_schedule" {
  command = plan
  module { source = "./modules/catalog" }
  variables {
    folders   = ["reset"]
    functions = { reset = merge(var.entry, { caller = "scheduler" }) }
  }
  expect_failures = [var.functions]
}

run "no_cron_line" {
  command = plan
  module { source = "./modules/catalog" }
  variables {
    folders   = ["reset"]
    functions = { reset = merge(var.entry, { caller = "scheduler", schedule = "daily" }) }
  }
  expect_failures = [var.functions]
}

run "concurrency_on_half_a_cpu" {
  command = plan
  module { source = "./modules/catalog" }
  variables {
    folders   = ["login"]
    functions = { login = merge(var.entry, { cpu = 0.5 }) }
  }
  expect_failures = [var.functions]
}

run "three_cpus" {
  command = plan
  module { source = "./modules/catalog" }
  variables {
    folders   = ["login"]
    functions = { login = merge(var.entry, { cpu = 3 }) }
  }
  expect_failures = [var.functions]
}

run "too_much_memory_for_a_cpu" {
  command = plan
  module { source = "./modules/catalog" }
  variables {
    folders   = ["login"]
    functions = { login = merge(var.entry, { memory_mb = 8192 }) }
  }
  expect_failures = [var.functions]
}

run "too_little_memory" {
  command = plan
  module { source = "./modules/catalog" }
  variables {
    folders   = ["login"]
    functions = { login = merge(var.entry, { memory_mb = 64 }) }
  }
  expect_failures = [var.functions]
}

run "too_long" {
  command = plan
  module { source = "./modules/catalog" }
  variables {
    folders   = ["login"]
    functions = { login = merge(var.entry, { timeout_seconds = 3601 }) }
  }
  expect_failures = [var.functions]
}

run "no_concurrency" {
  command = plan
  module { source = "./modules/catalog" }
  variables {
    folders   = ["login"]
    functions = { login = merge(var.entry, { concurrency = 0 }) }
  }
  expect_failures = [var.functions]
}

run "write_log_that_logs" {
  command = plan
  module { source = "./modules/catalog" }
  variables {
    folders   = ["write_log"]
    functions = { write_log = merge(var.entry, { caller = "tasks", environment = ["AUDIT_QUEUE", "TASKS_SERVICE_ACCOUNT", "WRITE_LOG_URL"] }) }
  }
  expect_failures = [var.functions]
}

run "webhook_that_needs_itself" {
  command = plan
  module { source = "./modules/catalog" }
  variables {
    folders   = ["media_webhook"]
    functions = { media_webhook = merge(var.entry, { caller = "media", options = ["MEDIA_WEBHOOK_URL"] }) }
  }
  expect_failures = [var.functions]
}

run "queue_without_target" {
  command = plan
  module { source = "./modules/catalog" }
  variables {
    folders = ["login", "write_log"]
    functions = {
      login     = merge(var.entry, { environment = ["AUDIT_QUEUE"] })
      write_log = merge(var.entry, { caller = "tasks" })
    }
  }
  expect_failures = [var.functions]
}

run "nobody_writes_the_log" {
  command = plan
  module { source = "./modules/catalog" }
  variables {
    folders   = ["login"]
    functions = { login = merge(var.entry, { environment = ["AUDIT_QUEUE", "TASKS_SERVICE_ACCOUNT", "WRITE_LOG_URL"] }) }
  }
  expect_failures = [var.functions]
}

run "no_webhook" {
  command = plan
  module { source = "./modules/catalog" }
  variables {
    folders   = ["login"]
    functions = { login = merge(var.entry, { options = ["MEDIA_WEBHOOK_URL"] }) }
  }
  expect_failures = [var.functions]
}

run "path_without_a_slash" {
  command = plan
  module { source = "./modules/catalog" }
  variables {
    folders   = ["login"]
    functions = { login = merge(var.entry, { routes = [{ method = "GET", path = "api" }] }) }
  }
  expect_failures = [var.functions]
}

run "path_of_two" {
  command = plan
  module { source = "./modules/catalog" }
  variables {
    folders = ["login", "logout"]
    functions = {
      login  = merge(var.entry, { routes = [{ method = "GET", path = "/api/a" }] })
      logout = merge(var.entry, { routes = [{ method = "POST", path = "/api/a" }] })
    }
  }
  expect_failures = [var.functions]
}

run "path_for_two_methods" {
  command = plan
  module { source = "./modules/catalog" }
  variables {
    folders   = ["login"]
    functions = { login = merge(var.entry, { routes = [{ method = "GET", path = "/api/a" }, { method = "POST", path = "/api/a" }] }) }
  }
}
