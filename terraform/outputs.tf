output "audit_restore_command" {
  description = "Puts audit events that could not be delivered back, from the repository's root, with SUPABASE_URL and SUPABASE_SECRET_KEY in the environment"
  value = join(" ", [
    "gcloud logging read 'jsonPayload.message=\"audit_fallback\"' --project=${var.project_id}",
    "--bucket=${google_logging_project_bucket_config.audit_fallback.bucket_id} --location=${var.region} --view=_AllLogs",
    "--freshness=${var.audit_fallback_retention_days}d --format=json > lost.json && make audit-restore LOG=lost.json",
  ])
}

output "console_config" {
  description = "The content of the console's config.json: where each function answers"
  value       = local._console_config
}

# In these commands and in secret_commands each part stops the rest when it fails, because an empty value, or half of one,
# would be a new version, too.
output "jwt_rotation_commands" {
  description = "Three steps, each once, that replace the key that signs tokens and log nobody out. After each one raise secret_versions.JWT_SECRETS and apply; wait a token's lifetime (12 hours) before the third"
  value = join("\n", [
    for change in [
      # 1. Every function knows the new key before one signs with it.
      "new=\"$(openssl rand -hex 32)\" && printf '%s,%s:%s' \"$old\" \"$(date -u +%Y%m%d-%H%M%S)\" \"$new\"",
      # 2. It signs: the first pair does.
      "printf '%s' \"$old\" | awk -F, '{printf \"%s\", $NF; for (i = 1; i < NF; i++) printf \",%s\", $i}'",
      # 3. The old one is forgotten.
      "printf '%s' \"$${old%%,*}\"",
    ] :
    join(" ", [
      "(old=\"$(gcloud secrets versions access latest --secret=${google_secret_manager_secret.all["JWT_SECRETS"].secret_id} --project=${var.project_id})\"",
      "&& ${change}",
      "| gcloud secrets versions add ${google_secret_manager_secret.all["JWT_SECRETS"].secret_id} --project=${var.project_id} --data-file=-)",
    ])
  ])
}

output "load_balancer_address" {
  description = "What the domain's A record must say; null without a load balancer"
  value       = one(google_compute_global_address.single_origin[*].address)
}

output "next_steps" {
  description = "What to do after the first apply, a line each; the commands are for the repository's root"
  value = join("\n", concat(
    local.has_load_balancer
    ? ["# DNS: ${var.load_balancer.domain} A ${google_compute_global_address.single_origin[0].address} (the certificate follows within the hour)"]
    : ["terraform -chdir=terraform output -raw console_config > config.json # for a frontend: where each function answers"],
    [
      for name in local._probes :
      "curl -i ${local.has_load_balancer ? local._origin : local.functions[name].url}/${name} # 401 invalid_token: it runs"
    ],
    [
      for job in google_cloud_scheduler_job.scheduled :
      "gcloud scheduler jobs run ${job.name} --project=${var.project_id} --location=${var.region}"
    ],
  ))
}

output "secret_commands" {
  description = "A line for each secret, to be run one at a time, that puts a value in: before the functions are deployed, and for every new value (then raise secret_versions and apply)"
  value = join("\n", [
    for name, secret in google_secret_manager_secret.all : join(" ", [
      name == "JWT_SECRETS"
      # The first KEY_ID:SECRET pair, which logs everybody out if there is one already: see jwt_rotation_commands.
      ? "(new=\"$(openssl rand -hex 32)\" && printf '%s:%s' \"$(date -u +%Y%m%d-%H%M%S)\" \"$new\""
      : "(printf '${name}: ' >&2; read -rs value && [ -n \"$value\" ] && printf '%s' \"$value\"",
      "| gcloud secrets versions add ${secret.secret_id} --project=${var.project_id} --data-file=-)",
    ])
  ])
}

output "service_account_emails" {
  description = "Whom each function runs as, and the accounts that build them and call the private ones"
  value = merge(
    { for name, function in local.functions : name => function.service_account_email },
    {
      build     = google_service_account.build.email
      scheduler = google_service_account.scheduler.email
      tasks     = google_service_account.tasks.email
    },
  )
}

output "urls" {
  description = "Where each function answers"
  value       = { for name, function in local.functions : name => function.url }
}
