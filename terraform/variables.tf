variable "alert_emails" {
  description = "Who gets the alerts; nobody by default (they are still shown in the console)"
  type        = set(string)
  default     = []

  validation {
    condition     = alltrue([for address in var.alert_emails : can(regex("^[^@\\s]+@[^@\\s]+$", address))])
    error_message = "alert_emails must be e-mail addresses."
  }
}

variable "alert_thresholds" {
  description = "When alerts fire: the share of 5xx answers, the 95th percentile of latency in milliseconds (functions with a timeout of a minute at the most), how late the queue's tasks are in seconds, how many wait for 15 minutes"
  type = object({
    error_ratio       = optional(number, 0.05)
    latency_p95_ms    = optional(number, 2000)
    queue_age_seconds = optional(number, 300)
    queue_depth       = optional(number, 50)
  })
  default  = {}
  nullable = false

  validation {
    condition     = var.alert_thresholds.error_ratio > 0 && var.alert_thresholds.error_ratio < 1
    error_message = "alert_thresholds.error_ratio is a share between 0 and 1."
  }
}

variable "allowed_origins" {
  description = "The origins whose pages may call the functions, like https://app.example.com"
  type        = list(string)

  validation {
    condition     = length(var.allowed_origins) > 0
    error_message = "allowed_origins must name at least one origin, like https://app.example.com: without one no browser can call the functions."
  }

  validation {
    condition     = alltrue([for origin in var.allowed_origins : !strcontains(origin, "*")])
    error_message = "allowed_origins must list origins one by one: a * would let any page call the functions with its visitor's token."
  }

  validation {
    condition = alltrue([
      for origin in var.allowed_origins :
      strcontains(origin, "*") || can(regex("^(https://[a-z0-9.-]+|http://(localhost|127\\.0\\.0\\.1))(:[0-9]+)?$", origin))
    ])
    error_message = "allowed_origins must be like https://app.example.com (http only for localhost), in lower case, without a path or a slash at the end."
  }
}

variable "audit_fallback_retention_days" {
  description = "How long audit events that could not be delivered are kept to be restored"
  type        = number
  default     = 90

  validation {
    condition     = var.audit_fallback_retention_days >= 1 && var.audit_fallback_retention_days <= 3650
    error_message = "audit_fallback_retention_days must be from 1 to 3650."
  }
}

variable "audit_queue_name" {
  description = "The Cloud Tasks queue's name; to be changed if the system is applied again within days of a destroy, because a deleted queue's name is blocked. Another name is another queue: what waits in the old one is lost"
  type        = string
  default     = "reelay-audit"

  validation {
    condition     = can(regex("^[A-Za-z0-9-]{1,100}$", var.audit_queue_name))
    error_message = "audit_queue_name must be of letters, digits and -, 100 characters at the most."
  }
}

variable "disable_apis_on_destroy" {
  description = "Whether `terraform destroy` turns the project's APIs off, too: only for a project that holds nothing else"
  type        = bool
  default     = false
}

variable "environment" {
  description = "What this deployment is called in labels and alerts, like staging or prod. Each has a project of its own: names in it are the same everywhere"
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,19}$", var.environment))
    error_message = "environment must be of a-z, 0-9 and -, begin with a letter and have 20 characters at the most."
  }
}

variable "instances" {
  description = "How many instances a function has at the least (above 0: paid for, and no cold start) and at the most (Cloud Run refuses to deploy what exceeds the project's CPU quota in the region, which begins with 10 in some); `functions` says otherwise for one, by its name in the catalog"
  type = object({
    functions = optional(map(object({ min = optional(number), max = optional(number) })), {})
    max       = optional(number, 10)
    min       = optional(number, 0)
  })
  default  = {}
  nullable = false

  validation {
    condition     = length(setsubtract(keys(var.instances.functions), local._catalog_names)) == 0
    error_message = "instances.functions names what is not in functions/catalog.yaml: ${join(", ", setsubtract(keys(var.instances.functions), local._catalog_names))}."
  }

  validation {
    condition = alltrue([
      for function in concat(values(var.instances.functions), [{ min = null, max = null }]) :
      coalesce(function.min, var.instances.min) >= 0
      && coalesce(function.max, var.instances.max) >= 1
      && coalesce(function.min, var.instances.min) <= coalesce(function.max, var.instances.max)
    ])
    error_message = "instances: min must be from 0 to max, and max at least 1."
  }
}

variable "load_balancer" {
  description = "The single origin (REST paths of the catalog, Cloud Armor, the console) on a domain of yours; off by default. Unless closes_function_urls is false, browsers then reach the functions through it alone; those that count proxies (login) are closed in any case. requests_per_minute is for each client address"
  type = object({
    closes_function_urls = optional(bool, true)
    domain               = string
    requests_per_minute  = optional(number, 600)
  })
  default = null

  validation {
    condition     = can(regex("^([a-z0-9]([a-z0-9-]*[a-z0-9])?\\.)+[a-z]{2,}$", var.load_balancer.domain)) || var.load_balancer == null
    error_message = "load_balancer.domain must be a host name like api.example.com."
  }

  validation {
    condition     = try(var.load_balancer.requests_per_minute >= 1 && var.load_balancer.requests_per_minute <= 10000, true)
    error_message = "load_balancer.requests_per_minute must be from 1 to 10000."
  }
}

variable "media_host" {
  description = "Which host the secret MEDIA_URL names: cloudinary (it is told the webhook's address) or s3 (a bucket, which notifies nobody)"
  type        = string
  default     = "cloudinary"

  validation {
    condition     = contains(["cloudinary", "s3"], var.media_host)
    error_message = "media_host must be cloudinary or s3."
  }
}

variable "project_id" {
  description = "The Google project; it must exist and have billing"
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{4,28}[a-z0-9]$", var.project_id))
    error_message = "project_id must be a project's id (not its name or number): 6 to 30 characters of a-z, 0-9 and -."
  }
}

variable "region" {
  description = "Where everything runs; best near the Supabase project. Another region is another deployment in the place of this one: what waits in the queue is lost. New projects may build in some regions only, europe-west1 and us-central1 among them (https://cloud.google.com/build/docs/locations)"
  type        = string

  # Those that Cloud Functions, Cloud Tasks and Cloud Scheduler have in common.
  validation {
    condition = contains([
      "asia-east1", "asia-east2", "asia-northeast1", "asia-northeast2", "asia-northeast3", "asia-south1", "asia-southeast1",
      "asia-southeast2", "australia-southeast1", "europe-central2", "europe-west1", "europe-west2", "europe-west3",
      "europe-west6", "northamerica-northeast1", "southamerica-east1", "us-central1", "us-east1", "us-east4", "us-west1",
      "us-west2", "us-west3", "us-west4",
    ], var.region)
    error_message = "region must be one that has Cloud Functions, Cloud Tasks and Cloud Scheduler, like europe-west1 or us-central1 (not a zone like us-central1-a). If Google has added one (gcloud functions regions list, gcloud tasks locations list, gcloud scheduler locations list), add it in terraform/variables.tf."
  }
}

variable "runbooks" {
  description = "What alerts link to: docs/operations.md as a path, or better its address on your code host"
  type        = string
  default     = "docs/operations.md"
}

variable "runtime" {
  description = "The functions' Python"
  type        = string
  default     = "python312"

  validation {
    condition     = can(regex("^python3(1[2-9]|[2-9][0-9])$", var.runtime))
    error_message = "runtime must be python312 or newer."
  }
}

variable "secret_versions" {
  description = "Which version of a secret the functions get, by the secret's name; the first one by default. A number, so that a new value reaches all functions with one apply and not each with its next cold start: put a value in, raise the number, apply"
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition     = length(setsubtract(keys(var.secret_versions), local._secret_names)) == 0
    error_message = "secret_versions names secrets that do not exist: ${join(", ", setsubtract(keys(var.secret_versions), local._secret_names))}. There are: ${join(", ", local._secret_names)}."
  }

  validation {
    condition     = alltrue([for version in values(var.secret_versions) : can(regex("^([1-9][0-9]*|latest)$", version))])
    error_message = "secret_versions must be version numbers like \"1\" (or latest)."
  }
}

variable "settings" {
  description = "Optional settings by their names in functions/catalog.yaml (options); what is not set keeps the default of common/config.py. A map, not an object: Terraform drops an object's misspelt keys without a word"
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition     = alltrue([for name in keys(var.settings) : contains(keys(local._setting_rules), name)])
    error_message = "settings that do not exist, or follow from other variables: ${join(", ", setsubtract(keys(var.settings), keys(local._setting_rules)))}. There are: ${join(", ", keys(local._setting_rules))}."
  }

  validation {
    condition = alltrue([
      for name, value in var.settings :
      can(local._setting_rules[name].pattern)
      ? can(regex(local._setting_rules[name].pattern, value))
      : try(tonumber(value) >= local._setting_rules[name].minimum && tonumber(value) <= local._setting_rules[name].maximum, false)
      && can(regex("^[0-9]+$", value))
      if contains(keys(local._setting_rules), name)
    ])
    error_message = "settings must be as common/config.py takes them: ${join(", ", [
      for name, value in var.settings :
      "${name} ${try("matching ${local._setting_rules[name].pattern}", "a whole number from ${local._setting_rules[name].minimum} to ${local._setting_rules[name].maximum}")}"
      if contains(keys(local._setting_rules), name)
    ])}."
  }
}

variable "supabase_url" {
  description = "The Supabase project's address, like https://abcdefghijklmnop.supabase.co"
  type        = string

  validation {
    condition     = can(regex("^https://[a-z0-9.-]+[a-z0-9]$", var.supabase_url))
    error_message = "supabase_url must be an https address without a path or a slash at the end, like https://abcdefghijklmnop.supabase.co."
  }
}
