"""What a person chose: `.env` and the process environment, checked, one service at a time real instead of local."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from common import media_account
from common.config import OPTIONAL, whole_number
from common.media_account import CloudinaryAccount, S3Account
from local.failure import StartFailure

DEFAULT_PORT = 8080
MEDIA_HOSTS = ("cloudinary", "s3")  # there is a stand-in for each; the first one is the default
# Optional limits and choices; common/config.py knows their ranges.
TUNABLES = (
    "STORAGE_QUOTA_BYTES",
    "UPLOAD_BANDWIDTH_BYTES",
    "PLAYBACK_ALLOWANCE_BYTES",
    "BCRYPT_COST",
    "TOKEN_LIFETIME_SECONDS",
    "MEDIA_ACCESS",
    "MEDIA_FOLDER",
    "UPLOAD_TICKET_SECONDS",
)
NAMES = (
    "PORT",
    "ALLOWED_ORIGINS",
    "SUPABASE_URL",
    "SUPABASE_SECRET_KEY",
    "SUPABASE_SERVICE_ROLE_KEY",
    "MEDIA",
    "MEDIA_URL",
    "CLOUDINARY_URL",
    "MEDIA_DELIVERY_URL",
    "DATABASE_URL",
    *TUNABLES,
)


@dataclass(frozen=True)
class Settings:
    """None stands for "use the stand-in". Addresses carry passwords and are kept out of `repr`.

    `media` names the media host's stand-in, if one is used; without a `media_delivery_url` a real one has its own.
    """

    port: int
    allowed_origins: tuple[str, ...]
    supabase_url: str | None
    supabase_key: str | None = field(repr=False)
    media: str
    media_url: str | None = field(repr=False)
    media_delivery_url: str | None
    database_url: str | None = field(repr=False)
    tunables: Mapping[str, str]

    @property
    def url(self) -> str:
        """Where the gateway answers."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def media_account(self) -> CloudinaryAccount | S3Account | None:
        """The real media host's account."""
        return media_account.parse(self.media_url) if self.media_url else None

    def secrets(self) -> tuple[str, ...]:
        """The secrets of real services, for the masking of log lines; an address counts by the password in it."""
        password = urlsplit(self.database_url).password if self.database_url else None
        return tuple(value for value in (self.supabase_key, password, *_secrets(self.media_account)) if value)


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
    media_url = _media_url(values)
    supabase_url, supabase_key = _supabase(values)
    return Settings(
        port=int(_checked(values, "PORT", whole_number(1, 65535)) or DEFAULT_PORT),
        allowed_origins=_origins(values.get("ALLOWED_ORIGINS", "")),
        supabase_url=supabase_url,
        supabase_key=supabase_key,
        media=values.get("MEDIA", MEDIA_HOSTS[0]),
        media_url=media_url,
        media_delivery_url=_delivery(values, media_url),
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


def _media_url(values: Mapping[str, str]) -> str | None:
    """The real media host's account, under either name; Cloudinary's console calls it CLOUDINARY_URL."""
    given = [name for name in ("MEDIA", "MEDIA_URL", "CLOUDINARY_URL") if name in values]
    if len(given) > 1:
        raise StartFailure(f"{given[0]} and {given[1]} are both set: each chooses the media host; keep one.")
    if not given:
        return None
    name, value = given[0], values[given[0]]
    if name == "MEDIA":
        if value not in MEDIA_HOSTS:
            raise StartFailure(f"MEDIA must be {' or '.join(MEDIA_HOSTS)}, not {value}.")
        return None
    try:
        account = media_account.parse(value)
    except ValueError as invalid:
        raise StartFailure(f"{name} {invalid}.") from invalid
    if name == "CLOUDINARY_URL" and not isinstance(account, CloudinaryAccount):
        raise StartFailure(f"{name} must be {media_account.CLOUDINARY_EXAMPLE}; any other host is set as MEDIA_URL.")
    return value


def _secrets(account: CloudinaryAccount | S3Account | None) -> tuple[str, ...]:
    if isinstance(account, S3Account):
        return (account.secret_access_key,)
    return (account.api_secret, *account.webhook_secrets) if account else ()


def _delivery(values: Mapping[str, str], media_url: str | None) -> str | None:
    """Where files are delivered from: only a real account can have an address of its own."""
    if media_url is None and "MEDIA_DELIVERY_URL" in values:
        raise StartFailure("MEDIA_DELIVERY_URL is set, but MEDIA_URL is not: set both, or neither.")
    return _checked(values, "MEDIA_DELIVERY_URL", OPTIONAL["MEDIA_DELIVERY_URL"])


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
