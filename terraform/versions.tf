terraform {
  required_version = ">= 1.9, < 2.0" # 1.9: a variable's validation may look at other variables

  required_providers {
    archive = {
      source  = "hashicorp/archive"
      version = "~> 2.7"
    }
    google = {
      source  = "hashicorp/google"
      version = "~> 6.50"
    }
  }
}
