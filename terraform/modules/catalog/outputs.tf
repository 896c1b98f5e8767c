output "functions" {
  description = "The catalog's functions by name, with what follows from an entry and is needed in several places"
  value = {
    for name, function in var.functions : name => merge(function, {
      is_logging = contains(function.environment, "AUDIT_QUEUE")
      is_private = contains(["scheduler", "tasks"], function.caller)
      name       = name
      # Cloud Run takes no underscore, and a service account's name has 6 characters at the least.
      resource_name = "fn-${replace(name, "_", "-")}"
    })
  }
}
