terraform {
  required_providers {
    archive = { source = "hashicorp/archive" }
    google  = { source = "hashicorp/google" }
  }
}
