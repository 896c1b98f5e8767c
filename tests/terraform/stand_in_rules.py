"""What makes the real google provider replace a resource, where the stand-in's own rules do not say so.

Read by the stand-in, in its own environment (STUB_RULES_GOOGLE). As the provider's documentation of these resources
says: changing such an argument forces a new one.
"""

import rules_google  # type: ignore[import-not-found]  # lies beside the stand-in
from rules_google import apply, validate

FORCE_NEW = {
    **rules_google.FORCE_NEW,
    "google_cloud_run_v2_service_iam_member": ("location", "member", "name", "project", "role"),
    "google_compute_backend_service": ("name", "project"),
    "google_compute_managed_ssl_certificate": ("managed", "name", "project"),
    "google_compute_region_network_endpoint_group": ("cloud_run", "name", "project", "region"),
    "google_monitoring_uptime_check_config": ("monitored_resource", "project"),
    "google_storage_bucket_object": ("bucket", "name"),
}

__all__ = ["FORCE_NEW", "apply", "validate"]
