"""The thread of a process that claims jobs, hands them to the runners, and records how they end.

In each turn it does everything in one transaction: it records the jobs that have ended since the last one,
queues those that are due, takes the ticks of schedules, and claims as many as the runners can take. So a
worker with many short jobs needs few transactions. While the database is away, jobs that have ended are
remembered.
"""

from __future__ import annotations

import collections
import logging
import math
import threading
import time
import traceback
from collections.abc import Callable
from typing import Any

from flask import Flask
from sqlalchemy import Connection
from sqlalchemy.exc import DataError, SQLAlchemyError

from debonair.database.engine import engine_of, reading
from debonair.jobs import execution, metrics, store
from debonair.jobs.declaration import declared_jobs
from debonair.jobs.setup import service_of, settings_of
from debonair.jobs.store import Claimed, Ending
from debonair.jobs.table import State
from debonair.jobs.ticks import take_ticks
from debonair.worker import owners
from debonair.worker.queues import DatabaseQueue, Queue, queue_of
from debonair.worker.runners import Runners
from debonair.worker.wakeups import Wakeups

_MOST_AHEAD = 64
"""How many jobs more than it has threads a process claims while its jobs are short."""

_LONGEST_WAIT = 1.0
"""Seconds after which a claimed job that no thread has begun is given back."""

_MOST_DELETED = 1000
"""How many jobs that are kept no longer are deleted by one statement."""

_RETRY = 1.0
"""Seconds between two tries while the database is away."""

_log = logging.getLogger(__name__)


class Dispatcher:
    """What a process of the worker does, beside serving health and metrics.

    :param app: the application. :param replace: called when a job cannot be stopped, so that only the end of
        the process stops it.
    """

    def __init__(self, app: Flask, replace: Callable[[], None]) -> None:
        self._app = app
        self._replace = replace
        self._settings = settings_of(app)
        self._version = service_of(app).version
        self._jobs = declared_jobs(app.import_name)
        self._names = sorted(self._jobs)
        self._lease = round(float(self._settings.lease) * 1000)
        self._engine = engine_of(app)
        self._endings: collections.deque[tuple[Claimed, Ending | None]] = collections.deque()
        self._completed = 0
        self._progress = time.monotonic()
        self._next_beat = 0.0
        self._next_due = math.inf
        self._suspects = self._alone = False
        self._mine: set[tuple[int, int]] = set()
        self._in_doubt = False
        self._queue: Queue = DatabaseQueue()
        self._stopping = False
        self._error: str | None = None
        self._turned = time.monotonic()

    def start(self) -> None:
        """Begin to run jobs; called once, in the process that runs them."""
        self._owner = owners.owner()
        self._runs_as = [self._owner, self._owner + owners.ALONE]
        self._wakeups = Wakeups(self._engine)
        self._queue = queue_of(self._app, self._wakeups.wake)
        self._runners = Runners(self._settings.threads, self._run)
        self._thread = threading.Thread(target=self._serve, name="dispatcher", daemon=True)
        self._thread.start()

    def stop(self, beat: Callable[[], None]) -> None:
        """Take no more jobs, let those that run finish within ``[jobs] stop_timeout``, give the others back.

        :param beat: called at least once a second meanwhile.
        """
        until = time.monotonic() + float(self._settings.stop_timeout)
        self._stopping = True
        while self._thread.is_alive() and time.monotonic() < until:
            self._wakeups.wake()
            self._thread.join(0.1)
            beat()
        self._give_back()

    def failing(self) -> str | None:
        """Return why no jobs are run, or None."""
        if self._error is not None:
            return self._error
        silent = time.monotonic() - self._turned
        return f"no job was looked for in {silent:.0f} s" if silent > 60 else self._queue.failing()

    # The thread of the dispatcher.

    def _serve(self) -> None:
        try:
            self._loop()
        finally:
            if not self._stopping:
                self._replace()  # without this thread, the process is of no use

    def _loop(self) -> None:
        while not (self._stopping and not self._runners.unfinished and not self._endings):
            try:
                pause = self._turn()
                self._recovered()
            except (SQLAlchemyError, OSError) as error:
                self._failed(f"the database failed: {_first_line(error)}")
                pause = _RETRY
            except Exception:
                _log.exception("Jobs cannot be claimed.")
                self._error, pause = "failed: see the log", _RETRY
            self._turned = time.monotonic()
            self._wakeups.wait(pause)
        self._queue.close()
        self._wakeups.close()

    def _turn(self) -> float:
        """Do what is to be done; return the seconds until there may be more."""
        self._watch_time()
        self._return_late()
        self._queue.prepare(self._runners.count - self._runners.unfinished, self._holds())
        beat = time.monotonic() >= self._next_beat
        due = time.monotonic() >= self._next_due
        if not beat and not due and not self._endings and not self._has_work():
            return self._pause()
        ended = [self._endings.popleft() for _ in range(len(self._endings))]
        try:
            with self._engine.begin() as connection:
                store.end_all(connection, [(job, ending) for job, ending in ended if ending])
                claimed = self._claim(connection, beat)
        except (DataError, UnicodeError):
            # A text of one of them has characters that the database lacks.
            self._endings.extendleft(reversed([(job, ending and ending.in_ascii()) for job, ending in ended]))
            self._in_doubt = True
            raise
        except BaseException:
            self._endings.extendleft(reversed(ended))
            self._in_doubt = True
            raise
        self._queue.committed([job for job, _ in ended])
        self._in_doubt, self._completed = False, len(ended)
        self._mine.difference_update((job.id, job.attempts) for job, _ in ended)
        if not self._runners.unfinished:
            self._progress = time.monotonic()
        for job in claimed:
            self._mine.add((job.id, job.attempts))
            self._runners.add(job, self._jobs[job.name].timeout)
        return self._pause()

    def _claim(self, connection: Connection, beat: bool) -> list[Claimed]:
        """Queue and claim what is due; return it."""
        if self._in_doubt:
            # The turn before may have been committed, though it failed: then nothing runs what it claimed.
            store.give_back(connection, self._runs_as, but=self._mine)
        if beat:
            self._beat(connection)
        store.promote(connection)
        tick = take_ticks(connection, self._jobs.values(), self._settings.timezone, self._version)
        if self._stopping:
            self._next_due = math.inf
            return []
        most = self._capacity()
        claimed: list[Claimed] = []
        idle = not self._runners.unfinished and not self._endings
        self._alone = self._alone and not idle
        if self._suspects or self._alone:
            if idle:
                owner = self._owner + owners.ALONE
                claimed = self._queue.take(connection, self._names, owner, self._lease, 1, suspects=True)
                self._suspects = self._alone = bool(claimed)
        elif most > 0:
            claimed = self._queue.take(
                connection, self._names, self._owner, self._lease, most, suspects=False
            )
        self._queue.relay(connection, self._names, self._owner, self._lease, beat=beat)
        # The jobs that are claimed cause another turn, which asks again.
        waiting = None if claimed else store.next_due(connection)
        soonest = [due for due in (tick, waiting) if due is not None]
        self._next_due = time.monotonic() + min(soonest, default=math.inf)
        return claimed

    def _capacity(self) -> int:
        """Return how many jobs the runners can take: more than there are threads while jobs are short."""
        return self._runners.count + min(self._completed, _MOST_AHEAD) - self._runners.unfinished

    def _pause(self) -> float:
        """Return how long to wait, in seconds, unless something happens."""
        following = min(self._next_beat, self._next_due) - time.monotonic()
        return min(float(self._settings.poll), max(0.0, following))

    def _has_work(self) -> bool:
        """Return whether the rest of a turn is needed: on SQLite it takes the lock of all writers."""
        if self._engine.dialect.name != "sqlite":
            return True
        with reading(self._engine) as connection:
            return self._queue.has_news() or store.has_work(connection)

    def _beat(self, connection: Connection) -> None:
        """Report that this process lives, and take the jobs of those that do not."""
        store.extend(connection, [*self._runs_as, self._owner + owners.RELAY], self._lease)
        for owner in store.owners(connection, owners.host()):
            if owners.has_ended(owner):
                at_fault = owners.was_alone_to_end(owner) and not owner.endswith(owners.RELAY)
                alone = owner.endswith(owners.ALONE)
                _log.warning("The process %s has ended: its jobs are queued again.", owner)
                dead = store.take_from_dead(connection, owner, alone=alone, at_fault=at_fault)
                for number, name in dead:
                    _log.error("The job %s %s is dead: it has ended its process too often.", name, number)
                    metrics.ended(name, State.DEAD, 0)
        if expired := store.take_expired(connection):
            _log.warning("%d jobs are queued again: their worker has not reported in time.", expired)
        more = store.delete_expired(connection, _MOST_DELETED) == _MOST_DELETED
        self._suspects = store.has_suspects(connection, self._names)
        self._next_beat = time.monotonic() + (_RETRY if more else self._lease / 3000)

    def _watch_time(self) -> None:
        stuck = self._runners.overdue()
        for job in stuck:
            limit = self._jobs[job.name].timeout
            text = f"the job took longer than {limit:g} s, and could not be stopped"
            _log.error("The job %s %s cannot be stopped: this process is replaced.", job.name, job.id)
            ending = execution.failed(self._jobs[job.name], job, text)
            metrics.ended(job.name, ending.state, limit)
            self._endings.append((job, ending))
            self._runners.abandon(job)
        if stuck:
            self._replace()

    def _return_late(self) -> None:
        """Give back the jobs that wait for a thread, when those that run are long."""
        waiting = self._runners.unfinished > self._runners.count
        if self._stopping or (waiting and time.monotonic() - self._progress > _LONGEST_WAIT):
            self._endings.extend((job, Ending(State.QUEUED)) for job in self._runners.take_back())

    def _holds(self) -> bool:
        """Return whether this process begins no job soon, so that the queue leaves them to others."""
        busy = self._runners.unfinished >= self._runners.count
        late = busy and time.monotonic() - self._progress > _LONGEST_WAIT
        return self._stopping or self._suspects or self._alone or late

    # The threads of the runners.

    def _run(self, claimed: Claimed, call: Callable[..., Any]) -> None:
        try:
            ending = execution.execute(self._app, self._jobs[claimed.name], claimed, call)
        except BaseException:
            # When its end is committed all the same, this one changes nothing.
            _log.exception("The end of the job %s %s was not recorded.", claimed.name, claimed.id)
            ending = execution.failed(self._jobs[claimed.name], claimed, traceback.format_exc())
        self._endings.append((claimed, ending))
        self._progress = time.monotonic()
        self._wakeups.wake()

    # Failures, and the end.

    def _failed(self, error: str) -> None:
        if self._error is None:
            _log.error("Jobs cannot be claimed, and are tried again: %s", error)
        self._error = error

    def _recovered(self) -> None:
        if self._error is not None:
            _log.info("Jobs are claimed again.")
        self._error = None

    def _give_back(self) -> None:
        """Queue what is still claimed; when that fails, the lease ends and another worker takes it."""
        try:
            with self._engine.begin() as connection:
                count = store.give_back(connection, self._runs_as)
                store.give_back(connection, [self._owner + owners.RELAY])
        except SQLAlchemyError as error:
            _log.warning("Jobs could not be given back: %s. Another worker takes them when their lease ends.",
                         _first_line(error))  # fmt: skip
            return
        if count:
            _log.warning("%d jobs did not finish in time, and are queued again.", count)


def _first_line(error: Exception) -> str:
    text = str(getattr(error, "orig", error)).strip()
    return text.splitlines()[0] if text else type(error).__name__
