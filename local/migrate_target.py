"""The database that DATABASE_URL names, handed to psql and the Supabase CLI in variables that other users cannot read.

Both read libpq's variables (https://www.postgresql.org/docs/current/libpq-envars.html); of the CLI this is verified
with 2.122.1 and 3.1.0, given the address `postgresql:///`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, quote, quote_plus, unquote, urlsplit

from local.failure import StartFailure

WHERE = "It stands in the Supabase dashboard: Connect, Session pooler (or Direct connection, where IPv6 works)."
_EXAMPLE = "postgresql://USER:PASSWORD@HOST:5432/DATABASE"
_ESCAPES = "in the password, @ is written %40, : %3A, / %2F, # %23, ? %3F and % %25"
_PARAMETERS = {
    "application_name": "PGAPPNAME",
    "channel_binding": "PGCHANNELBINDING",
    "connect_timeout": "PGCONNECT_TIMEOUT",
    "gssencmode": "PGGSSENCMODE",
    "options": "PGOPTIONS",
    "sslcert": "PGSSLCERT",
    "sslkey": "PGSSLKEY",
    "sslmode": "PGSSLMODE",
    "sslrootcert": "PGSSLROOTCERT",
    "target_session_attrs": "PGTARGETSESSIONATTRS",
}
_PREFIX = re.compile(
    r"\A.*?(?:ERROR:\s+|psql: error: |failed to connect to `[^`]*`: |failed to execute query: )", re.DOTALL
)
_ADVICE = (
    (
        r"password authentication failed|no password supplied|wrong password",
        f"The password in DATABASE_URL is not that of {{user}}: {_ESCAPES}. A new one is set in the Supabase "
        "dashboard, in the project's database settings.",
    ),
    (
        r"tenant or user not found",
        "On Supabase's pooler the user is postgres.PROJECT, and the host that of the project's region. " + WHERE,
    ),
    (
        r"translate host name|resolving error|refused|timed?[ -]?out|unreachable|dial error|no route|closed the",
        "Nothing answers at {host}:{port}: is the project paused, is that address right? Supabase's direct address "
        "has IPv6 only; from elsewhere take the session pooler's.",
    ),
)


@dataclass(frozen=True)
class Target:
    """One database and who enters it."""

    host: str
    port: int
    user: str
    password: str = field(repr=False)
    database: str
    parameters: Mapping[str, str] = field(repr=False)

    def __str__(self) -> str:
        return f"database {self.database} on {self.host}:{self.port}, as {self.user}"

    def environment(self, environ: Mapping[str, str]) -> dict[str, str]:
        """`environ` with this database in place of any other that it names."""
        rest = {name: value for name, value in environ.items() if not name.startswith("PG") and name != "DATABASE_URL"}
        hosted = self.host.endswith((".supabase.co", ".supabase.com"))
        return {
            **rest,
            "PGCONNECT_TIMEOUT": "15",
            "PGCLIENTENCODING": "UTF8",
            **({"PGSSLMODE": "require"} if hosted else {}),
            "PGHOST": self.host,
            "PGPORT": str(self.port),
            "PGUSER": self.user,
            "PGDATABASE": self.database,
            **({"PGPASSWORD": self.password} if self.password else {}),
            **self.parameters,
        }

    def said(self, stderr: str) -> str:
        """What a tool says is wrong: without its own prefix, the whole file, which psql repeats, and the password."""
        text = re.split(r"^(?:QUERY|CONTEXT):|^Try rerunning ", stderr, maxsplit=1, flags=re.MULTILINE)[0]
        text = re.sub(_PREFIX, "", text, count=1)
        return self.masked(text).strip() or "no reason given"

    def masked(self, text: str) -> str:
        """`text` without the password, however it is written."""
        for secret in {self.password, quote(self.password), quote(self.password, safe=""), quote_plus(self.password)}:
            text = text.replace(secret, "[secret]") if secret else text
        return text

    def refusal(self, stderr: str) -> StartFailure:
        """What to tell somebody whose tool came back with this instead of an answer."""
        advice = next((text for pattern, text in _ADVICE if re.search(pattern, stderr, re.IGNORECASE)), "")
        told = f"Cannot ask the {self}: {self.said(stderr).splitlines()[0].rstrip('.')}."
        return StartFailure(f"{told} {advice.format(host=self.host, port=self.port, user=self.user)}".strip())


def target(url: str | None) -> Target:
    """The database at a connection string. Raises StartFailure, which never repeats a part of it."""
    if not url:
        raise StartFailure(f"Set DATABASE_URL, in the environment or in .env, to {_EXAMPLE}. {WHERE}")
    if "[YOUR-PASSWORD]" in url:
        raise StartFailure("DATABASE_URL still says [YOUR-PASSWORD]: put the database's password there, without [].")
    try:
        parts = urlsplit(url)
        port = parts.port or 5432
    except ValueError:
        raise StartFailure(f"DATABASE_URL does not look like {_EXAMPLE}; {_ESCAPES}.") from None
    if parts.scheme not in ("postgres", "postgresql") or not (parts.hostname and parts.username) or parts.fragment:
        raise StartFailure(f"DATABASE_URL does not look like {_EXAMPLE}; {_ESCAPES}.")
    given = dict(parse_qsl(parts.query))
    if unknown := sorted(set(given) - set(_PARAMETERS)):
        raise StartFailure(
            f"DATABASE_URL has parameters that are not understood here ({', '.join(unknown)}): remove them; known are "
            f"{', '.join(_PARAMETERS)}."
        )
    return Target(
        host=parts.hostname,
        port=port,
        user=unquote(parts.username),
        password=unquote(parts.password or ""),
        database=unquote(parts.path.lstrip("/")) or "postgres",
        parameters={_PARAMETERS[name]: value for name, value in given.items()},
    )
