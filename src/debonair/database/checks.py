"""The health of the database: it responds, and no migration is missing."""

from __future__ import annotations

from collections.abc import Callable

from flask import Flask

from debonair.database import own_tables, revisions
from debonair.database.driver import rows_of
from debonair.database.engine import engine_of, guard_of
from debonair.errors import UnhealthyError


def responds(app: Flask) -> Callable[[], None]:
    """Return the check that the server of the database responds to a query."""
    guard, engine = guard_of(app), engine_of(app)

    def check() -> None:
        with guard.question():
            rows_of(engine, "SELECT 1")

    return check


def is_migrated(app: Flask) -> Callable[[], None] | None:
    """Return the check that the database has every migration; None for a service without migrations."""
    known = revisions.known(app)
    if not known and not own_tables.heads(app):
        return None

    def check() -> None:
        found = revisions.state(app, known)
        if found.behind:
            raise UnhealthyError(f"the database is {found}")

    return check
