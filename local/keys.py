"""What the local cloud generates for itself: keys in the shapes of the real services, and the demo passwords."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field, fields


@dataclass(frozen=True)
class Keys:
    """Generated once for each state directory; none is ever printed but the two demo passwords."""

    supabase_publishable_key: str = field(repr=False)
    supabase_secret_key: str = field(repr=False)
    jwt_secret: str = field(repr=False)
    media_api_key: str = field(repr=False)
    media_api_secret: str = field(repr=False)
    admin_password: str = field(repr=False)
    demo_password: str = field(repr=False)

    @classmethod
    def generate(cls) -> Keys:
        return cls(
            supabase_publishable_key="sb_publishable_" + secrets.token_urlsafe(24)[:31],
            supabase_secret_key="sb_secret_" + secrets.token_urlsafe(24)[:31],
            jwt_secret=secrets.token_urlsafe(48),
            media_api_key=str(10**14 + secrets.randbelow(9 * 10**14)),
            media_api_secret=secrets.token_urlsafe(20),
            admin_password=secrets.token_hex(8),
            demo_password=secrets.token_hex(8),
        )

    @classmethod
    def names(cls) -> tuple[str, ...]:
        return tuple(one.name for one in fields(cls))

    def values(self) -> tuple[str, ...]:
        """All of them, for the masking of log lines."""
        return tuple(getattr(self, name) for name in self.names())
