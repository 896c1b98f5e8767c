# Each wrong value is refused at plan time, by the variable that holds it. Several at once, because a plan takes seconds:
# each of the variables named in expect_failures must refuse its value.

mock_provider "google" {}

variables {
  allowed_origins = ["https://app.example.com"]
  environment     = "test"
  project_id      = "reelay-test"
  region          = "europe-west1"
  supabase_url    = "https://abcdefghijklmnop.supabase.co"
}

run "nothing_where_something_must_be" {
  command = plan
  variables {
    alert_emails                  = ["operators"]                          # no address
    alert_thresholds              = { error_ratio = 5 }                    # percent for a share
    allowed_origins               = []                                     # no origin
    audit_fallback_retention_days = 0                                      # for no time
    audit_queue_name              = "reelay/audit"                         # a slash
    environment                   = "my staging"                           # a space
    instances                     = { max = 0 }                            # no instance
    load_balancer                 = { domain = "https://api.example.com" } # an address for a domain
    media_host                    = "gcs"                                  # no such host
    project_id                    = "123456789012"                         # the number for the id
    region                        = "europe-west1-b"                       # a zone
    runtime                       = "python311"                            # too old
    secret_versions               = { JWT_SECRET = "1" }                   # misspelt
    settings                      = { BCRYPT_COSTS = "12" }                # misspelt
    supabase_url                  = "http://abcdefghijklmnop.supabase.co"  # not encrypted
  }
  expect_failures = [
    var.alert_emails, var.alert_thresholds, var.allowed_origins, var.audit_fallback_retention_days, var.audit_queue_name,
    var.environment, var.instances, var.load_balancer, var.media_host, var.project_id, var.region, var.runtime,
    var.secret_versions, var.settings, var.supabase_url,
  ]
}

run "no_billing" {
  command = plan
  override_data {
    target = data.google_project.this
    values = { billing_account = "" }
  }
  expect_failures = [data.google_project.this]
}

run "wrong_in_another_way" {
  command = plan
  variables {
    allowed_origins = ["https://app.example.com", "*"]                        # any origin
    instances       = { functions = { log_in = { min = 1 } } }                # no such function
    load_balancer   = { domain = "api.example.com", requests_per_minute = 0 } # nobody comes through
    region          = "europe-middle1"                                        # no such region
    secret_versions = { JWT_SECRETS = "newest" }                              # no such version
    settings        = { TRUSTED_PROXY_COUNT = "1" }                           # follows from load_balancer
    supabase_url    = "https://abcdefghijklmnop.supabase.co/"                 # a slash at the end
  }
  expect_failures = [
    var.allowed_origins, var.instances, var.load_balancer, var.region, var.secret_versions, var.settings, var.supabase_url,
  ]
}

run "wrong_in_a_third_way" {
  command = plan
  variables {
    allowed_origins = ["https://*.example.com"]                # any subdomain
    instances       = { functions = { login = { min = 21 } } } # more at the least than at the most
    settings        = { BCRYPT_COST = "17" }                   # out of range
  }
  expect_failures = [var.allowed_origins, var.instances, var.settings]
}

run "wrong_in_a_fourth_way" {
  command = plan
  variables {
    allowed_origins = ["http://app.example.com"] # not encrypted
    settings        = { BCRYPT_COST = "12.5" }   # not whole
  }
  expect_failures = [var.allowed_origins, var.settings]
}

run "wrong_in_a_fifth_way" {
  command = plan
  variables {
    allowed_origins = ["https://app.example.com/"] # a slash at the end
    settings        = { MEDIA_ACCESS = "secret" }  # neither public nor private
  }
  expect_failures = [var.allowed_origins, var.settings]
}

run "unusual_and_right" {
  command = plan
  variables {
    allowed_origins = ["http://localhost:5173", "https://app.example.com:8443"]
    instances       = { functions = { login = { min = 10 } } }
    project_id      = "reelay" # 6 characters are enough
    secret_versions = { JWT_SECRETS = "latest", MEDIA_URL = "12" }
    settings        = { BCRYPT_COST = 16, MEDIA_ACCESS = "private", STORAGE_QUOTA_BYTES = 1099511627776 }
  }
}
