"""Health: whether the process is alive, and whether it is ready for requests.

Each check runs in its own thread, started in each process by the first request and so always after the
fork. An endpoint only reads the last results, so it responds at once whatever hangs. A check that has not
returned within its deadline is down.
"""

from __future__ import annotations

import logging
import mmap
import os
import shutil
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from flask import Blueprint, Flask, Response, current_app, jsonify

from debonair.errors import UnhealthyError
from debonair.names import Service
from debonair.settings import Duration, HealthSection, Settings, Size

_EXTENSION = "debonair_health"

UP = "up"
DOWN = "down"

_FIRST_ANSWER = 0.08
"""Seconds that the first request waits for the first results, so that a response takes less than 100 ms."""

_log = logging.getLogger("debonair.health")

endpoints = Blueprint("health", __name__, url_prefix="/health")

Function = Callable[[], None]


@dataclass
class Check:
    """A check and its last result.

    :param name: what is checked, in a word.
    :param function: returns when what it checks is healthy, and raises otherwise.
    :param interval: seconds between two runs.
    :param deadline: seconds that a run may take.
    :param critical: whether the service is not ready while this is down.
    :param observe: called with the name and the seconds of each run.
    """

    name: str
    function: Function
    interval: float
    deadline: float
    critical: bool
    observe: Callable[[str, float], None]
    error: str | None = None
    reason: str | None = None
    began: float | None = None
    ended: float | None = None
    duration: float | None = None
    first: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        """Run the check once and record the result."""
        self.began = began = time.monotonic()
        error = reason = None
        try:
            self.function()
        except UnhealthyError as raised:
            error = str(raised)
        except Exception as raised:  # a check may fail in any way, and must not end its thread
            error = f"failed: {type(raised).__name__}"
            reason = str(raised).partition("\n")[0]
            if error != self.error:
                _log.warning("The check %s failed.", self.name, exc_info=True)
        if error != self.error:
            _log.log(logging.ERROR if error else logging.INFO, "%s is %s", self.name, error or UP)
        self.error, self.duration, self.ended = error, time.monotonic() - began, time.monotonic()
        self.reason = reason
        self.first.set()
        self.observe(self.name, self.duration)

    def watch(self) -> None:
        """Run the check again and again, without end."""
        while True:
            self.run()
            time.sleep(self.interval)

    def report(self) -> dict[str, Any]:
        """Return status, age and duration in seconds, and the error when it is down."""
        now = time.monotonic()
        running = self.began is not None and (self.ended is None or self.ended < self.began)
        report: dict[str, Any] = {"status": UP, "critical": self.critical}
        if self.ended is not None and self.duration is not None:
            report.update(age=round(now - self.ended, 3), duration=round(self.duration, 4))
        error = self.error
        if running and now - (self.began or now) > self.deadline:
            error = f"no result within {self.deadline:g} s"
        elif self.ended is None:
            error = "not checked yet"
        elif now - self.ended > self.interval + 2 * self.deadline:
            error = "the last result is too old"
        if error:
            report.update(status=DOWN, error=error)
        return report


class Monitor:
    """The checks of one application.

    :param settings: interval and deadline of the checks that have no other.
    :param version: the version to report.
    """

    observe: Callable[[str, float], None] | None = None
    """Called with the name and the seconds of each run of a check."""

    def __init__(self, settings: HealthSection, version: str) -> None:
        self.settings = settings
        self._version = version
        self._checks: list[Check] = []
        self._process: int | None = None
        self._lock = threading.Lock()
        # Shared with the processes that are forked later: the master sets it for all of them.
        self._draining = mmap.mmap(-1, 1)

    @property
    def version(self) -> str:
        """The version of the service."""
        return self._version

    def add(
        self,
        name: str,
        function: Function,
        *,
        interval: str | None = None,
        deadline: str | None = None,
        critical: bool = True,
    ) -> None:
        """Add a check.

        :param name: what is checked, in a word.
        :param function: returns when what it checks is healthy, else raises
            :class:`~debonair.errors.UnhealthyError` with the reason.
        :param interval: the time between two runs, such as ``30s``; default ``[health] interval``.
        :param deadline: the time that a run may take; default ``[health] deadline``.
        :param critical: whether the service is not ready while this is down.
        :raises ValueError: when there is a check of this name, or a time is not a duration.
        """
        if any(check.name == name for check in self._checks):
            raise ValueError(f"there is a check {name!r} already")
        between = Duration.parse(interval) if interval else self.settings.interval
        most = Duration.parse(deadline) if deadline else self.settings.deadline
        self._checks.append(Check(name, function, float(between), float(most), critical, self._observed))

    def check(self, name: str, **options: Any) -> Callable[[Function], Function]:
        """Return a decorator that adds a function as a check; the options are those of :meth:`add`."""

        def decorate(function: Function) -> Function:
            self.add(name, function, **options)
            return function

        return decorate

    def _observed(self, name: str, seconds: float) -> None:
        if self.observe is not None:
            self.observe(name, seconds)

    def start(self) -> None:
        """Start the checks in this process, once."""
        if self._process == os.getpid():
            return
        with self._lock:
            if self._process == os.getpid():
                return
            self._process = os.getpid()
            for check in self._checks:
                name = f"check-{check.name}"
                threading.Thread(target=check.watch, name=name, daemon=True).start()

    def drain(self) -> None:
        """Report "draining" in every process from now on: the service is about to stop."""
        self._draining[0] = 1

    def run_once(self) -> dict[str, Any]:
        """Run every check once, each for at most its deadline, and return the report."""
        for check in self._checks:
            thread = threading.Thread(target=check.run, daemon=True)
            thread.start()
            thread.join(check.deadline + 0.05)
        return self.report()

    def report(self) -> dict[str, Any]:
        """Return status, version and the report of each check."""
        checks = {check.name: check.report() for check in self._checks}
        fit = all(check["status"] == UP for check in checks.values() if check["critical"])
        status = "draining" if self._draining[0] else "ready" if fit else "not ready"
        return {"status": status, "version": self._version, "checks": checks}

    def reason(self, name: str) -> str | None:
        """Return the text of the exception by which a check failed last; not to be shown to clients."""
        return next(check.reason for check in self._checks if check.name == name)

    def wait_for_first_results(self, *, patient: bool = False) -> None:
        """Wait for the first result of every check, but no longer than a response may take.

        :param patient: wait for the deadline of each check instead: in a test, whose machine may be busy,
            a response must not depend on how fast the first check was.
        """
        until = time.monotonic() + _FIRST_ANSWER
        for check in self._checks:
            check.first.wait(check.deadline if patient else max(0.0, until - time.monotonic()))


def init_app(app: Flask, settings: Settings, service: Service) -> None:
    """Add ``/health/live`` and ``/health/ready``, and the monitor that runs the checks."""
    section = settings[HealthSection]
    app.extensions[_EXTENSION] = Monitor(section, service.version)
    app.register_blueprint(endpoints)


def disk(app: Flask) -> Function | None:
    """Return the check that the state directory has the free space of ``[health] disk_free``."""
    least: Size = monitor_of(app).settings.disk_free
    return (lambda: _enough_room(Path(app.instance_path), least)) if least else None


def _enough_room(directory: Path, least: Size) -> None:
    while not directory.exists():
        directory = directory.parent
    free = shutil.disk_usage(directory).free
    if free < least:
        raise UnhealthyError(f"{free // 2**20} MiB are free, less than {least}")


def monitor_of(app: Flask) -> Monitor:
    """Return the application's monitor."""
    monitor: Monitor = app.extensions[_EXTENSION]
    return monitor


@endpoints.get("/live")
def live() -> Response:
    """Return 200 while the process responds; nothing outside of it is checked."""
    return jsonify(status="alive", version=monitor_of(current_app).version)


@endpoints.get("/ready")
def ready() -> tuple[Response, int]:
    """Return 200 when the process is ready for requests, else 503, with the result of each check."""
    monitor = monitor_of(current_app)
    monitor.start()
    monitor.wait_for_first_results(patient=current_app.testing)
    report = monitor.report()
    return jsonify(report), 200 if report["status"] == "ready" else 503
