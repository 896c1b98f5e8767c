"""The database that DATABASE_URL names, handed to psql and the Supabase CLI in variables that other users cannot read.

Both read libpq's variables (https://www.postgresql.org/docs/current/libpq-envars.html); of the CLI this is verified
with 2.122.1 and 3.1.0, given the address `postgresql:///`.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import SplitResult, parse_qsl, quote, quote_plus, unquote, urlsplit

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
    r"\A.*?(?:^Error: |(?:ERROR|FATAL):\s+|psql: error: |failed to connect to `[^`]*`: |failed to execute query: )+",
    re.DOTALL | re.MULTILINE,
)
_ADVICE = (
    (
        r"no password supplied|password must be a string",
        f"There is no password in DATABASE_URL: {_EXAMPLE}; {_ESCAPES}.",
    ),
    (
        r"password authentication failed|wrong password",
        f"The password in DATABASE_URL is not that of {{user}}: {_ESCAPES}. A new one is set in the Supabase "
        "dashboard, in the project's database settings.",
    ),
    (
        r"tenant or user not found",
        "On Supabase's pooler the user is postgres.PROJECT, and the host that of the project's region. " + WHERE,
    ),
    (
        r"translate host name|resolving error|refused|timed?[ -]?out|unreachable|dial error|no route|closed the",
        "Nothing answers at {server}: is the project paused, is that address right? Supabase's direct address "
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
        return f"database {self.database} on {self.server}, as {self.user}"

    @property
    def server(self) -> str:
        """Host and port as in an address."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def hosted(self) -> bool:
        """Whether it is Supabase's."""
        return self.host.rstrip(".").endswith((".supabase.co", ".supabase.com"))

    def run(
        self, command: Sequence[str], script: str = "", directory: str | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run a tool on this database. Raises StartFailure for one that is no program."""
        try:
            return subprocess.run(
                command, input=script, cwd=directory, env=self.environment(os.environ),
                capture_output=True, encoding="utf-8", errors="replace", check=False,
            )  # fmt: skip
        except OSError as unusable:
            raise StartFailure(f"{command[0]} cannot be run: {unusable.strerror}.") from unusable

    def environment(self, environ: Mapping[str, str]) -> dict[str, str]:
        """`environ` with this database in place of any other that it names, and without what leads a tool elsewhere.

        SUPABASE_WORKDIR alone makes the CLI apply another project's migrations. Advice goes by the English messages.
        """
        rest = {
            name: value
            for name, value in environ.items()
            if not name.startswith(("PG", "SUPABASE_")) and name != "DATABASE_URL"
        }
        return {
            **rest,
            "LC_ALL": "C",
            "SUPABASE_TELEMETRY_DISABLED": "1",
            "PGCONNECT_TIMEOUT": "15",
            "PGCLIENTENCODING": "UTF8",
            **({"PGSSLMODE": "require"} if self.hosted else {}),
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
        return StartFailure(f"{told} {advice.format(server=self.server, user=self.user)}".strip())


def target(url: str | None) -> Target:
    """The database at a connection string. Raises StartFailure, which never repeats a part of it."""
    url = (url or "").strip()
    if not url:
        raise StartFailure(f"Set DATABASE_URL, in the environment or in .env, to {_EXAMPLE}. {WHERE}")
    if "[YOUR-PASSWORD]" in url:
        raise StartFailure("DATABASE_URL still says [YOUR-PASSWORD]: put the database's password there, without [].")
    try:
        parts = urlsplit(url)
        port = parts.port or 5432
    except ValueError:
        raise StartFailure(f"DATABASE_URL does not look like {_EXAMPLE}; {_ESCAPES}.") from None
    if not _complete(parts):
        raise StartFailure(f"DATABASE_URL does not look like {_EXAMPLE}; {_ESCAPES}.")
    given = dict(parse_qsl(parts.query))
    if unknown := sorted(set(given) - set(_PARAMETERS)):
        raise StartFailure(
            f"DATABASE_URL has parameters that are not understood here ({', '.join(unknown)}): remove them; known are "
            f"{', '.join(_PARAMETERS)}."
        )
    found = Target(
        host=parts.hostname or "",
        port=port,
        user=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
        database=unquote(parts.path.lstrip("/")) or "postgres",
        parameters={_PARAMETERS[name]: value for name, value in given.items()},
    )
    if found.hosted and given.get("sslmode") in ("disable", "allow", "prefer"):
        raise StartFailure(
            "DATABASE_URL has an sslmode without encryption: Supabase is asked with TLS only. Remove it."
        )
    return found


def _complete(parts: SplitResult) -> bool:
    """Whether an address has all it needs, and no part of a password that was not escaped has ended up elsewhere."""
    return (
        parts.scheme in ("postgres", "postgresql")
        and bool(parts.hostname and parts.username)
        and not parts.fragment
        and "@" not in parts.path + parts.query
        and "%" not in (parts.hostname or "")
        and "\0" not in unquote(parts.geturl())
    )
