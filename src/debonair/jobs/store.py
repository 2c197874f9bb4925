"""What a worker does with the rows of jobs: it claims them, reports that it lives, and records how they end.

Each function is one statement, or a few, in the transaction of the connection that it is given. All but
:func:`claim` are the same whether jobs reach workers through the database or through a broker;
``publication`` has what only a broker needs.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from debonair.jobs.table import JOBS, State, now

_c = JOBS.c
_FIELDS = (_c.owner, _c.id, _c.name, _c.arguments, _c.attempts, _c.failures, _c.crashes, _c.once,
           _c.request_id, _c.traceparent, _c.version)  # fmt: skip

MOST_CRASHES = 3
"""How many times a job may end its process before it is dead: the last times while it runs alone."""

KEPT_WHEN_DEAD = 30 * 86_400_000
"""Milliseconds for which a job that is dead or cancelled is kept."""

_LONGEST_ERROR = 10_000


@dataclass(frozen=True)
class Claimed:
    """A job that a worker has claimed.

    :param owner: who has claimed it.
    :param attempts: how many times it was claimed, this one included. :param failures: how many times its
        function has raised. :param crashes: how many times it has ended its process.
    """

    owner: str

    id: int
    name: str
    arguments: str
    attempts: int
    failures: int
    crashes: int
    once: str | None
    request_id: str | None
    traceparent: str | None
    version: str | None


@dataclass(frozen=True)
class Ending:
    """How an attempt has ended.

    :param state: ``done``, ``waiting`` for a retry, ``dead``, or ``queued`` when it was not begun.
    :param result: the result as JSON. :param error: the reason of a failure.
    :param delay: milliseconds until the retry. :param keep: milliseconds for which a done job is kept.
    :param counted: whether a retry counts as a failure.
    """

    state: State
    result: str | None = None
    error: str | None = None
    delay: int = 0
    keep: int = 0
    counted: bool = True

    def in_ascii(self) -> Ending:
        """Return the same end, with escapes for all other characters in its texts."""
        error = self.error and self.error.encode("ascii", "backslashreplace").decode()
        return replace(self, error=error)


def unlocked(connection: Connection, ids: Any) -> Any:
    """Return a query for ids without the rows that others have locked; it locks those that it returns.

    PostgreSQL evaluates a CTE once; it may repeat a subquery of ``IN``, which then locks more rows.
    """
    ids = ids.with_for_update(skip_locked=True)
    return sa.select(ids.cte("unlocked").c.id) if connection.dialect.name == "postgresql" else ids


def claim(
    connection: Connection, names: Sequence[str], owner: str, lease: int, most: int, *, suspects: bool
) -> list[Claimed]:
    """Claim jobs that are due, those of the highest priority first.

    :param names: the names of the jobs that this worker has.
    :param lease: milliseconds for which they are claimed. :param most: how many at most.
    :param suspects: whether to claim jobs that may have ended their process before, and only these.
    """
    condition = _c.crashes > 0 if suspects else _c.crashes == 0
    chosen = (
        sa.select(_c.id)
        .where(_c.state == sa.literal_column("'queued'"), _c.name.in_(names), condition)
        .order_by(_c.priority.desc(), _c.due, _c.id)
        .limit(most)
    )
    return claim_where(connection, _c.id.in_(unlocked(connection, chosen)), owner, lease)


def claim_where(connection: Connection, which: Any, owner: str, lease: int) -> list[Claimed]:
    """Claim the jobs of a condition, which leaves out those that run or have ended."""
    statement = (
        sa.update(JOBS)
        .where(which)
        .values(state=State.RUNNING, owner=owner, lease=now() + lease, started=now(), single=None,
                attempts=_c.attempts + 1)
        .returning(*_FIELDS, _c.priority, _c.due)
    )  # fmt: skip
    rows = sorted(connection.execute(statement).all(), key=lambda row: (-row.priority, row.due, row.id))
    return [Claimed(*row[: len(_FIELDS)]) for row in rows]


def has_suspects(connection: Connection, names: Sequence[str]) -> bool:
    """Return whether a job with one of the names, which may have ended its process, waits to run alone."""
    query = sa.select(_c.id).where(
        _c.crashes > sa.literal_column("0"), _c.lease.is_(None), _c.state == State.QUEUED, _c.name.in_(names)
    )
    return connection.execute(query.limit(1)).first() is not None


def promote(connection: Connection) -> None:
    """Queue the jobs that have become due."""
    waiting = _c.state == sa.literal_column("'waiting'")
    connection.execute(sa.update(JOBS).where(waiting, _c.due <= now()).values(state=State.QUEUED))


def has_work(connection: Connection) -> bool:
    """Return whether a job is queued or has become due."""
    query = sa.select(
        sa.select(_c.id).where(_c.state == sa.literal_column("'queued'")).exists(),
        sa.select(_c.id).where(_c.state == sa.literal_column("'waiting'"), _c.due <= now()).exists(),
    )
    return any(connection.execute(query).one())


def next_due(connection: Connection) -> float | None:
    """Return the seconds until the next job is due, or None when none waits."""
    waiting = _c.state == sa.literal_column("'waiting'")
    found = connection.execute(sa.select(sa.func.min(_c.due), now()).where(waiting)).one()
    return None if found[0] is None else max(0, found[0] - found[1]) / 1000


def extend(connection: Connection, names: Sequence[str], lease: int) -> None:
    """Extend the lease of everything that owners have claimed."""
    theirs: Any = sa.and_(_is_leased, _c.owner.in_(names))
    if connection.dialect.name == "postgresql":
        # A worker that claims published jobs locks the rows that their relay extends: both in one order.
        locked = sa.select(_c.id).where(theirs).order_by(_c.id).with_for_update().cte("locked")
        theirs = _c.id.in_(sa.select(locked.c.id))
    connection.execute(sa.update(JOBS).where(theirs).values(lease=now() + lease))


_is_leased = _c.lease.is_not(None)
_is_running = _c.state == State.RUNNING


def end(connection: Any, job: Claimed, ending: Ending) -> bool:
    """Record how an attempt has ended; return False when the worker does not own the job any more.

    :param connection: a connection or a session.
    """
    mine = (_c.id == job.id, _c.owner == job.owner, _c.attempts == job.attempts, _is_running)
    if ending.state is State.DONE and not ending.keep:
        statement: Any = sa.delete(JOBS).where(*mine)
    else:
        statement = sa.update(JOBS).where(*mine).values(**_values(ending))
    return connection.execute(statement.returning(_c.id)).first() is not None


def end_all(connection: Connection, endings: Iterable[tuple[Claimed, Ending]]) -> None:
    """Record how attempts have ended, as :func:`end` does for one; those that are alike by one statement."""
    alike: dict[tuple[str, int], list[tuple[int, int]]] = {}
    for job, ending in endings:
        if ending.state is State.DONE and ending.result is None:
            alike.setdefault((job.owner, ending.keep), []).append((job.id, job.attempts))
        else:
            end(connection, job, ending)
    for (owner, keep), attempts in alike.items():
        mine = (_c.owner == owner, sa.tuple_(_c.id, _c.attempts).in_(attempts), _is_running)
        if keep:
            done = _values(Ending(State.DONE, keep=keep))
            connection.execute(sa.update(JOBS).where(*mine).values(done))
        else:
            connection.execute(sa.delete(JOBS).where(*mine))


def _values(ending: Ending) -> dict[str, Any]:
    """Return the columns of a row whose attempt has ended."""
    values: dict[str, Any] = {"state": ending.state, "owner": None, "lease": None}
    if ending.state in (State.DONE, State.DEAD):
        values |= {"finished": now(), "result": ending.result, "error": _bounded(ending.error)}
    if ending.state is State.DONE:
        values["expires"] = now() + ending.keep
    elif ending.state is State.DEAD:
        values["expires"] = now() + KEPT_WHEN_DEAD
    elif ending.state is State.WAITING:
        values |= {"due": now() + ending.delay, "error": _bounded(ending.error)}
        values["failures"] = _c.failures + int(ending.counted)
    return values


def _bounded(error: str | None) -> str | None:
    """Return the end of a text, without characters that no database takes: NUL and lone surrogates."""
    if error is None:
        return None
    return error.replace("\0", "\ufffd")[-_LONGEST_ERROR:].encode("utf-8", "backslashreplace").decode()


def give_back(connection: Connection, names: Sequence[str], but: Collection[tuple[int, int]] = ()) -> int:
    """Queue everything that owners have claimed, as if it had not begun; return how many jobs.

    :param but: the ids and attempts of jobs that they keep.
    """
    statement = sa.update(JOBS).where(_is_leased, _c.owner.in_(names)).values(**_values(Ending(State.QUEUED)))
    if but:
        statement = statement.where(sa.tuple_(_c.id, _c.attempts).not_in(list(but)))
    return len(connection.execute(statement.returning(_c.id)).all())


def owners(connection: Connection, prefix: str) -> list[str]:
    """Return the owners of running jobs whose names begin with a text."""
    query = sa.select(_c.owner).where(_is_leased, _c.owner.startswith(prefix, autoescape=True)).distinct()
    return list(connection.execute(query).scalars())


def take_from_dead(
    connection: Connection, owner: str, *, alone: bool, at_fault: bool
) -> list[tuple[int, str]]:
    """Queue the jobs of a process that has ended; return number and name of those that are dead now.

    :param alone: whether it ran one job only. :param at_fault: whether that one may have ended the process.
    """
    its = (_is_leased, _c.owner == owner)
    back = {"state": State.QUEUED.value, "owner": None, "lease": None}
    if not at_fault:
        connection.execute(sa.update(JOBS).where(*its).values(back))
        return []
    found: list[tuple[int, str]] = []
    if alone:
        error = f"it has ended its process {MOST_CRASHES} times; see the log of the worker"
        dead = _values(Ending(State.DEAD, error=error)) | {"crashes": _c.crashes + 1}
        statement = sa.update(JOBS).where(*its, _c.crashes >= MOST_CRASHES - 1).values(dead)
        found = [(row.id, row.name) for row in connection.execute(statement.returning(_c.id, _c.name))]
    connection.execute(sa.update(JOBS).where(*its).values(back | {"crashes": _c.crashes + 1}))
    return found


def take_expired(connection: Connection) -> int:
    """Queue the jobs whose owner has not reported in time; return how many."""
    statement = (
        sa.update(JOBS)
        .where(_is_leased, _c.lease < now(), _c.owner.is_not(None))
        .values(state=State.QUEUED, owner=None, lease=None)
    )
    return len(connection.execute(statement.returning(_c.id)).all())


def delete_expired(connection: Connection, most: int) -> int:
    """Delete jobs that are kept no longer; return how many, which is at most ``most``."""
    old = sa.select(_c.id).where(_c.expires.is_not(None), _c.expires < now()).limit(most)
    statement = sa.delete(JOBS).where(_c.id.in_(unlocked(connection, old)))
    return len(connection.execute(statement.returning(_c.id)).all())
