locals {
  _document = yamldecode(file("${local._repository}/functions/catalog.yaml"))

  # Also for validations in variables.tf, which run before the module is there.
  _catalog_names = keys(try(local._document.functions, {}))
}

module "catalog" {
  source = "./modules/catalog"

  document  = local._document
  folders   = [for path in fileset("${local._repository}/functions", "*/main.py") : dirname(path)]
  functions = try(local._document.functions, {})
  known = {
    environment = local._environment_names
    options     = concat(keys(local._setting_rules), local._derived_options)
    secrets     = local._secret_names
  }
}
