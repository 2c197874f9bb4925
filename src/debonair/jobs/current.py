"""The job that the running code belongs to."""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass


@dataclass(frozen=True)
class CurrentJob:
    """A job while it runs.

    :param id: its number, the same in each attempt: a key for a service that accepts idempotency keys.
    :param name: its name. :param attempt: which attempt this is, from 1. :param once: its key, if it has one.
    """

    id: int
    name: str
    attempt: int
    once: str | None = None


_current: ContextVar[CurrentJob | None] = ContextVar("debonair_job", default=None)


def current_job() -> CurrentJob | None:
    """Return the job that runs in this thread, or None outside of a job."""
    return _current.get()


enter = _current.set
leave = _current.reset
