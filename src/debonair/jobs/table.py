"""The tables of jobs and schedules, and the migrations that make them.

States of a job: it is ``waiting`` until it is due, then ``queued``; ``published`` while a message in RabbitMQ
names it; ``running``; and in the end ``done``, ``dead`` or ``cancelled``. Times are milliseconds since 1970,
in UTC, by the clock of the database: the clocks of hosts differ.

``attempts`` is how often it was claimed, ``failures`` how often its function has raised, and ``crashes`` how
often its process has ended meanwhile. A worker that has claimed a job is its ``owner`` until ``lease``. Only
the owner can end it, so a worker that was paused and has lost a job changes nothing.
"""

from __future__ import annotations

import enum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import GenericFunction


class State(enum.StrEnum):
    """The state of a job."""

    WAITING = "waiting"
    QUEUED = "queued"
    PUBLISHED = "published"
    RUNNING = "running"
    DONE = "done"
    DEAD = "dead"
    CANCELLED = "cancelled"


PENDING = (State.WAITING, State.QUEUED, State.PUBLISHED)
"""The states of a job that has not begun."""

CHANNEL = "debonair_jobs"
"""PostgreSQL's channel on which a job that is due is announced (LISTEN, NOTIFY)."""


class now(GenericFunction[int]):  # noqa: N801  # SQLAlchemy names functions so
    """The time by the clock of the database, in milliseconds since 1970; it goes on within a transaction."""

    type = sa.BigInteger()
    inherit_cache = True
    name = "debonair_now"


@compiles(now)
def _now(element: now, compiler: Any, **_: Any) -> str:
    if compiler.dialect.name == "sqlite":
        return "CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER)"
    return "CAST(extract(epoch FROM clock_timestamp()) * 1000 AS BIGINT)"


_metadata = sa.MetaData()
_Number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

JOBS = sa.Table(
    "debonair_job",
    _metadata,
    sa.Column("id", _Number, primary_key=True),
    sa.Column("name", sa.String(200), nullable=False),
    sa.Column("arguments", sa.Text, nullable=False),
    sa.Column("state", sa.String(10), nullable=False),
    sa.Column("priority", sa.SmallInteger, nullable=False),
    sa.Column("due", sa.BigInteger, nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("failures", sa.Integer, nullable=False),
    sa.Column("crashes", sa.Integer, nullable=False),
    sa.Column("owner", sa.String(200)),
    sa.Column("lease", sa.BigInteger),
    sa.Column("once", sa.String(255)),
    sa.Column("single", sa.String(40)),
    sa.Column("created", sa.BigInteger, nullable=False),
    sa.Column("started", sa.BigInteger),
    sa.Column("finished", sa.BigInteger),
    sa.Column("expires", sa.BigInteger),
    sa.Column("result", sa.Text),
    sa.Column("error", sa.Text),
    sa.Column("request_id", sa.String(128)),
    sa.Column("traceparent", sa.String(55)),
    sa.Column("version", sa.String(100)),
)

SCHEDULES = sa.Table(
    "debonair_schedule",
    _metadata,
    sa.Column("name", sa.String(200), primary_key=True),
    sa.Column("every", sa.String(200), nullable=False),
    sa.Column("next", sa.BigInteger, nullable=False),
)


def _index(name: str, *columns: Any, where: sa.ColumnElement[bool], unique: bool = False) -> None:
    """Index the rows of a condition only: nearly all rows of the table are jobs that have ended."""
    conditions: dict[str, Any] = {"postgresql_where": where, "sqlite_where": where}
    sa.Index(f"ix_debonair_job_{name}", *columns, unique=unique, **conditions)


_c = JOBS.c
_index("queued", _c.priority.desc(), _c.due, _c.id, where=_c.state == sa.literal_column("'queued'"))
_index("waiting", _c.due, where=_c.state == sa.literal_column("'waiting'"))
_index("lease", _c.lease, where=_c.lease.is_not(None))
_index("suspect", _c.id, where=sa.and_(_c.crashes > sa.literal_column("0"), _c.lease.is_(None)))
_index("expires", _c.expires, where=_c.expires.is_not(None))
_index("once", _c.once, where=_c.once.is_not(None), unique=True)
_index("single", _c.single, where=_c.single.is_not(None), unique=True)


def _create(connection: sa.Connection) -> None:
    _metadata.create_all(connection)


MIGRATIONS = (_create,)
"""What brings the tables from each revision to the next; the number of the last is that of this version.

A migration that was released is never changed: a new one is appended.
"""
