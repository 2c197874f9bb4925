"""The ticks of schedules that have come: each enqueues its job once, whichever worker sees it first."""

from __future__ import annotations

import zoneinfo
from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from debonair.database.upserts import insert_into
from debonair.jobs.declaration import Job
from debonair.jobs.enqueueing import single_key
from debonair.jobs.table import CHANNEL, JOBS, SCHEDULES, State, now

_c = SCHEDULES.c
_MOST = 1000
"""How many ticks of one schedule are made up for in one transaction."""


def take_ticks(
    connection: Connection, jobs: Iterable[Job[Any, Any]], zone: str, version: str
) -> float | None:
    """Enqueue the jobs whose ticks have come; return the seconds until the next tick, or None without one.

    A tick is taken by advancing ``next`` from the value that was read. The row of the job has a key for the
    tick, which keeps it from being enqueued again when the clock of the database was set back.
    """
    scheduled = {job.name: job for job in jobs if job.schedule is not None}
    if not scheduled:
        return None
    moment: int = connection.execute(sa.select(now())).scalar_one()
    rows = {row.name: row for row in connection.execute(sa.select(SCHEDULES))}
    soonest = None
    for name, job in scheduled.items():
        following = _advance(connection, job, rows.get(name), moment, zoneinfo.ZoneInfo(zone), version)
        soonest = following if soonest is None else min(soonest, following)
    return None if soonest is None else max(0, soonest - moment) / 1000


def _advance(
    connection: Connection, job: Job[Any, Any], row: Any, moment: int, zone: zoneinfo.ZoneInfo, version: str
) -> int:
    """Take the ticks of one schedule until a moment; return the next tick."""
    assert job.schedule is not None  # nosec B101
    every, following = job.schedule.every, job.schedule.after(moment, zone)
    if row is None:
        values = {"name": job.name, "every": every, "next": following}
        _insert(connection, SCHEDULES, values)
        return following
    if row.next > moment and (row.every != every or row.next > following):
        # Another release has another schedule, or the clock was set back.
        connection.execute(
            sa.update(SCHEDULES)
            .where(_c.name == job.name, _c.next == row.next)
            .values(every=every, next=following)
        )
        return following
    if row.next > moment:
        return int(row.next)
    ticks = _ticks(job, row.next, moment, zone)
    following = job.schedule.after(ticks[-1], zone) if job.catch_up else following
    taken = sa.update(SCHEDULES).where(_c.name == job.name, _c.next == row.next)
    taken = taken.values(every=every, next=following)
    if connection.execute(taken.returning(_c.name)).first() is not None:
        for tick in ticks:
            _enqueue(connection, job, tick, version)
    return following


def _ticks(job: Job[Any, Any], first: int, moment: int, zone: zoneinfo.ZoneInfo) -> list[int]:
    """Return the ticks from ``first`` to a moment that are to run: all of them, or the first one."""
    assert job.schedule is not None  # nosec B101
    found = [first]
    while job.catch_up and len(found) < _MOST and (tick := job.schedule.after(found[-1], zone)) <= moment:
        found.append(tick)
    return found


def _enqueue(connection: Connection, job: Job[Any, Any], tick: int, version: str) -> None:
    values: dict[str, Any] = {
        "name": job.name,
        "arguments": job.signature.dump((), {}),
        "priority": job.priority,
        "state": State.QUEUED.value,
        "due": tick,
        "once": f"schedule {job.name[:200]} {tick}",
        "created": now(),
        "attempts": 0,
        "failures": 0,
        "crashes": 0,
        "version": version[:100],
    }
    if job.unique:
        values["single"] = single_key(job.name, values["arguments"])
    _insert(connection, JOBS, values)
    if connection.dialect.name == "postgresql":
        connection.execute(sa.select(sa.func.pg_notify(CHANNEL, "")))


def _insert(connection: Connection, table: sa.Table, values: dict[str, Any]) -> None:
    insertion = insert_into(table, connection.dialect.name)
    connection.execute(insertion.values(values).on_conflict_do_nothing())
