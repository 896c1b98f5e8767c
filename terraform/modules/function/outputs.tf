output "bundle" {
  description = "The bundle's name in its bucket, which follows its content"
  value       = google_storage_bucket_object.bundle.name
}

output "resource_name" {
  description = "The function's and its service account's name"
  value       = google_cloudfunctions2_function.this.name
}

output "service" {
  description = "The Cloud Run service beneath, by its short name"
  value       = basename(google_cloudfunctions2_function.this.service_config[0].service)
}

output "service_account_email" {
  description = "Whom the function runs as"
  value       = google_service_account.this.email
}

output "url" {
  description = "Where the function answers (https://...run.app): also the audience of tokens for it"
  value       = google_cloudfunctions2_function.this.service_config[0].uri
}
