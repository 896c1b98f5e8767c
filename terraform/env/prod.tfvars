# terraform apply -var-file=env/prod.tfvars
# Copy it for a deployment of your own, and put your values in. No secret belongs here.
environment  = "prod"
project_id   = "my-reelay-prod"
region       = "europe-west1"
supabase_url = "https://ponmlkjihgfedcba.supabase.co"

allowed_origins = ["https://app.example.com"]

# Cloud Run refuses to deploy more instances than the project's CPU quota in the region has cores (Console, IAM & Admin,
# Quotas): a new project has to ask for these. What people wait for has an instance ready; hashing passwords keeps a
# core busy, so it may have more.
instances = {
  max = 50
  functions = {
    check_storage = { min = 1 }
    list_videos   = { min = 1 }
    login         = { min = 1, max = 100 }
    watch_video   = { min = 1 }
    write_log     = { max = 10 }
    reset_usage   = { max = 1 }
  }
}

# Raised by one when a secret has got a new value (output secret_commands).
secret_versions = {
  JWT_SECRETS         = "1"
  MEDIA_URL           = "1"
  SUPABASE_SECRET_KEY = "1"
}

# load_balancer = {
#   domain = "api.example.com"
# }

alert_emails = ["operators@example.com"]
runbooks     = "https://git.example.com/reelay/reelay/blob/main/docs/operations.md"
