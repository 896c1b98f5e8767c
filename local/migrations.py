"""The migrations in a directory, those that a database has recorded, and where the two contradict each other.

The record is the Supabase CLI's: supabase_migrations.schema_migrations (version, statements, name). Verified with its
versions 2.122.1 and 3.1.0 on a PostgreSQL, and in its source (pkg/migration): the version is what stands before the
first underscore of the file's name, the name what follows; `statements` are the file's text, cut at each semicolon
outside of quotes, without that semicolon and the space around it; versions are compared as text. @supabase/lite 0.10
cuts in the same way and adds columns of its own, also to a table that was there before (verified). Not verified: that
old CLIs recorded versions alone, as the `add column if not exists` in their successor suggests.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local.catalog import ROOT
from local.failure import StartFailure

MIGRATIONS = ROOT / "supabase" / "migrations"
RELOAD = "notify pgrst, 'reload schema'"  # https://docs.postgrest.org/en/stable/references/schema_cache.html
SPACE = "; \t\n\r\f\v"  # what may stand between two statements
_FILE = re.compile(r"(?P<version>[0-9]+)_(?P<name>\S*)\.sql")
# https://www.postgresql.org/docs/current/sql-syntax-lexical.html: comments (one within another at most), strings with
# and without escapes, identifiers, dollar quotes.
_QUOTED = re.compile(
    r"""--[^\n]*
    | /\*(?:[^/*]|\*(?!/)|/(?!\*)|/\*(?:[^*]|\*(?!/))*+\*/)*+\*/
    | (?<![\w$])[eE]'(?:[^'\\]|\\.|'')*+'
    | '[^']*'
    | "[^"]*"
    | (?<![\w$])(\$(?:[^\W\d]\w*)?\$).*?\1""",
    re.DOTALL | re.VERBOSE,
)
_ATOMIC_BODY = re.compile(r"\bbegin\s+atomic\b.*?;\s*end\b", re.DOTALL | re.IGNORECASE)  # of a function, unquoted
_TRANSACTION = re.compile(
    r"(?:\A|;)\s*(begin|start\s+transaction|commit|end|rollback|abort|savepoint|release|prepare\s+transaction)\b",
    re.IGNORECASE,
)


class MigrationFailure(Exception):
    """Which migration failed, and why; those before it stay applied."""


@dataclass(frozen=True)
class Migration:
    """One file."""

    version: str
    name: str
    text: str

    @property
    def file(self) -> str:
        return f"{self.version}_{self.name}.sql"

    def require_one_transaction(self) -> None:
        """Raises StartFailure if a command in it would end the transaction that its record is in.

        With psql the database would refuse it, with the Supabase CLI it would not; within `do` it always does.
        """
        if found := _TRANSACTION.search(_ATOMIC_BODY.sub(" ", _QUOTED.sub(" ", self.text))):
            raise StartFailure(
                f"{self.file} has a transaction command of its own, {' '.join(found[1].lower().split())}: take it "
                "out. Each migration is applied in one transaction, together with its record."
            )


@dataclass(frozen=True)
class Recorded:
    """One row of the database's record; without `statements` nobody knows what was applied."""

    version: str
    name: str
    statements: tuple[str, ...]

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> Recorded:
        """From a row as JSON; an old CLI's has the version only."""
        statements = row.get("statements") or ()
        return cls(row["version"], row.get("name") or "", tuple(_lines(one) for one in statements))

    def is_of(self, text: str) -> bool:
        """Whether exactly these statements stand in `text`, one after the other, whoever cut them."""
        for statement in self.statements:
            text = text.lstrip(SPACE)
            if not text.startswith(statement):
                return False
            text = text.removeprefix(statement)
        return not self.statements or not text.strip(SPACE)


@dataclass(frozen=True)
class Plan:
    """All files, and what a database has of them."""

    files: tuple[Migration, ...]
    recorded: tuple[Recorded, ...]

    @property
    def pending(self) -> tuple[Migration, ...]:
        """What the database is to get, in this order."""
        applied = {one.version for one in self.recorded}
        return tuple(one for one in self.files if one.version not in applied)


def read(directory: Path) -> list[Migration]:
    """The files, oldest first.

    Raises StartFailure for a directory without any, a name that the Supabase CLI would skip or that has a space, a
    version used twice, and text that is not UTF-8 or that psql would cut.
    """
    found: dict[str, Migration] = {}
    for path in sorted(directory.glob("*.sql")):
        parts = _FILE.fullmatch(path.name)
        if parts is None:
            raise StartFailure(f"{path.name} in {directory} must be named TIMESTAMP_name.sql, without a space.")
        try:
            # Without the byte order mark of some editors: psql stumbles over it, and the CLI does not record it.
            one = Migration(parts["version"], parts["name"], path.read_text(encoding="utf-8-sig"))
        except (OSError, UnicodeDecodeError) as unreadable:
            raise StartFailure(f"Cannot read {path.name} in {directory}: {unreadable}.") from unreadable
        if "\0" in one.text:  # psql would leave out the rest of the line
            raise StartFailure(f"{path.name} in {directory} has a NUL character: take it out.")
        if (other := found.setdefault(one.version, one)) is not one:
            raise StartFailure(f"{other.file} and {one.file} have the same version: rename the newer one.")
    if not found:
        raise StartFailure(f"There are no migrations in {directory}.")
    return [found[version] for version in sorted(found)]


def drift(files: Sequence[Migration], recorded: Iterable[Recorded]) -> list[str]:
    """A sentence for every contradiction between the files and what is recorded; none if all is well."""
    known = {one.version: one for one in files}
    applied = {one.version: one for one in recorded}
    newest = max(applied, default="")
    wrong = []
    for version in sorted({*known, *applied}):
        if version not in known:
            name = f" ({applied[version].name})" if applied[version].name else ""
            wrong.append(f"{version}{name} is recorded as applied, but has no file.")
        elif version not in applied and version < newest:
            wrong.append(f"{known[version].file} is not applied, but older than {newest}, which is.")
        elif version in applied and not applied[version].is_of(known[version].text):
            wrong.append(f"{known[version].file} is not the text that was applied.")
    return wrong


def _lines(text: str) -> str:
    """With the line ends of the repository, whatever a checkout made of them."""
    return text.replace("\r\n", "\n")
