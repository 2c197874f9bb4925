"""What a worker does with the rows of jobs that reach workers through a broker.

A row is chosen for publication, then its message is sent, then the row is marked as published. Each step is a
transaction of its own, so that no row is locked while a message is under way. Meanwhile the row has the state
``published`` and an owner, whose lease ends when its process does: then the row is queued, and published
again. A message that arrives twice, or whose job runs or has ended, is dropped: only the row counts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from debonair.jobs import store
from debonair.jobs.table import JOBS, State, now

_c = JOBS.c
_is_queued = _c.state == sa.literal_column("'queued'")
_is_published = sa.and_(_c.state == sa.literal_column("'published'"), _c.lease.is_not(None))
_QUEUED = {"state": State.QUEUED.value, "owner": None, "lease": None}

ELSEWHERE = 5000
"""Milliseconds until a job is published again that a worker of another release has got."""


@dataclass(frozen=True)
class Publication:
    """A job whose message is to be sent."""

    id: int
    name: str
    priority: int


def choose(
    connection: Connection, names: Sequence[str], owner: str, lease: int, most: int
) -> list[Publication]:
    """Return queued jobs to publish, those of the highest priority first.

    Jobs that may have ended their process are left out: workers take them from the database, to run alone.

    :param names: the names of the jobs that this worker has. :param most: how many at most.
    """
    chosen = (
        sa.select(_c.id)
        .where(_is_queued, _c.name.in_(names), _c.crashes == 0)
        .order_by(_c.priority.desc(), _c.due, _c.id)
        .limit(most)
    )
    statement = (
        sa.update(JOBS)
        .where(_c.id.in_(store.unlocked(connection, chosen)))
        .values(state=State.PUBLISHED, owner=owner, lease=now() + lease)
        .returning(_c.id, _c.name, _c.priority, _c.due)
    )
    rows = sorted(connection.execute(statement).all(), key=lambda row: (-row.priority, row.due, row.id))
    return [Publication(row.id, row.name, row.priority) for row in rows]


def confirm(connection: Connection, ids: Sequence[int], owner: str, trust: int) -> set[int]:
    """Mark jobs as published: the broker has their messages; return those that are left out.

    Rows that are locked are left out: waiting for a worker that claims them could be a deadlock. They are to
    be marked later, as the claim may be rolled back; rows of another owner by now are forgotten.

    :param trust: milliseconds after which the messages count as lost when the broker has none.
    """
    values = {"owner": None, "lease": now() + trust}
    return _update_unlocked(connection, ids, owner, values)


def withdraw(connection: Connection, ids: Sequence[int] | None, owner: str) -> set[int]:
    """Queue jobs whose messages the broker does not have, as :func:`confirm`; all of an owner without ids."""
    return _update_unlocked(connection, ids, owner, _QUEUED)


def _update_unlocked(
    connection: Connection, ids: Sequence[int] | None, owner: str, values: dict[str, Any]
) -> set[int]:
    which = sa.and_(_is_published, _c.owner == owner, sa.true() if ids is None else _c.id.in_(ids))
    chosen = store.unlocked(connection, sa.select(_c.id).where(which))
    statement = sa.update(JOBS).where(_c.id.in_(chosen)).values(values).returning(_c.id)
    updated = set(connection.execute(statement).scalars())
    if ids is not None and updated.issuperset(ids):
        return set()
    return set(connection.execute(sa.select(_c.id).where(which)).scalars()) - updated


def claim_published(
    connection: Connection, ids: Sequence[int], names: Sequence[str], owner: str, lease: int
) -> list[store.Claimed]:
    """Claim the jobs that messages name; return those that are this worker's to run.

    Jobs that run or have ended are left out, and those that may have ended their process. Jobs of other names
    are published again after a while: a worker of another release has them.
    """
    pending = sa.and_(_c.id.in_(ids), _c.state.in_([State.QUEUED, State.PUBLISHED]))
    known = sa.and_(pending, _c.name.in_(names), _c.crashes == 0)
    if connection.dialect.name == "postgresql":
        # Messages that arrive twice make two workers claim the same rows: both lock them in one order.
        locked = sa.select(_c.id).where(known).order_by(_c.id).with_for_update().cte("locked")
        known = _c.id.in_(sa.select(locked.c.id))
    claimed = store.claim_where(connection, known, owner, lease)
    if len(claimed) < len(ids):
        later = {"state": State.WAITING.value, "owner": None, "lease": None, "due": now() + ELSEWHERE}
        connection.execute(sa.update(JOBS).where(pending, _c.name.not_in(names)).values(later))
    return claimed


def has_overdue(connection: Connection) -> bool:
    """Return whether a job has been published for so long that its message may be lost."""
    query = sa.select(_c.id).where(_is_published, _c.owner.is_(None), _c.lease < now())
    return connection.execute(query.limit(1)).first() is not None


def republish(connection: Connection, *, every: bool) -> int:
    """Queue jobs whose messages are lost; return how many.

    :param every: all that are published, and not only those that have been for long.
    """
    statement = sa.update(JOBS).where(_is_published, _c.owner.is_(None)).values(_QUEUED)
    if not every:
        statement = statement.where(_c.lease < now())
    return len(connection.execute(statement.returning(_c.id)).all())
