locals {
  # Those of the type of var.functions, because a type cannot be asked for its attributes.
  _keys = [
    "caller", "concurrency", "cpu", "environment", "memory_mb", "methods", "options", "routes", "schedule", "secrets",
    "summary", "timeout_seconds",
  ]
  _route_keys = ["method", "path", "target"]
}

variable "document" {
  description = "functions/catalog.yaml, decoded and untouched: a typed variable drops unknown keys without a word, so they are looked for here"
  type        = any

  validation {
    condition     = try(join(",", keys(var.document)), "") == "functions"
    error_message = "functions/catalog.yaml must have the single key 'functions'."
  }

  validation {
    condition     = alltrue([for entry in try(var.document.functions, {}) : length(setsubtract(keys(entry), local._keys)) == 0])
    error_message = format("functions/catalog.yaml: unknown keys: %s.", join(", ", flatten([for name, entry in try(var.document.functions, {}) : [for key in setsubtract(keys(entry), local._keys) : join(".", [name, key])]])))
  }

  validation {
    condition     = alltrue(flatten([for entry in try(var.document.functions, {}) : [for route in try(entry.routes, []) : length(setsubtract(keys(route), local._route_keys)) == 0]]))
    error_message = format("functions/catalog.yaml: unknown keys in routes: %s.", join(", ", flatten([for name, entry in try(var.document.functions, {}) : [for route in try(entry.routes, []) : [for key in setsubtract(keys(route), local._route_keys) : join(".", [name, key])]]])))
  }
}

variable "folders" {
  description = "The folders under functions/ that hold a main.py"
  type        = set(string)

  validation {
    condition     = length(setsubtract(var.folders, keys(var.functions))) == 0
    error_message = format("Folders under functions/ without an entry in functions/catalog.yaml: %s.", join(", ", setsubtract(var.folders, keys(var.functions))))
  }

  validation {
    condition     = length(setsubtract(keys(var.functions), var.folders)) == 0
    error_message = format("Entries of functions/catalog.yaml without functions/<name>/main.py: %s.", join(", ", setsubtract(keys(var.functions), var.folders)))
  }
}

variable "functions" {
  description = "The catalog's functions by name"
  type = map(object({
    caller          = string
    concurrency     = number
    cpu             = number
    environment     = list(string)
    memory_mb       = number
    methods         = list(string)
    options         = optional(list(string), [])
    routes          = list(object({ method = string, path = string, target = optional(string, "/") }))
    schedule        = optional(string)
    secrets         = list(string)
    summary         = string
    timeout_seconds = number
  }))

  validation {
    condition     = alltrue([for name in keys(var.functions) : can(regex("^[a-z]([a-z0-9_]*[a-z0-9])?$", name))])
    error_message = format("functions/catalog.yaml: names must be of a-z, 0-9 and _, like check_storage: %s.", join(", ", [for name in keys(var.functions) : name if !can(regex("^[a-z]([a-z0-9_]*[a-z0-9])?$", name))]))
  }

  validation {
    condition     = alltrue([for name in keys(var.functions) : length("fn-${name}") <= 30])
    error_message = format("functions/catalog.yaml: a service account's name has 30 characters at the most, so a function's has 27: %s.", join(", ", [for name in keys(var.functions) : name if length("fn-${name}") > 30]))
  }

  validation {
    condition = alltrue([
      for function in var.functions :
      contains(["admin", "media", "public", "scheduler", "tasks", "user"], function.caller)
    ])
    error_message = format("functions/catalog.yaml: caller must be public, user, admin, tasks, scheduler or media: %s.", join(", ", [for name, function in var.functions : name if !contains(["admin", "media", "public", "scheduler", "tasks", "user"], function.caller)]))
  }

  validation {
    condition     = alltrue([for function in var.functions : (function.caller == "scheduler") == (function.schedule != null)])
    error_message = format("functions/catalog.yaml: a schedule belongs to caller: scheduler, and to it alone: %s.", join(", ", [for name, function in var.functions : name if(function.caller == "scheduler") != (function.schedule != null)]))
  }

  validation {
    condition     = alltrue([for function in var.functions : can(regex("^(\\S+ ){4}\\S+$", coalesce(function.schedule, "0 0 * * *")))])
    error_message = format("functions/catalog.yaml: a schedule is a cron line of five fields: %s.", join(", ", [for name, function in var.functions : name if !can(regex("^(\\S+ ){4}\\S+$", coalesce(function.schedule, "0 0 * * *")))]))
  }

  validation {
    condition     = alltrue([for function in var.functions : function.concurrency == 1 || function.cpu >= 1])
    error_message = format("functions/catalog.yaml: a concurrency above 1 needs a whole cpu: %s.", join(", ", [for name, function in var.functions : name if function.concurrency > 1 && function.cpu < 1]))
  }

  validation {
    condition     = alltrue([for function in var.functions : function.cpu >= 0.08 && function.cpu <= 1 || contains([2, 4, 6, 8], function.cpu)])
    error_message = format("functions/catalog.yaml: cpu must be from 0.08 to 1, or 2, 4, 6 or 8: %s.", join(", ", [for name, function in var.functions : name if !(function.cpu >= 0.08 && function.cpu <= 1 || contains([2, 4, 6, 8], function.cpu))]))
  }

  validation {
    condition     = alltrue([for function in var.functions : function.memory_mb >= 128 && function.memory_mb <= 4096 * max(1, function.cpu)])
    error_message = format("functions/catalog.yaml: memory_mb must be from 128 to 4096 for each cpu: %s.", join(", ", [for name, function in var.functions : name if function.memory_mb < 128 || function.memory_mb > 4096 * max(1, function.cpu)]))
  }

  validation {
    condition = alltrue([
      for function in var.functions :
      function.timeout_seconds >= 1 && function.timeout_seconds <= 3600 && function.concurrency >= 1 && function.concurrency <= 1000
    ])
    error_message = format("functions/catalog.yaml: timeout_seconds must be from 1 to 3600, concurrency from 1 to 1000: %s.", join(", ", [for name, function in var.functions : name if function.timeout_seconds < 1 || function.timeout_seconds > 3600 || function.concurrency < 1 || function.concurrency > 1000]))
  }

  # Else the address of one would be needed to deploy it.
  validation {
    condition = alltrue([
      for function in var.functions : !contains(function.environment, "WRITE_LOG_URL") if function.caller == "tasks"
      ]) && alltrue([
      for function in var.functions : !contains(function.options, "MEDIA_WEBHOOK_URL") if contains(["media", "tasks"], function.caller)
    ])
    error_message = "functions/catalog.yaml: what Cloud Tasks calls cannot name WRITE_LOG_URL, nor what the media host calls MEDIA_WEBHOOK_URL: it would have to be deployed before itself."
  }

  validation {
    condition = alltrue([
      for function in var.functions :
      contains(function.environment, "WRITE_LOG_URL") && contains(function.environment, "TASKS_SERVICE_ACCOUNT")
      if contains(function.environment, "AUDIT_QUEUE")
    ])
    error_message = format("functions/catalog.yaml: AUDIT_QUEUE needs WRITE_LOG_URL and TASKS_SERVICE_ACCOUNT beside it: %s.", join(", ", [for name, function in var.functions : name if contains(function.environment, "AUDIT_QUEUE") && !(contains(function.environment, "WRITE_LOG_URL") && contains(function.environment, "TASKS_SERVICE_ACCOUNT"))]))
  }

  validation {
    condition     = try(var.functions["write_log"].caller, "none") == "tasks" || !anytrue([for function in var.functions : contains(function.environment, "WRITE_LOG_URL")])
    error_message = "functions/catalog.yaml: WRITE_LOG_URL is the address of write_log, which must be there with caller: tasks."
  }

  validation {
    condition     = try(var.functions["media_webhook"].caller, "none") == "media" || !anytrue([for function in var.functions : contains(function.options, "MEDIA_WEBHOOK_URL")])
    error_message = "functions/catalog.yaml: MEDIA_WEBHOOK_URL is the address of media_webhook, which must be there with caller: media."
  }

  validation {
    condition     = alltrue([for function in var.functions : length(setsubtract(function.secrets, var.known.secrets)) == 0])
    error_message = format("functions/catalog.yaml names secrets that do not exist (terraform/secrets.tf): %s.", join(", ", flatten([for name, function in var.functions : [for secret in setsubtract(function.secrets, var.known.secrets) : join(": ", [name, secret])]])))
  }

  validation {
    condition     = alltrue([for function in var.functions : length(setsubtract(function.environment, var.known.environment)) == 0])
    error_message = format("functions/catalog.yaml names settings that Terraform has no value for (terraform/functions.tf, _environment): %s.", join(", ", flatten([for name, function in var.functions : [for setting in setsubtract(function.environment, var.known.environment) : join(": ", [name, setting])]])))
  }

  validation {
    condition     = alltrue([for function in var.functions : length(setsubtract(function.options, var.known.options)) == 0])
    error_message = format("functions/catalog.yaml names options that Terraform does not know (terraform/settings.tf): %s.", join(", ", flatten([for name, function in var.functions : [for option in setsubtract(function.options, var.known.options) : join(": ", [name, option])]])))
  }

  validation {
    condition = alltrue(flatten([
      for function in var.functions : [
        for route in function.routes : can(regex("^(/[a-z0-9-]+|/\\{\\w+\\})+$", route.path)) && can(regex("^/(\\{\\w+\\}|[a-z]+)?$", route.target))
      ]
    ]))
    error_message = format("functions/catalog.yaml: a route's path is like /api/videos/stream/{filename}, its target like /{filename}, /all or /: %s.", join(", ", [for name, function in var.functions : name if !alltrue([for route in function.routes : can(regex("^(/[a-z0-9-]+|/\\{\\w+\\})+$", route.path)) && can(regex("^/(\\{\\w+\\}|[a-z]+)?$", route.target))])]))
  }

  # The load balancer goes by the path; the method is checked by the function, which answers 405 with Allow.
  validation {
    condition = length(distinct(flatten([for function in var.functions : function.routes[*].path]))) == length(distinct(flatten([
      for name, function in var.functions : [for route in function.routes : "${route.path} ${name} ${route.target}"]
    ])))
    error_message = "functions/catalog.yaml: a route's path must lead to one function and one target, whatever the method."
  }
}

variable "known" {
  description = "The names that entries may use in `environment`, `options` and `secrets`"
  type        = object({ environment = list(string), options = list(string), secrets = list(string) })
}
