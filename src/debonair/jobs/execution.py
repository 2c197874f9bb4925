"""One attempt of a job: its function is called, and its end is committed with what it has written.

When the function has used ``db.session`` and not committed, the row of the job is updated in the same
transaction. So its changes are made once, even if the job runs twice: whoever has lost the job is rolled
back.
"""

from __future__ import annotations

import json
import logging
import random
import re
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from flask import Flask, current_app

from debonair.context import (
    bind_request_id,
    bind_traceparent,
    new_request_id,
    release_request_id,
    release_traceparent,
)
from debonair.database.engine import db
from debonair.errors import PermanentError
from debonair.jobs import current, metrics
from debonair.jobs.arguments import ArgumentsError
from debonair.jobs.declaration import Job
from debonair.jobs.setup import service_of
from debonair.jobs.store import Claimed, Ending, end
from debonair.jobs.table import State

_log = logging.getLogger("debonair.jobs")

_ELSEWHERE = 5000
"""Milliseconds for which a job of a newer release is left to the workers of that."""


class JobTimeout(BaseException):
    """Raised in a job that takes longer than its ``timeout``; no ``except Exception`` stops it."""


class _LostError(Exception):
    """The job belongs to another worker by now."""


def execute(
    app: Flask, job: Job[Any, Any], claimed: Claimed, call: Callable[..., Any] | None = None
) -> Ending | None:
    """Run one attempt; return how it has ended, or None when that is committed already.

    :param call: calls a function with its arguments, in place of a plain
        call: the worker watches the time.
    """
    began = time.perf_counter()
    with _in_context(app, claimed):
        try:
            ending, committed = _attempt(job, claimed, call)
        except _LostError:
            db.session.rollback()
            _log.warning("The job %s %s was taken by another worker: its changes are rolled back.",
                         claimed.name, claimed.id)  # fmt: skip
            return None
        seconds = time.perf_counter() - began
        _report(claimed, ending, seconds)
        return None if committed else ending


@contextmanager
def _in_context(app: Flask, claimed: Claimed) -> Iterator[None]:
    """Make the job, and the id of the request that has enqueued it, current."""
    with app.app_context():
        now_running = current.CurrentJob(claimed.id, claimed.name, claimed.attempts, claimed.once)
        token = current.enter(now_running)
        identity = bind_request_id(claimed.request_id or new_request_id())
        trace = bind_traceparent(claimed.traceparent)
        try:
            yield
        finally:
            release_traceparent(trace)
            release_request_id(identity)
            current.leave(token)


def _attempt(job: Job[Any, Any], claimed: Claimed, call: Callable[..., Any] | None) -> tuple[Ending, bool]:
    """Call the function; return how it has ended, and whether that is committed."""
    try:
        arguments = job.signature.load(claimed.arguments)
        result = call(job.function, arguments) if call else job.function(**arguments)
        ending = Ending(State.DONE, result=_as_json(result), keep=round(job.keep * 1000))
        if not (db.session.registry.has() and db.session().in_transaction()):
            return ending, False
        if not end(db.session, claimed, ending):
            raise _LostError
        db.session.commit()
        return ending, True
    except ArgumentsError as error:
        return _unfit(job, claimed, f"{error}; it was enqueued by version {claimed.version}"), False
    except _LostError:
        raise
    except PermanentError as error:
        db.session.rollback()
        return Ending(State.DEAD, error=str(error)), False
    except BaseException:  # such as asyncio.CancelledError: whatever it is, the job has failed
        db.session.rollback()
        return failed(job, claimed, traceback.format_exc()), False


def _unfit(job: Job[Any, Any], claimed: Claimed, error: str) -> Ending:
    """Return the end of a job whose arguments do not fit: it is dead, unless a newer release may run it."""
    own = service_of(current_app).version
    if _numbers(claimed.version or "") > _numbers(own):
        text = f"{error}, which is newer than this worker's {own}"
        return Ending(State.WAITING, error=text, delay=_ELSEWHERE, counted=False)
    return Ending(State.DEAD, error=error)


def _numbers(version: str) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", version)]


def failed(job: Job[Any, Any], claimed: Claimed, error: str) -> Ending:
    """Return the end of an attempt that has failed: a retry, or the job is dead."""
    if claimed.failures >= job.retries:
        return Ending(State.DEAD, error=error)
    pause = min(job.backoff * 2 ** min(claimed.failures, 60), job.longest_backoff)
    return Ending(State.WAITING, error=error, delay=round(pause * random.uniform(0.5, 1) * 1000))  # nosec B311


def _as_json(result: Any) -> str | None:
    """Return a result as JSON; what JSON does not have is written as text."""
    return None if result is None else json.dumps(result, default=str)


def _report(claimed: Claimed, ending: Ending, seconds: float) -> None:
    metrics.ended(claimed.name, ending.state, seconds)
    extra = {
        "job": claimed.name,
        "job_id": claimed.id,
        "attempt": claimed.attempts,
        "duration_ms": round(seconds * 1000, 3),
    }
    if ending.state is State.DONE:
        _log.info("The job %s %s is done.", claimed.name, claimed.id, extra=extra)
    elif ending.state is State.WAITING:
        what = "The job %s %s failed, and is tried again in %.1f s.\n%s"
        _log.warning(what, claimed.name, claimed.id, ending.delay / 1000, ending.error, extra=extra)
    else:
        _log.error("The job %s %s is dead: %s", claimed.name, claimed.id, ending.error, extra=extra)
