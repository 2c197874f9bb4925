"""The arbiter: gunicorn's first process, which drains, feeds systemd's watchdog, and hands over."""

from __future__ import annotations

import fcntl
import os
import signal
import time
from typing import Any

import gunicorn.arbiter
from gunicorn import systemd

from debonair.server.worker import ENDINGS
from debonair.web.health import monitor_of


class Arbiter(gunicorn.arbiter.Arbiter):
    """gunicorn's first process, which on SIGTERM has the service say that it drains before it stops."""

    _stop_at: float | None = None

    def handle_term(self) -> None:
        drain = float(self.app.drain)
        if not drain:
            super().handle_term()
        monitor_of(self.app.wsgi()).drain()
        self._stop_at = self._stop_at or time.monotonic() + drain

    def handle_int(self) -> None:
        # gunicorn breaks off what is in flight; here only a second one does, which its stop looks for.
        raise StopIteration

    def spawn_worker(self) -> int:
        # gunicorn tells a worker once that it is to end; one just forked, still with this process's handlers,
        # would not hear it, and be waited for until the grace is over. The worker unblocks them.
        signal.pthread_sigmask(signal.SIG_BLOCK, ENDINGS)
        try:
            pid: int = super().spawn_worker()
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, ENDINGS)
        return pid

    def reap_workers(self) -> None:
        # Called over and over while a stop or SIGHUP waits for workers, for as long as they are granted.
        super().reap_workers()
        self._feed_watchdog()

    def murder_workers(self) -> None:
        # Called once a second.
        super().murder_workers()
        self._feed_watchdog()
        if self._stop_at is not None and time.monotonic() >= self._stop_at:
            raise StopIteration

    def _feed_watchdog(self) -> None:
        """Let systemd know that the loop which looks after the workers goes on."""
        if "WATCHDOG_USEC" in os.environ:
            systemd.sd_notify("WATCHDOG=1", self.log)


def choose_processor(arbiter: Any, worker: Any) -> None:
    """Choose for a worker that is to be forked the processor that the fewest others have."""
    taken = [other.processor for other in arbiter.WORKERS.values()]
    worker.processor = min(sorted(os.sched_getaffinity(0)), key=taken.count)


def keep_to_processor(arbiter: Any, worker: Any) -> None:
    """Keep this worker, just forked, on the processor that was chosen for it."""
    os.sched_setaffinity(0, {worker.processor})


def pass_sockets_on(arbiter: Any) -> None:
    """Put systemd's sockets where the next process looks for them, before it replaces this fork.

    gunicorn has moved them: it duplicates what systemd passes, and closes the original.
    """
    if not arbiter.systemd:
        return
    first = systemd.SD_LISTEN_FDS_START
    past = first + len(arbiter.LISTENERS)
    copies = [fcntl.fcntl(listener, fcntl.F_DUPFD_CLOEXEC, past) for listener in arbiter.LISTENERS]
    for listener in arbiter.LISTENERS:
        os.set_inheritable(listener.fileno(), False)
    for number, copy in enumerate(copies, first):
        os.dup2(copy, number)


def take_over(worker: Any) -> None:
    """Start the checks; in a process that is to succeed another one, end that one now."""
    monitor_of(worker.wsgi).start()
    predecessor = os.environ.get("GUNICORN_PID")
    if predecessor:
        os.kill(int(predecessor), signal.SIGTERM)
