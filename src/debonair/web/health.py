"""Health: whether the process lives, and whether it is fit to be sent requests.

Checks run in threads of their own, started in each process on its first question and so always after
the fork. An endpoint only reads their last results: whatever hangs, it answers at once. A check that
has not come back within its deadline is down.
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

from debonair.settings import Duration, HealthSection, Size

UP = "up"
DOWN = "down"

_FIRST_ANSWER = 0.08
"""Seconds that the first question may wait for the first results: an answer takes no 100 ms."""

_log = logging.getLogger("debonair.health")

endpoints = Blueprint("health", __name__, url_prefix="/health")

Function = Callable[[], None]


class UnhealthyError(Exception):
    """Raised by a check: what it looks at is not well, in words that callers may read."""


@dataclass
class Check:
    """A check and what is known of it.

    :param name: what is checked, in a word.
    :param function: returns when all is well, raises otherwise.
    :param interval: seconds between two runs.
    :param deadline: seconds that a run may take.
    :param critical: whether the service is unfit when this is down.
    :param observe: told name and seconds of each run.
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
        """Run the check once and note the result."""
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
        self.observe(self.name, self.duration)
        self.first.set()

    def watch(self) -> None:
        """Run the check again and again, for ever."""
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
            error = f"no answer within {self.deadline:g} s"
        elif self.ended is None:
            error = "not checked yet"
        elif now - self.ended > self.interval + 2 * self.deadline:
            error = "the last result is too old"
        if error:
            report.update(status=DOWN, error=error)
        return report


class Monitor:
    """The checks of one application.

    :param settings: the time between two runs, and the deadline, of checks that say no other.
    :param version: the version to report.
    :param observe: told name and seconds of each run of a check.
    """

    def __init__(
        self,
        settings: HealthSection,
        version: str,
        observe: Callable[[str, float], None] = lambda name, seconds: None,
    ) -> None:
        self._settings = settings
        self._version = version
        self._observe = observe
        self._checks: list[Check] = []
        self._process: int | None = None
        self._lock = threading.Lock()
        # Shared with the processes that are forked later: the first one tells all of them.
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
        :param function: returns when all is well; raises :class:`UnhealthyError` with the reason when not.
        :param interval: the time between two runs, such as ``30s``; else ``[health] interval``.
        :param deadline: the time that a run may take; else ``[health] deadline``.
        :param critical: whether the service is unfit for requests when this is down.
        :raises ValueError: when the check has the name of another, or a time is none.
        """
        if any(check.name == name for check in self._checks):
            raise ValueError(f"there is a check {name!r} already")
        between = Duration.parse(interval) if interval else self._settings.interval
        most = Duration.parse(deadline) if deadline else self._settings.deadline
        self._checks.append(Check(name, function, float(between), float(most), critical, self._observe))

    def check(self, name: str, **options: Any) -> Callable[[Function], Function]:
        """Return a decorator that adds a function as a check; the options are those of :meth:`add`."""

        def decorate(function: Function) -> Function:
            self.add(name, function, **options)
            return function

        return decorate

    def start(self) -> None:
        """Start the checks in this process, unless they run already."""
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
        """Say in every process that no new requests should be sent here: the service is about to end."""
        self._draining[0] = 1

    def run_once(self) -> dict[str, Any]:
        """Run every check now, at most its deadline, and return the report."""
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
        """Return what the exception said by which a check failed last; not for callers' eyes."""
        return next(check.reason for check in self._checks if check.name == name)

    def wait_for_first_results(self) -> None:
        """Wait for the first result of every check, but no longer than an answer may take."""
        until = time.monotonic() + _FIRST_ANSWER
        for check in self._checks:
            check.first.wait(max(0.0, until - time.monotonic()))


def init_app(
    app: Flask, settings: HealthSection, version: str, observe: Callable[[str, float], None]
) -> Monitor:
    """Add ``/health/live`` and ``/health/ready``, and return the monitor that takes checks."""
    monitor = Monitor(settings, version, observe)
    app.extensions["debonair_health"] = monitor
    app.register_blueprint(endpoints)
    if settings.disk_free:
        monitor.add("disk", lambda: _enough_room(Path(app.instance_path), settings.disk_free))
    return monitor


def _enough_room(directory: Path, least: Size) -> None:
    while not directory.exists():
        directory = directory.parent
    free = shutil.disk_usage(directory).free
    if free < least:
        raise UnhealthyError(f"{free // 2**20} MiB are free, less than {least}")


def monitor_of(app: Flask) -> Monitor:
    """Return the application's monitor."""
    monitor: Monitor = app.extensions["debonair_health"]
    return monitor


@endpoints.get("/live")
def live() -> Response:
    """Whether the process answers; touches nothing outside of it."""
    return jsonify(status="alive", version=monitor_of(current_app).version)


@endpoints.get("/ready")
def ready() -> tuple[Response, int]:
    """Whether the process is fit to be sent requests: 200 or 503."""
    monitor = monitor_of(current_app)
    monitor.start()
    monitor.wait_for_first_results()
    report = monitor.report()
    return jsonify(report), 200 if report["status"] == "ready" else 503
