# The optional settings of common/config.py, as var.settings may give them: those with bounds are whole numbers, the
# others match a pattern. They stand here once more because a function with a setting that it refuses does not start,
# and its deployment would fail after minutes instead of at once.
locals {
  _setting_rules = {
    BCRYPT_COST              = { minimum = 4, maximum = 16 }
    MEDIA_ACCESS             = { pattern = "^(public|private)$" }
    MEDIA_DELIVERY_URL       = { pattern = "^https://[^\\s]+$" }
    MEDIA_FOLDER             = { pattern = "^[a-z0-9][a-z0-9_-]{0,62}$" }
    PLAYBACK_ALLOWANCE_BYTES = { minimum = 0, maximum = 1099511627776 }
    STORAGE_QUOTA_BYTES      = { minimum = 0, maximum = 1099511627776 }
    TOKEN_LIFETIME_SECONDS   = { minimum = 60, maximum = 2592000 }
    UPLOAD_BANDWIDTH_BYTES   = { minimum = 0, maximum = 1099511627776 }
    UPLOAD_TICKET_SECONDS    = { minimum = 60, maximum = 604800 }
  }

  # Options that follow from what is deployed (functions.tf), so nobody sets them.
  _derived_options = ["MEDIA_WEBHOOK_URL", "TRUSTED_PROXY_COUNT"]
}
