"""What an error of the database means: an outage, a missing table, refused data, or a faulty statement."""

from __future__ import annotations

import re
from dataclasses import dataclass

from sqlalchemy.exc import (
    DatabaseError,
    DataError,
    DBAPIError,
    IntegrityError,
    InterfaceError,
    InternalError,
    OperationalError,
)

_UNDEFINED_TABLE = "42P01"
"""PostgreSQL's "undefined_table" (PostgreSQL's documentation, "PostgreSQL Error Codes")."""


def is_outage(error: DBAPIError) -> bool:
    """Return whether the database is the cause, and not the statement.

    True when the database is unreachable, locked, full or read-only, when SQLite's file is corrupt (which
    has no class of its own), and when a table is missing (which SQLite reports as operational).
    """
    return (
        isinstance(error, OperationalError | InterfaceError | InternalError)
        or type(error) is DatabaseError
        or lacks_table(error)
    )


def lacks_table(error: DBAPIError) -> bool:
    """Return whether the error means that a table is missing, as in a database that is not migrated."""
    return (
        getattr(error.orig, "sqlstate", None) == _UNDEFINED_TABLE
        or str(error.orig).startswith("no such table")
    )  # fmt: skip


def is_not_utf8(error: object) -> bool:
    """Return whether SQLite's driver has met a text that is not UTF-8; SQLite stores any bytes as text."""
    return type(error).__module__ == "sqlite3" and str(error).startswith("Could not decode to UTF-8")


def is_broken_reference(error: DBAPIError) -> bool:
    """Return whether SQLite refuses a write because the schema refers to what does not exist.

    It checks a foreign key when a row is written, not when the table is made: the other table must exist,
    and the columns must be unique there (SQLite's documentation, "Foreign Key Support", 3). A trigger is read
    then, too.
    """
    text = str(error.orig)
    if text.startswith("foreign key mismatch"):
        return True
    missing = text.partition("no such table: ")[2].rpartition(".")[2]
    return bool(missing and error.statement) and missing not in str(error.statement)


def explained(error: DBAPIError) -> str:
    """Return what the database's driver reports, and what to do, in one line."""
    first = str(error.orig).strip().splitlines()[0]
    remedy = "is it migrated? See db check" if lacks_table(error) else "see [database] uri in show-config"
    return f"the database failed: {first}; {remedy}"


@dataclass(frozen=True)
class Violation:
    """Client data that the database refused.

    :param conflict: whether the data conflict with other rows, and not with what a value may be.
    :param detail: what is wrong, in a sentence that a client may read; it holds no value.
    :param columns: the columns of the refused values, where the database names them.
    """

    conflict: bool
    detail: str
    columns: tuple[str, ...] = ()


def violation_of(error: DBAPIError) -> Violation | None:
    """Return what the database refused of the data; None when the statement or the database is the cause."""
    if is_not_utf8(error.orig):
        return Violation(True, "The row has a text that is not UTF-8: correct it in the database first.")
    if is_broken_reference(error):
        return Violation(
            True, "A foreign key or a trigger refers to what does not exist: correct the database first."
        )
    if isinstance(error, DataError):
        return Violation(False, "A value is out of range, too long, or not allowed for its column.")
    if not isinstance(error, IntegrityError):
        return None
    state = getattr(error.orig, "sqlstate", None) or _sqlite_state(error)
    conflict, detail = _VIOLATIONS.get(state, (True, "The data conflict with a constraint of the database."))
    text = str(getattr(getattr(error.orig, "diag", None), "message_detail", None) or error.orig)
    if state == _FOREIGN_KEY and "still referenced" in text:
        detail = "Other rows refer to this one."
    return Violation(conflict, detail, _columns(error, text))


_FOREIGN_KEY = "23503"

_VIOLATIONS = {
    "23502": (False, "A value is missing."),
    _FOREIGN_KEY: (True, "A row that is referred to does not exist, or is still referred to."),
    "23505": (True, "A row with the same value exists already."),
    "23514": (False, "A value is not allowed."),
}
"""Whether it is a conflict, and what is wrong, by PostgreSQL's codes of class 23 ("Integrity Constraint")."""

_SQLITE = {"NOT NULL": "23502", "FOREIGN KEY": _FOREIGN_KEY, "UNIQUE": "23505", "CHECK": "23514"}


def _sqlite_state(error: DBAPIError) -> str:
    return _SQLITE.get(str(error.orig).partition(" constraint failed")[0], "")


def _columns(error: DBAPIError, text: str) -> tuple[str, ...]:
    """Return the columns that PostgreSQL ("Key (a, b)=(…)", or a field of its own) or SQLite names."""
    if named := getattr(getattr(error.orig, "diag", None), "column_name", None):
        return (named,)
    if key := re.match(r"Key \((.*?)\)=", text):
        return tuple(name.strip().strip('"') for name in key[1].split(","))
    _, found, names = text.partition("constraint failed: ")
    if not found or "CHECK" in text:
        return ()
    return tuple(name.rpartition(".")[2] for name in names.split(", ") if "." in name)
