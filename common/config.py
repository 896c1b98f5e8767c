"""The configuration: read once from the environment, typed, complete at start or not at all.

A function asks only for what it needs (`Need`), so each sees only its own secrets; tests compare the needs with
functions/catalog.yaml.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from common import media_account, quota

Access = Literal["public", "private"]  # of videos: addresses for everybody, or signed ones

Need = Literal["database", "tokens", "media", "audit", "browsers", "tasks", "scheduler"]

REQUIRED: Mapping[Need, tuple[str, ...]] = {
    "database": ("SUPABASE_URL", "SUPABASE_SECRET_KEY"),
    "tokens": ("JWT_SECRETS",),
    "media": ("MEDIA_URL",),
    "audit": ("AUDIT_QUEUE", "WRITE_LOG_URL", "TASKS_SERVICE_ACCOUNT"),
    "browsers": ("ALLOWED_ORIGINS",),
    "tasks": ("TASKS_SERVICE_ACCOUNT",),
    "scheduler": ("SCHEDULER_SERVICE_ACCOUNT",),
}


class ConfigError(Exception):
    """Names every missing or invalid key in one message, never a value."""


@dataclass(frozen=True)
class Config:
    """Secrets stay out of `repr`. What a function did not ask for is empty."""

    supabase_url: str = ""
    supabase_secret_key: str = field(default="", repr=False)
    jwt_secrets: tuple[tuple[str, str], ...] = field(default=(), repr=False)  # (key id, secret), the first one signs
    media_url: str = field(default="", repr=False)  # see common/media_account.py
    media_delivery_url: str = ""  # where files are fetched from; empty: the media host's own address
    media_access: Access = "public"
    media_folder: str = "reelay"  # what begins every media id: deployments that share a media host must differ in it
    media_webhook_url: str = ""  # where the media host announces uploads; empty: nowhere
    upload_ticket_seconds: int = 3600
    allowed_origins: frozenset[str] = frozenset()
    audit_queue: str = ""
    write_log_url: str = ""
    tasks_service_account: str = ""
    scheduler_service_account: str = ""
    cloud_tasks_endpoint: str = ""  # host:port of a stand-in; empty: Google's
    storage_quota_bytes: int = quota.STORAGE_QUOTA_BYTES
    upload_bandwidth_bytes: int = quota.UPLOAD_BANDWIDTH_BYTES
    playback_allowance_bytes: int = quota.PLAYBACK_ALLOWANCE_BYTES
    token_lifetime_seconds: int = 12 * 3600
    bcrypt_cost: int = 12
    trusted_proxy_count: int = 0  # proxies of our own between Google's front and the client, e.g. 1 for a load balancer

    @classmethod
    def from_env(cls, environ: Mapping[str, str], needs: Collection[Need]) -> Config:
        """Reads what `needs` ask for, and the optional settings.

        Raises ConfigError listing every key that is missing, empty or malformed.
        """
        required = {key for need in needs for key in REQUIRED[need]}
        problems: list[str] = [f"{key} is missing" for key in sorted(required) if not environ.get(key, "").strip()]
        values: dict[str, Any] = {}
        for key, parse in _PARSERS.items():
            text = environ.get(key, "").strip()
            if text and (key in required or key in OPTIONAL):
                try:
                    values[key.lower()] = parse(text)
                except ValueError as invalid:
                    problems.append(f"{key} {invalid}")
        if problems:
            raise ConfigError("; ".join(problems))
        return cls(**values)

    @classmethod
    def from_process(cls, needs: Collection[Need]) -> Config:
        """`from_env` of this process: the only reader of os.environ."""
        return cls.from_env(os.environ, needs)


def _matching(pattern: str, expectation: str) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if not re.fullmatch(pattern, text):
            raise ValueError(f"must be {expectation}")
        return text.rstrip("/")

    return parse


def _jwt_secrets(text: str) -> tuple[tuple[str, str], ...]:
    pairs = [part.strip().partition(":") for part in text.split(",")]
    secrets = tuple((kid, secret) for kid, _, secret in pairs)
    if not all(kid and len(secret.encode()) >= 32 for kid, secret in secrets):
        raise ValueError("must be KEY_ID:SECRET[,KEY_ID:SECRET...], each secret of at least 32 bytes")
    if len({kid for kid, _ in secrets}) < len(secrets):
        raise ValueError("names a key id twice")
    return secrets


def _media_url(text: str) -> str:
    media_account.parse(text)
    return text


def _origins(text: str) -> frozenset[str]:
    origins = [origin.strip() for origin in text.split(",") if origin.strip()]
    for origin in origins:
        if not re.fullmatch(r"https?://[^/\s*]+", origin):
            raise ValueError("must list origins one by one, like https://app.example.com, without a path")
    return frozenset(origins)


def whole_number(minimum: int, maximum: int) -> Callable[[str], int]:
    """A parser of a setting; its ValueError says what was expected, not what was given."""

    def parse(text: str) -> int:
        if not re.fullmatch(r"[0-9]{1,18}", text) or not minimum <= int(text) <= maximum:
            raise ValueError(f"must be a whole number from {minimum} to {maximum}")
        return int(text)

    return parse


_URL = _matching(r"https?://[^\s]+", "an http(s) address")
_ACCOUNT = _matching(r"[^@\s]+@[^@\s]+", "a service account's e-mail")
_TEBIBYTE = 2**40
OPTIONAL: Mapping[str, Callable[[str], object]] = {
    "CLOUD_TASKS_ENDPOINT": _matching(r"[^\s:]+:\d+", "host:port"),
    "STORAGE_QUOTA_BYTES": whole_number(0, _TEBIBYTE),
    "UPLOAD_BANDWIDTH_BYTES": whole_number(0, _TEBIBYTE),
    "PLAYBACK_ALLOWANCE_BYTES": whole_number(0, _TEBIBYTE),
    "TOKEN_LIFETIME_SECONDS": whole_number(60, 30 * 86400),
    "BCRYPT_COST": whole_number(4, 16),
    "TRUSTED_PROXY_COUNT": whole_number(0, 5),
    "MEDIA_DELIVERY_URL": _URL,
    "MEDIA_ACCESS": _matching("public|private", "public or private"),
    "MEDIA_FOLDER": _matching("[a-z0-9][a-z0-9_-]{0,62}", "of a-z, 0-9, - and _"),
    "MEDIA_WEBHOOK_URL": _URL,
    "UPLOAD_TICKET_SECONDS": whole_number(60, 7 * 86400),  # 7 days: what S3 allows an address at the most
}
_PARSERS: Mapping[str, Callable[[str], object]] = {
    "SUPABASE_URL": _URL,
    "SUPABASE_SECRET_KEY": _matching(r"[\x21-\x7e]{20,}", "a secret API key or a service-role JWT"),
    "JWT_SECRETS": _jwt_secrets,
    "MEDIA_URL": _media_url,
    "ALLOWED_ORIGINS": _origins,
    "AUDIT_QUEUE": _matching(r"projects/[^/\s]+/locations/[^/\s]+/queues/[^/\s]+", "a queue's full resource name"),
    "WRITE_LOG_URL": _URL,
    "TASKS_SERVICE_ACCOUNT": _ACCOUNT,
    "SCHEDULER_SERVICE_ACCOUNT": _ACCOUNT,
    **OPTIONAL,
}
