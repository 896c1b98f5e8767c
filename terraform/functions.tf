locals {
  # Values for what a catalog entry's `environment` may name, but for WRITE_LOG_URL, which a function reports.
  _environment = {
    ALLOWED_ORIGINS           = join(",", var.allowed_origins)
    AUDIT_QUEUE               = google_cloud_tasks_queue.audit.id
    SCHEDULER_SERVICE_ACCOUNT = google_service_account.scheduler.email
    SUPABASE_URL              = var.supabase_url
    TASKS_SERVICE_ACCOUNT     = google_service_account.tasks.email
  }
  _environment_names = concat(keys(local._environment), ["WRITE_LOG_URL"])

  # Values for what its `options` may name; what is not here keeps the default of common/config.py. One proxy of our own
  # stands between Google's front and the client when there is a load balancer.
  _options = merge(var.settings, local.has_load_balancer ? { TRUSTED_PROXY_COUNT = "1" } : {})

  # What is the same for every function. `ready` is waited for, not used: without these grants the first build fails.
  _platform = {
    build_account  = google_service_account.build.id
    bundles_bucket = google_storage_bucket.bundles.name
    project_id     = var.project_id
    region         = var.region
    repository     = google_artifact_registry_repository.images.id
    runtime        = var.runtime
    ready = concat(
      [for api in google_project_service.required : api.id],
      [
        google_artifact_registry_repository_iam_member.build_images.id,
        google_project_iam_member.build_logs.id,
        google_project_iam_member.build_sources.id,
        google_storage_bucket_iam_member.build_bundles.id,
      ],
    )
  }

  # What is a function's own and known before any is deployed.
  _inputs = {
    for name, function in module.catalog.functions : name => {
      function = function
      files = merge(local._shared_files, {
        "main.py" = file("${local._repository}/functions/${name}/main.py")
      })
      audit = function.is_logging ? {
        queue        = google_cloud_tasks_queue.audit.name
        task_account = google_service_account.tasks.name
      } : null
      # Everybody may call a function that checks its callers itself; the platform keeps all but one account from the
      # others. Neither `allUsers` nor the account is ever right for both.
      invoker = lookup({
        scheduler = google_service_account.scheduler.member
        tasks     = google_service_account.tasks.member
      }, function.caller, "allUsers")
      ingress   = local._ingress[name]
      instances = local._instances[name]
      secrets = {
        for secret in function.secrets : secret => {
          id      = google_secret_manager_secret.all[secret].secret_id
          version = local._secret_versions[secret]
        }
      }
    }
  }

  # Open by default: existing frontends call the functions' own addresses. Behind a load balancer those called by
  # browsers are closed to everybody else, or else a caller could go round Cloud Armor; a function that counts proxies is
  # closed in any case, because who calls it directly writes the entry that it would take for the client's address.
  # Webhooks, Cloud Tasks and Cloud Scheduler know the functions' own addresses only.
  _ingress = {
    for name, function in module.catalog.functions : name => (
      local.has_load_balancer && contains(["admin", "public", "user"], function.caller) && (
        try(var.load_balancer.closes_function_urls, true) || contains(function.options, "TRUSTED_PROXY_COUNT")
      ) ? "ALLOW_INTERNAL_AND_GCLB" : "ALLOW_ALL"
    )
  }

  _instances = {
    for name in keys(module.catalog.functions) : name => {
      min = coalesce(try(var.instances.functions[name].min, null), var.instances.min)
      max = coalesce(try(var.instances.functions[name].max, null), var.instances.max)
    }
  }

  # All of them, whichever call below makes them.
  functions = merge(module.task_functions, module.media_functions, module.functions)
}

# Three calls of one module, because a function's address is known only once it is there, and a for_each cannot refer to
# itself: first those that Cloud Tasks calls, then (they log) those that the media host calls, then all others.
module "task_functions" {
  source   = "./modules/function"
  for_each = { for name, inputs in local._inputs : name => inputs if inputs.function.caller == "tasks" }

  audit     = each.value.audit
  files     = each.value.files
  function  = each.value.function
  ingress   = each.value.ingress
  instances = each.value.instances
  invoker   = each.value.invoker
  platform  = local._platform
  secrets   = each.value.secrets
  values    = merge(local._environment, local._options)
}

module "media_functions" {
  source   = "./modules/function"
  for_each = { for name, inputs in local._inputs : name => inputs if inputs.function.caller == "media" }

  audit     = each.value.audit
  files     = each.value.files
  function  = each.value.function
  ingress   = each.value.ingress
  instances = each.value.instances
  invoker   = each.value.invoker
  platform  = local._platform
  secrets   = each.value.secrets
  values    = merge(local._environment, local._options, { WRITE_LOG_URL = module.task_functions["write_log"].url })
}

module "functions" {
  source   = "./modules/function"
  for_each = { for name, inputs in local._inputs : name => inputs if !contains(["media", "tasks"], inputs.function.caller) }

  audit     = each.value.audit
  files     = each.value.files
  function  = each.value.function
  ingress   = each.value.ingress
  instances = each.value.instances
  invoker   = each.value.invoker
  platform  = local._platform
  secrets   = each.value.secrets
  values = merge(
    local._environment,
    local._options,
    { WRITE_LOG_URL = module.task_functions["write_log"].url },
    # A bucket notifies nobody: only Cloudinary is told where the webhook is.
    var.media_host == "cloudinary" ? { MEDIA_WEBHOOK_URL = module.media_functions["media_webhook"].url } : {},
  )
}
