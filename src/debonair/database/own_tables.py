"""The tables of the chassis in the database of a service: those of jobs, for instance.

They are not in the service's own migrations. A feature registers its migrations, in the order of its
revisions, when the application is made; ``db upgrade`` applies those that are missing, and ``db check``
reports them. ``db downgrade`` leaves these tables as they are: an older chassis ignores what a newer one
adds.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import sqlalchemy as sa
from flask import Flask
from sqlalchemy import Connection

from debonair.database.engine import engine_of, reading

_EXTENSION = "debonair_own_tables"
_LOCK = 0x6465626F6E
"""The key of PostgreSQL's advisory lock: the same for all services, since each has its own database."""

PREFIX = "debonair-"
"""What the names of these revisions begin with."""

Migration = Callable[[Connection], None]

REVISIONS = sa.Table(
    "debonair_revision",
    sa.MetaData(),
    sa.Column("name", sa.String(50), primary_key=True),
    sa.Column("revision", sa.Integer, nullable=False),
)


def register(app: Flask, name: str, migrations: Sequence[Migration]) -> None:
    """Add the tables of a feature.

    :param name: its name. :param migrations: what brings its tables from each revision to the next.
    """
    _registered(app)[name] = migrations


def heads(app: Flask) -> frozenset[str]:
    """Return the newest revision of each feature, such as ``debonair-jobs-1``."""
    return frozenset(f"{PREFIX}{name}-{len(steps)}" for name, steps in _registered(app).items())


def current(app: Flask) -> tuple[frozenset[str], frozenset[str]]:
    """Return the revisions that the database is at, and those of them that a newer chassis has made."""
    steps = _registered(app)
    if not steps:
        return frozenset(), frozenset()
    with reading(engine_of(app)) as connection:
        applied = _applied(connection)
    found = {name: f"{PREFIX}{name}-{applied[name]}" for name in steps if applied.get(name)}
    newer = frozenset(text for name, text in found.items() if applied[name] > len(steps[name]))
    return frozenset(found.values()), newer


def upgrade(app: Flask) -> list[str]:
    """Apply the migrations that are missing, each feature's in one transaction; return their revisions."""
    done = []
    for name, steps in _registered(app).items():
        with engine_of(app).begin() as connection:
            lock(connection)
            before = _applied(connection).get(name, 0)
            for step in steps[before:]:
                step(connection)
            if len(steps) > before:
                REVISIONS.create(connection, checkfirst=True)
                connection.execute(sa.delete(REVISIONS).where(REVISIONS.c.name == name))
                connection.execute(sa.insert(REVISIONS).values(name=name, revision=len(steps)))
                done.append(f"{PREFIX}{name}-{len(steps)}")
    return done


def lock(connection: Connection) -> None:
    """Let one migration run at a time, those of the service included; one that waited finds nothing left.

    On SQLite the transaction is such a lock (see ``engine``).
    """
    if connection.dialect.name == "postgresql":
        # However long the other migration takes.
        connection.execute(sa.text("SET LOCAL lock_timeout = 0"))
        connection.execute(sa.text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})


def _registered(app: Flask) -> dict[str, Sequence[Migration]]:
    found: dict[str, Sequence[Migration]] = app.extensions.setdefault(_EXTENSION, {})
    return found


def _applied(connection: Connection) -> dict[str, int]:
    if not sa.inspect(connection).has_table(REVISIONS.name):
        return {}
    return {row.name: row.revision for row in connection.execute(sa.select(REVISIONS))}
