"""What a person chose: `.env` and the process environment, checked, one service at a time real instead of local."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from common.config import OPTIONAL, whole_number
from local.failure import StartFailure

DEFAULT_PORT = 8080
# Optional limits; common/config.py knows their ranges.
TUNABLES = (
    "STORAGE_QUOTA_BYTES",
    "UPLOAD_BANDWIDTH_BYTES",
    "PLAYBACK_ALLOWANCE_BYTES",
    "BCRYPT_COST",
    "TOKEN_LIFETIME_SECONDS",
)
NAMES = (
    "PORT",
    "ALLOWED_ORIGINS",
    "SUPABASE_URL",
    "SUPABASE_SECRET_KEY",
    "SUPABASE_SERVICE_ROLE_KEY",
    "CLOUDINARY_URL",
    "MEDIA_DELIVERY_URL",
    "DATABASE_URL",
    *TUNABLES,
)


@dataclass(frozen=True)
class Settings:
    """None stands for "use the stand-in". Addresses carry passwords and are kept out of `repr`."""

    port: int
    allowed_origins: tuple[str, ...]
    supabase_url: str | None
    supabase_key: str | None = field(repr=False)
    cloudinary_url: str | None = field(repr=False)
    media_delivery_url: str | None
    database_url: str | None = field(repr=False)
    tunables: Mapping[str, str]

    @property
    def url(self) -> str:
        """Where the gateway answers."""
        return f"http://127.0.0.1:{self.port}"

    def secrets(self) -> tuple[str, ...]:
        """The secrets of real services, for the masking of log lines; an address counts by the password in it."""
        passwords = [urlsplit(url).password for url in (self.cloudinary_url, self.database_url) if url]
        return tuple(value for value in (self.supabase_key, *passwords) if value)


def unknown(values: Mapping[str, str]) -> list[str]:
    """Names that Reelay does not read: most often a misspelt one."""
    return sorted(set(values) - set(NAMES))


def settings(dotenv: Mapping[str, str], environ: Mapping[str, str], port: int | None = None) -> Settings:
    """The settings; the environment wins over `.env`, and `port` (the command line's) over both.

    Raises StartFailure naming the first key that is wrong, half of a pair, or at odds with another.
    """
    values = {**dotenv, **{name: environ[name] for name in NAMES if environ.get(name)}}
    if port is not None:
        values["PORT"] = str(port)
    cloudinary_url = _matching(
        values, "CLOUDINARY_URL", r"cloudinary://[^:/@]+:[^:/@]+@[\w-]+(\?.*)?", "cloudinary://KEY:SECRET@CLOUD"
    )
    supabase_url, supabase_key = _supabase(values)
    return Settings(
        port=int(_checked(values, "PORT", whole_number(1, 65535)) or DEFAULT_PORT),
        allowed_origins=_origins(values.get("ALLOWED_ORIGINS", "")),
        supabase_url=supabase_url,
        supabase_key=supabase_key,
        cloudinary_url=cloudinary_url,
        media_delivery_url=_delivery(values, cloudinary_url),
        database_url=_matching(
            values, "DATABASE_URL", r"postgres(ql)?://.+", "postgresql://USER:PASSWORD@HOST/DATABASE"
        ),
        tunables={name: value for name in TUNABLES if (value := _checked(values, name, OPTIONAL[name]))},
    )


def _supabase(values: Mapping[str, str]) -> tuple[str | None, str | None]:
    url = _matching(values, "SUPABASE_URL", r"https?://[^/\s]+/?", "https://PROJECT.supabase.co")
    key = values.get("SUPABASE_SECRET_KEY") or values.get("SUPABASE_SERVICE_ROLE_KEY")
    if url and not key:
        raise StartFailure("SUPABASE_URL is set, but SUPABASE_SECRET_KEY is not: set both, or neither.")
    if key and not url:
        raise StartFailure("SUPABASE_SECRET_KEY is set, but SUPABASE_URL is not: set both, or neither.")
    if url and values.get("DATABASE_URL"):
        raise StartFailure(
            "SUPABASE_URL and DATABASE_URL are both set: a Supabase project has its own database; keep one."
        )
    return (url.rstrip("/"), key) if url else (None, None)


def _delivery(values: Mapping[str, str], cloudinary_url: str | None) -> str | None:
    """Where files are delivered from: only a real account has an address of its own."""
    if cloudinary_url is None:
        if "MEDIA_DELIVERY_URL" in values:
            raise StartFailure("MEDIA_DELIVERY_URL is set, but CLOUDINARY_URL is not: set both, or neither.")
        return None
    return values.get("MEDIA_DELIVERY_URL") or f"https://res.cloudinary.com/{urlsplit(cloudinary_url).hostname}"


def _origins(text: str) -> tuple[str, ...]:
    origins = tuple(part.strip().rstrip("/") for part in text.split(",") if part.strip())
    for origin in origins:
        if not re.fullmatch(r"https?://[^/\s*]+", origin):
            raise StartFailure(f"ALLOWED_ORIGINS: {origin} is not an origin such as http://localhost:4000.")
    return origins


def _matching(values: Mapping[str, str], name: str, pattern: str, example: str) -> str | None:
    """The value of `name`, never repeated in the message because it may hold a password."""
    value = values.get(name)
    if value is not None and not re.fullmatch(pattern, value):
        raise StartFailure(f"{name} does not look like {example}.")
    return value


def _checked(values: Mapping[str, str], name: str, parse: Callable[[str], object]) -> str | None:
    """The text of a setting that `parse` takes, as the functions themselves will."""
    value = values.get(name)
    if value is not None:
        try:
            parse(value)
        except ValueError as invalid:
            raise StartFailure(f"{name} {invalid}, not {value}.") from invalid
    return value
