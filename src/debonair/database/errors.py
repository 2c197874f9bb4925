"""What an error of the database means: an outage, a missing table, or a fault of the statement."""

from __future__ import annotations

from sqlalchemy.exc import DatabaseError, DBAPIError, InterfaceError, InternalError, OperationalError

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


def explained(error: DBAPIError) -> str:
    """Return what the database's driver reports, and what to do, in one line."""
    first = str(error.orig).strip().splitlines()[0]
    remedy = "is it migrated? See db check" if lacks_table(error) else "see [database] uri in show-config"
    return f"the database failed: {first}; {remedy}"
