variable "audit" {
  description = "For a function that logs: the queue's name, and the account (resource name) as which its tasks are delivered; null for one that does not"
  type        = object({ queue = string, task_account = string })
  default     = null
}

variable "files" {
  description = "The bundle: path in it => content"
  type        = map(string)
}

variable "function" {
  description = "The catalog's entry, as modules/catalog gives it out"
  type = object({
    caller          = string
    concurrency     = number
    cpu             = number
    environment     = list(string)
    memory_mb       = number
    name            = string
    options         = list(string)
    resource_name   = string
    summary         = string
    timeout_seconds = number
  })
}

variable "ingress" {
  description = "Where requests may come from: ALLOW_ALL or ALLOW_INTERNAL_AND_GCLB"
  type        = string
}

variable "instances" {
  description = "How many instances there are at the least and at the most"
  type        = object({ min = number, max = number })
}

variable "invoker" {
  description = "Whom the platform lets call the function: allUsers, or one service account"
  type        = string
}

variable "platform" {
  description = "What is the same for every function; `ready` is waited for"
  type = object({
    build_account  = string
    bundles_bucket = string
    project_id     = string
    ready          = list(string)
    region         = string
    repository     = string
    runtime        = string
  })
}

variable "secrets" {
  description = "The function's secrets: name in its environment => id and version in Secret Manager"
  type        = map(object({ id = string, version = string }))
}

variable "values" {
  description = "Values of plain settings; the function gets those that its catalog entry names, and no others"
  type        = map(string)
}
