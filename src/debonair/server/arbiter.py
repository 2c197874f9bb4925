"""The arbiter: gunicorn's first process, which drains, feeds systemd's watchdog, and hands over."""

from __future__ import annotations

import fcntl
import os
import signal
import time
from typing import Any

import gunicorn.arbiter
from gunicorn import systemd

from debonair.health import monitor_of


class Arbiter(gunicorn.arbiter.Arbiter):
    """gunicorn's first process, which on SIGTERM has the service say that it drains before it stops."""

    _stop_at: float | None = None
    _stopping = False

    def handle_term(self) -> None:
        drain = float(self.app.drain)
        if not drain:
            super().handle_term()
        monitor_of(self.app.wsgi()).drain()
        self._stop_at = self._stop_at or time.monotonic() + drain

    def stop(self, graceful: bool = True) -> None:
        self._stopping = graceful
        super().stop(graceful)

    def reap_workers(self) -> None:
        super().reap_workers()
        if self._stopping:
            # gunicorn tells them once; a worker just forked that has no handler yet would not hear it.
            self.kill_workers(signal.SIGTERM)

    def murder_workers(self) -> None:
        super().murder_workers()
        if "WATCHDOG_USEC" in os.environ:
            # Once a second: systemd knows that this loop, which looks after the workers, goes on.
            systemd.sd_notify("WATCHDOG=1", self.log)
        if self._stop_at is not None and time.monotonic() >= self._stop_at:
            raise StopIteration


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
