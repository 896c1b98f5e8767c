"""Any S3-compatible bucket on one machine: moto's server, with signatures that count and files that stay.

Not shown: versions, tags, encryption, storage classes, quotas of the provider, its CDN, and its slowness.
"""
