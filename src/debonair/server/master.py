"""gunicorn's master process, which drains, notifies systemd's watchdog, and completes a reload."""

from __future__ import annotations

import fcntl
import os
import signal
import time
from typing import Any

import gunicorn.arbiter
from gunicorn import systemd

from debonair.server.service_worker import STOP_SIGNALS
from debonair.web.health import monitor_of

_HANDOVER_INTERVAL = 0.1
"""Seconds between two looks at whether a worker is ready to replace the predecessor."""


class Master(gunicorn.arbiter.Arbiter):
    """gunicorn's master process (its name: arbiter)."""

    _stop_at: float | None = None

    def handle_term(self) -> None:
        """Report the service as draining, and stop when ``[server] drain`` is over; at once after a reload.

        After a reload the successor is ready on the same socket: a balancer has no reason to go elsewhere.
        """
        drain = float(self.app.drain)
        if not drain or self.reexec_pid:
            super().handle_term()
        monitor_of(self.app.wsgi()).drain()
        self._stop_at = self._stop_at or time.monotonic() + drain

    def handle_int(self) -> None:
        """Stop as on SIGTERM, without draining. gunicorn aborts the requests in progress; here only a
        second SIGINT does, for which gunicorn's stop() looks."""
        raise StopIteration

    def spawn_worker(self) -> int:
        """Fork a worker, and block the signals that stop it until it has its own handlers.

        gunicorn sends such a signal once. A worker that was just forked still has the handlers of this
        process and would ignore it.
        """
        signal.pthread_sigmask(signal.SIG_BLOCK, STOP_SIGNALS)
        try:
            pid: int = super().spawn_worker()
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, STOP_SIGNALS)
        return pid

    def wait_for_signals(self, timeout: float = 1.0) -> list[int]:
        """Return the signals that arrived; during a hand-over wait less long for them."""
        pending = self.app.handover.pending
        signals: list[int] = super().wait_for_signals(_HANDOVER_INTERVAL if pending else timeout)
        return signals

    def reap_workers(self) -> None:
        """Collect the workers that have ended. Called repeatedly while a stop or SIGHUP waits for workers."""
        successor = self.reexec_pid
        super().reap_workers()
        if successor and not self.reexec_pid:  # it failed: this process goes on
            self.app.process_ended(successor)
        self._notify_watchdog()

    def murder_workers(self) -> None:
        """Kill the workers that hang. Called in every turn of the main loop, at least once a second."""
        super().murder_workers()
        self._notify_watchdog()
        self.app.on_loop()
        if self._stop_at is not None and time.monotonic() >= self._stop_at:
            raise StopIteration

    def _notify_watchdog(self) -> None:
        if "WATCHDOG_USEC" in os.environ:
            systemd.sd_notify("WATCHDOG=1", self.log)


def choose_processor(arbiter: Any, worker: Any) -> None:
    """Choose for a worker that is to be forked the processor that the fewest others have."""
    taken = [other.processor for other in arbiter.WORKERS.values()]
    worker.processor = min(sorted(os.sched_getaffinity(0)), key=taken.count)


def keep_to_processor(arbiter: Any, worker: Any) -> None:
    """Pin this worker, just forked, to the processor that was chosen for it."""
    os.sched_setaffinity(0, {worker.processor})


def pass_sockets_on(arbiter: Any) -> None:
    """Put systemd's sockets where the next master process looks for them, before it replaces this fork.

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
