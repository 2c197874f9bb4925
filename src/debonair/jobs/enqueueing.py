"""The row of a job, written in the transaction of the session."""

from __future__ import annotations

import functools
import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from flask import current_app, has_request_context, request

from debonair.context import accept_traceparent, request_id, traceparent
from debonair.database.engine import db
from debonair.database.upserts import insert_into
from debonair.jobs.declaration import Job, check_priority
from debonair.jobs.setup import service_of
from debonair.jobs.table import CHANNEL, JOBS, State, now
from debonair.settings import Duration

_LONGEST_KEY = 255
_LONGEST_DELAY = 100 * 366 * 86400


@dataclass(frozen=True)
class Enqueued:
    """A job on the queue.

    :param id: its number. :param new: whether this call has enqueued it, and no earlier one with its key.
    """

    id: int
    new: bool


def enqueue(
    job: Job[Any, Any],
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    *,
    delay: str | float | timedelta | None,
    at: datetime | None,
    once: str | None,
    priority: int | None,
) -> Enqueued:
    """Insert the row of a job; :meth:`~debonair.jobs.declaration.Job.enqueue` documents the parameters."""
    values: dict[str, Any] = {
        "name": job.name,
        "arguments": job.signature.dump(args, kwargs),
        "priority": job.priority if priority is None else priority,
        "once": once,
        "request_id": request_id(),
        "traceparent": _traceparent(),
        "version": service_of(current_app).version[:100],
    }
    if priority is not None:
        check_priority(priority)
    if once is not None and (not 0 < len(once) <= _LONGEST_KEY or "\0" in once):
        raise ValueError(f"a once key has 1 to {_LONGEST_KEY} characters, and no NUL")
    if job.unique:
        values["single"] = single_key(job.name, values["arguments"])
    milliseconds = _milliseconds(delay, at)
    return _insert(values, delay=0 if at else milliseconds, at=milliseconds if at else None)


def _insert(values: dict[str, Any], *, delay: int = 0, at: int | None = None) -> Enqueued:
    """Insert a row with these values, or find the one that has its key already.

    :param delay: milliseconds until it is due. :param at: when it is due, in milliseconds since 1970.
    """
    session = db.session
    given = {"single": None, "delay": delay, **values} | ({} if at is None else {"at": at})
    statement = _insertion(session.get_bind().dialect.name, delay > 0, at is not None)
    found = session.execute(statement, given).first()
    if found is not None:
        return Enqueued(found[0], new=True)
    keys = [JOBS.c[key] == values[key] for key in ("once", "single") if values.get(key) is not None]
    existing = session.execute(sa.select(JOBS.c.id).where(sa.or_(*keys)).limit(1)).scalar()
    # It may have begun, or its row may have gone, between the two statements.
    return Enqueued(existing, new=False) if existing else _insert(values, delay=delay, at=at)


@functools.cache
def _insertion(backend: str, waits: bool, at: bool) -> Any:
    """Return the statement for a row that waits or not; its parameters are those of :func:`_insert`."""
    due: Any = now() + sa.bindparam("delay", type_=sa.BigInteger)
    state: Any = sa.literal((State.WAITING if waits else State.QUEUED).value)
    if at:
        due = sa.bindparam("at", type_=sa.BigInteger)
        state = sa.case((due > now(), State.WAITING.value), else_=State.QUEUED.value)
    given = ("name", "arguments", "priority", "once", "single", "request_id", "traceparent", "version")
    insertion = insert_into(JOBS, backend)
    insertion = insertion.values(
        {name: sa.bindparam(name) for name in given}
        | {"state": state, "due": due, "created": now(), "attempts": 0, "failures": 0, "crashes": 0}
    ).on_conflict_do_nothing()
    announced = [sa.func.pg_notify(CHANNEL, "")] if backend == "postgresql" and not waits else []
    return insertion.returning(JOBS.c.id, *announced)


def _traceparent() -> str | None:
    """Return the trace of the request, or of the job, that enqueues."""
    if has_request_context():
        return accept_traceparent(request.headers.get("traceparent"))
    return traceparent()


def single_key(name: str, arguments: str) -> str:
    """Return the key of a job that is unique while it waits: the same for equal arguments."""
    return hashlib.blake2b(f"{name}\0{arguments}".encode(), digest_size=20).hexdigest()


def _milliseconds(delay: str | float | timedelta | None, at: datetime | None) -> int:
    """Return a delay, or a moment since 1970, in milliseconds.

    :raises ValueError: when both are given, or one is out of its bounds.
    """
    if at is not None:
        if delay is not None:
            raise ValueError("delay and at exclude each other: give one of them")
        if at.tzinfo is None:
            raise ValueError("at needs a time zone: datetime.now(UTC) has one")
        return round(at.timestamp() * 1000)
    if isinstance(delay, str):
        delay = Duration.parse(delay)
    seconds = delay.total_seconds() if isinstance(delay, timedelta) else float(delay or 0)
    if not 0 <= seconds <= _LONGEST_DELAY:
        raise ValueError("a delay is at least 0 seconds and at most 100 years")
    return round(seconds * 1000)
