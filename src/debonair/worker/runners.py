"""The threads that run jobs, and the watch over how long they take."""

from __future__ import annotations

import ctypes
import functools
import logging
import queue
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from debonair.jobs.execution import JobTimeout
from debonair.jobs.store import Claimed

_log = logging.getLogger(__name__)

_LAST_CHANCE = 5.0
"""Seconds after its time limit in which a job may still end by the exception that is raised in it."""


@dataclass(eq=False)
class _Run:
    """A job that runs. :param limit: its time limit in seconds."""

    claimed: Claimed
    limit: float
    thread: int = 0
    deadline: float | None = None
    interrupted: bool = False


class Runners:
    """Threads that each run one job at a time, in the order in which they get them.

    :param count: how many. :param work: runs one job; it gets the claimed job and a function that calls the
        job's own function with its arguments.
    """

    def __init__(self, count: int, work: Callable[[Claimed, Callable[..., Any]], None]) -> None:
        self.count = count
        self._work = work
        self._queue: queue.SimpleQueue[_Run] = queue.SimpleQueue()
        self._running: set[_Run] = set()
        self._lock = threading.Lock()
        self._unfinished = 0
        for number in range(count):
            threading.Thread(target=self._serve, name=f"job-{number}", daemon=True).start()

    def add(self, claimed: Claimed, limit: float) -> None:
        """Run a job as soon as a thread is idle. :param limit: its time limit in seconds."""
        with self._lock:
            self._unfinished += 1
        self._queue.put(_Run(claimed, limit))

    @property
    def unfinished(self) -> int:
        """How many jobs run or wait for a thread."""
        return self._unfinished

    def take_back(self) -> list[Claimed]:
        """Return the jobs that no thread has begun; they are not run any more."""
        found = []
        while True:
            try:
                found.append(self._queue.get_nowait().claimed)
            except queue.Empty:
                break
        with self._lock:
            self._unfinished -= len(found)
        return found

    def overdue(self) -> list[Claimed]:
        """Raise JobTimeout in the jobs whose time is over; return those that have not ended by that either.

        The exception is raised when the thread runs Python's code again: a call of C, such as a long
        ``time.sleep``, delays it.
        """
        stuck, moment = [], time.monotonic()
        with self._lock:
            for run in self._running:
                if run.deadline is None or moment < run.deadline:
                    continue
                if not run.interrupted:
                    run.interrupted = True
                    ctypes.pythonapi.PyThreadState_SetAsyncExc(
                        ctypes.c_ulong(run.thread), ctypes.py_object(JobTimeout)
                    )
                elif moment > run.deadline + _LAST_CHANCE:
                    stuck.append(run.claimed)
        return stuck

    def _serve(self) -> None:
        while True:
            run = self._queue.get()
            with self._lock:
                self._running.add(run)
            try:
                self._work(run.claimed, functools.partial(self._call, run))
            except BaseException:
                _log.exception("The end of the job %s was not recorded.", run.claimed.id)
            finally:
                self._remove(run)

    def _remove(self, run: _Run) -> None:
        with self._lock:
            if run in self._running:
                self._running.remove(run)
                self._unfinished -= 1

    def abandon(self, claimed: Claimed) -> None:
        """Count a job as finished whose thread cannot be stopped."""
        with self._lock:
            found = [run for run in self._running if run.claimed is claimed]
        for run in found:
            self._remove(run)

    def _call(self, run: _Run, function: Callable[..., Any], arguments: dict[str, Any]) -> Any:
        """Call a job's function; it has its time limit meanwhile.

        :raises JobTimeout: when it took longer.
        """
        with self._lock:
            run.thread, run.deadline = threading.get_ident(), time.monotonic() + run.limit
        try:
            return function(**arguments)
        except JobTimeout:
            raise JobTimeout(f"the job took longer than {run.limit:g} s") from None
        finally:
            # The exception may arrive until the deadline is gone, and here too.
            try:
                self._forget(run)
            except JobTimeout:
                self._forget(run)
                raise JobTimeout(f"the job took longer than {run.limit:g} s") from None

    def _forget(self, run: _Run) -> None:
        with self._lock:
            run.deadline = None
