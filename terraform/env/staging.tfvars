# terraform apply -var-file=env/staging.tfvars
# Copy it for a deployment of your own, and put your values in. No secret belongs here.
environment  = "staging"
project_id   = "my-reelay-staging"
region       = "europe-west1"
supabase_url = "https://abcdefghijklmnop.supabase.co"

allowed_origins = [
  "https://staging.example.com",
  "http://localhost:5173",
]

# No instance waits, and a runaway test stays cheap.
instances = {
  max = 5
}

# Limits that a tester reaches.
settings = {
  PLAYBACK_ALLOWANCE_BYTES = "524288000"
}
