"""The environment of a function's process: what the catalog grants it, what the platform sets, and nothing else."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from local.catalog import ROOT, Function
from local.keys import Keys
from local.settings import Settings

AUDIT_QUEUE = "projects/reelay-local/locations/local/queues/audit"
TASKS_ACCOUNT = "tasks@reelay-local.iam.gserviceaccount.com"
SCHEDULER_ACCOUNT = "scheduler@reelay-local.iam.gserviceaccount.com"
CLOUD = "local"  # the cloud name of Cloudinary's stand-in
BUCKET = "reelay"  # the bucket of the S3 stand-in
REGION = "local"


def allowed_origins(settings: Settings) -> tuple[str, ...]:
    """The gateway's own, the usual development servers', and the person's, without repetition."""
    own = (settings.url, f"http://localhost:{settings.port}", "http://localhost:3000", "http://localhost:5173")
    return tuple(dict.fromkeys([*own, *settings.allowed_origins]))


def supabase_address(settings: Settings, ports: Mapping[str, int]) -> str:
    """The real project's address, or the stand-in's."""
    return settings.supabase_url or f"http://127.0.0.1:{ports['supabase']}"


def media_account(keys: Keys) -> str:
    """The account of Cloudinary's stand-in in Cloudinary's notation, without an `upload_prefix`."""
    return f"cloudinary://{keys.media_api_key}:{keys.media_api_secret}@{CLOUD}"


def media_grants(settings: Settings, keys: Keys, address: str) -> dict[str, str]:
    """How functions reach the media host. `address` is the stand-in's; a real one cannot reach a webhook here."""
    if settings.media_url:
        delivery = {"MEDIA_DELIVERY_URL": settings.media_delivery_url} if settings.media_delivery_url else {}
        return {"MEDIA_URL": settings.media_url, **delivery}
    stand_in = {"MEDIA_WEBHOOK_URL": f"{settings.url}/media_webhook"}
    if settings.media == "s3":
        account = f"{keys.media_api_key}:{keys.media_api_secret}@{address.removeprefix('http://')}/{BUCKET}"
        url = f"s3://{account}?region={REGION}&tls=off"
        return {"MEDIA_URL": url, "MEDIA_DELIVERY_URL": f"{address}/{BUCKET}", **stand_in}
    url = f"{media_account(keys)}?upload_prefix={address}"
    return {"MEDIA_URL": url, "MEDIA_DELIVERY_URL": f"{address}/{CLOUD}", **stand_in}


def grants(settings: Settings, keys: Keys, ports: Mapping[str, int]) -> dict[str, str]:
    """Every value that a catalog entry can name. `ports` are those of supabase, media_host and cloud_tasks."""
    return {
        "SUPABASE_URL": supabase_address(settings, ports),
        "SUPABASE_SECRET_KEY": settings.supabase_key or keys.supabase_secret_key,
        "JWT_SECRETS": f"local:{keys.jwt_secret}",
        **media_grants(settings, keys, f"http://127.0.0.1:{ports['media_host']}"),
        "ALLOWED_ORIGINS": ",".join(allowed_origins(settings)),
        "AUDIT_QUEUE": AUDIT_QUEUE,
        "WRITE_LOG_URL": f"{settings.url}/write_log",
        "TASKS_SERVICE_ACCOUNT": TASKS_ACCOUNT,
        "SCHEDULER_SERVICE_ACCOUNT": SCHEDULER_ACCOUNT,
        "CLOUD_TASKS_ENDPOINT": f"127.0.0.1:{ports['cloud_tasks']}",
        **settings.tunables,
    }


def base_environment(home: Path) -> dict[str, str]:
    """What every child gets: enough to find programs, and no secret that the caller's shell happens to hold."""
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "LANG": "C.UTF-8",
        "HOME": str(home),
        "PYTHONPATH": str(ROOT),
        "PYTHONUNBUFFERED": "1",
    }


def function_environment(function: Function, granted: Mapping[str, str], port: int, home: Path) -> dict[str, str]:
    """The environment of one function: the names of its catalog entry, and what Cloud Run sets.

    `home` is an empty directory, so that no function finds the developer's own Google credentials, and so that the
    control sockets that gunicorn makes under it do not meet.
    """
    names = {*function.secrets, *function.environment, *function.options}
    if "AUDIT_QUEUE" in names:
        names.add("CLOUD_TASKS_ENDPOINT")
    return {
        **base_environment(home),
        **{name: granted[name] for name in sorted(names) if name in granted},
        "PORT": str(port),
        "K_SERVICE": function.resource_name,
        "K_REVISION": f"{function.resource_name}-local",
        "THREADS": str(function.concurrency),
        "CLOUD_RUN_TIMEOUT_SECONDS": str(function.timeout_seconds),
    }
