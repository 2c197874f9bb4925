"""The health of the database: it responds, and no migration is missing."""

from __future__ import annotations

from collections.abc import Callable

from flask import Flask
from sqlalchemy import text

from debonair.database import own_tables, revisions
from debonair.database.engine import db, guard_of, reading
from debonair.errors import UnhealthyError


def responds(app: Flask) -> Callable[[], None]:
    """Return the check that the server of the database responds to a query."""
    guard = guard_of(app)

    def check() -> None:
        with guard.question(), app.app_context(), reading(db.engine) as connection:
            connection.execute(text("SELECT 1"))

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
