"""Health: whether the process lives, and whether it is fit to be sent requests.

Checks run in threads of their own, started in each process on its first question and so always after
the fork. An endpoint only reads their last results: whatever hangs, it answers at once. A check that
has not come back within its deadline is down.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from flask import Blueprint, Flask, Response, current_app, jsonify

from debonair.settings import HealthSection

UP = "up"
DOWN = "down"

_FIRST_ANSWER = 0.08
"""Seconds that the first question may wait for the first results: an answer takes no 100 ms."""

_log = logging.getLogger("debonair.health")

endpoints = Blueprint("health", __name__, url_prefix="/health")


class UnhealthyError(Exception):
    """Raised by a check: what it looks at is not well, in words that callers may read."""


@dataclass
class Check:
    """A check and what is known of it.

    :param name: what is checked, in a word.
    :param function: returns when all is well, raises otherwise.
    """

    name: str
    function: Callable[[], None]
    error: str | None = None
    began: float | None = None
    ended: float | None = None
    duration: float | None = None
    first: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        """Run the check once and note the result."""
        self.began = began = time.monotonic()
        error = None
        try:
            self.function()
        except UnhealthyError as raised:
            error = str(raised)
        except Exception as raised:  # a check may fail in any way, and must not end its thread
            error = f"failed: {type(raised).__name__}"
            if error != self.error:
                _log.warning("The check %s failed.", self.name, exc_info=True)
        if error != self.error:
            _log.log(logging.ERROR if error else logging.INFO, "%s is %s", self.name, error or UP)
        self.error, self.duration, self.ended = error, time.monotonic() - began, time.monotonic()
        self.first.set()

    def report(self, interval: float, deadline: float) -> dict[str, Any]:
        """Return status, age and duration in seconds, and the error when it is down."""
        now = time.monotonic()
        running = self.began is not None and (self.ended is None or self.ended < self.began)
        if running and now - (self.began or now) > deadline:
            return {"status": DOWN, "error": f"no answer within {deadline:g} s"}
        if self.ended is None or self.duration is None:
            return {"status": DOWN, "error": "not checked yet"}
        age = now - self.ended
        report: dict[str, Any] = {
            "status": DOWN if self.error else UP,
            "age": round(age, 3),
            "duration": round(self.duration, 4),
        }
        if self.error:
            report["error"] = self.error
        if age > interval + 2 * deadline:
            report.update(status=DOWN, error="the last result is too old")
        return report


class Monitor:
    """The checks of one application.

    :param settings: the time between two runs, and the deadline.
    :param version: the version to report.
    """

    def __init__(self, settings: HealthSection, version: str) -> None:
        self.interval = float(settings.interval)
        self.deadline = float(settings.deadline)
        self.version = version
        self._checks: list[Check] = []
        self._process: int | None = None
        self._lock = threading.Lock()

    def add(self, name: str, function: Callable[[], None]) -> None:
        """Add a check.

        :param name: what is checked, in a word.
        :param function: returns when all is well; raises :class:`UnhealthyError` with the reason when not.
        """
        self._checks.append(Check(name, function))

    def start(self) -> None:
        """Start the checks in this process, unless they run already."""
        with self._lock:
            if self._process == os.getpid():
                return
            self._process = os.getpid()
            self._checks = [Check(check.name, check.function) for check in self._checks]
            for check in self._checks:
                name = f"check-{check.name}"
                threading.Thread(target=self._watch, args=(check,), name=name, daemon=True).start()

    def _watch(self, check: Check) -> None:
        while True:
            check.run()
            time.sleep(self.interval)

    def run_once(self) -> dict[str, Any]:
        """Run every check now, at most the deadline each, and return the report."""
        for check in self._checks:
            thread = threading.Thread(target=check.run, daemon=True)
            thread.start()
            thread.join(self.deadline + 0.05)
        return self.report()

    def report(self) -> dict[str, Any]:
        """Return status, version and the report of each check."""
        checks = {check.name: check.report(self.interval, self.deadline) for check in self._checks}
        ready = all(check["status"] == UP for check in checks.values())
        return {
            "status": "ready" if ready else "not ready",
            "version": self.version,
            "checks": checks,
        }

    def wait_for_first_results(self) -> None:
        """Wait for the first result of every check, but no longer than an answer may take."""
        until = time.monotonic() + _FIRST_ANSWER
        for check in self._checks:
            check.first.wait(max(0.0, until - time.monotonic()))


def init_app(app: Flask, settings: HealthSection, version: str) -> Monitor:
    """Add ``/health/live`` and ``/health/ready``, and return the monitor that takes checks."""
    monitor = Monitor(settings, version)
    app.extensions["debonair_health"] = monitor
    app.register_blueprint(endpoints)
    return monitor


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
