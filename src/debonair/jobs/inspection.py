"""What the commands ``jobs`` read and change."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from debonair.database.engine import db, reading
from debonair.errors import CommandError
from debonair.jobs.store import KEPT_WHEN_DEAD
from debonair.jobs.table import CHANNEL, JOBS, PENDING, State, now

_c = JOBS.c

_FROM = {
    "retry": (State.DEAD, State.CANCELLED, State.WAITING),
    "cancel": PENDING,
    "purge": (State.DONE, State.DEAD, State.CANCELLED),
}
"""The states of the jobs that a change is for."""

_TIMES = ("due", "created", "started", "finished", "expires", "lease")


def find(states: Iterable[str], name: str | None, limit: int) -> Sequence[sa.Row[Any]]:
    """Return the newest jobs, at most ``limit``; those in one of the states and of the name, if given."""
    query = sa.select(JOBS).order_by(_c.id.desc()).limit(limit)
    if states := list(states):
        query = query.where(_c.state.in_(states))
    if name:
        query = query.where(_c.name == name)
    with reading() as connection:
        return connection.execute(query).all()


def get(number: int) -> sa.Row[Any]:
    """Return one job.

    :raises CommandError: when there is none of this number.
    """
    with reading() as connection:
        row = connection.execute(sa.select(JOBS).where(_c.id == number)).first()
    if row is None:
        raise CommandError(f"there is no job {number}: it may be done and no longer kept; see jobs list")
    return row


def as_dictionary(row: sa.Row[Any]) -> dict[str, Any]:
    """Return a job as JSON has it: times in UTC (RFC 3339), arguments and result as values."""
    found = dict(row._mapping)
    found.pop("single")
    for name in _TIMES:
        found[name] = None if found[name] is None else _time(found[name])
    for name in ("arguments", "result"):
        found[name] = None if found[name] is None else json.loads(found[name])
    return found


def printable(text: str) -> str:
    """Return a text that a terminal only shows: errors and keys may hold what others have sent."""
    return "".join(mark if mark.isprintable() or mark == "\n" else "\ufffd" for mark in text)


def lines(rows: Sequence[sa.Row[Any]]) -> Iterator[str]:
    """Yield the lines of a table of jobs."""
    width = max((len(row.name) for row in rows), default=4)
    yield f"{'ID':>8} {'NAME':<{width}} {'STATE':<9} {'TRIES':>5} {'DUE':<20} ERROR"
    for row in rows:
        error = (row.error or "").strip().rpartition("\n")[2][:100]
        due = _time(row.due)[:19] + "Z"
        yield f"{row.id:>8} {row.name:<{width}} {row.state:<9} {row.attempts:>5} {due:<20} {error}".rstrip()


def change(what: str, numbers: Sequence[int], name: str | None, states: Sequence[str] = ()) -> int:
    """Retry, cancel or purge jobs; return how many.

    :param numbers: the jobs; else those of ``name``, or all.
    :raises CommandError: when a job with a number is in no state for that; then nothing is changed.
    """
    # Many at once are those that have failed: what is delayed or cancelled is meant to be.
    states = list(states) or ((State.DEAD,) if what == "retry" and not numbers else _FROM[what])
    which: list[sa.ColumnElement[bool]] = [_c.state.in_(states)]
    if numbers:
        which.append(_c.id.in_(numbers))
    if name:
        which.append(_c.name == name)
    connection = db.session.connection()
    changed = list(connection.execute(_statement(what).where(*which).returning(_c.id)).scalars())
    if missing := sorted(set(numbers) - set(changed)):
        db.session.rollback()
        raise CommandError(f"cannot {what} {_described(missing[0], states)}; nothing was changed")
    if what == "retry" and changed and connection.dialect.name == "postgresql":
        connection.execute(sa.select(sa.func.pg_notify(CHANNEL, "")))
    db.session.commit()
    return len(changed)


def _statement(what: str) -> Any:
    if what == "purge":
        return sa.delete(JOBS)
    if what == "cancel":
        # Its key is free: whoever enqueues the job again means it.
        return sa.update(JOBS).values(
            state=State.CANCELLED, finished=now(), once=None, single=None, owner=None, lease=None,
            expires=now() + KEPT_WHEN_DEAD,
        )  # fmt: skip
    return sa.update(JOBS).values(
        state=State.QUEUED,
        due=now(),
        failures=0,
        crashes=0,
        finished=None,
        expires=None,
        error=None,
        owner=None,
        lease=None,
    )


def _described(number: int, states: Iterable[str]) -> str:
    with reading() as connection:
        state = connection.execute(sa.select(_c.state).where(_c.id == number)).scalar()
    if state is None:
        return f"the job {number}: there is none"
    return f"the job {number}: it is {state}, and not {' or '.join(states)}"


def _time(milliseconds: int) -> str:
    try:
        return datetime.fromtimestamp(milliseconds / 1000, UTC).isoformat(timespec="milliseconds")
    except (ValueError, OverflowError):
        return str(milliseconds)
