"""Metrics for Prometheus: requests by method, rule and status, with their durations.

With several workers, each writes to its own files in the directory ``PROMETHEUS_MULTIPROC_DIR``, which the
server sets before this module is imported. The worker that serves ``/metrics`` returns the sums.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from flask import Blueprint, Flask, Response, got_request_exception
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    REGISTRY,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
)

from debonair.logs import file
from debonair.names import Service
from debonair.settings import Settings
from debonair.web.health import monitor_of
from debonair.web.metrics_files import AllProcesses, reserve_files
from debonair.web.routing import UNMATCHED, rule_of

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

P = ParamSpec("P")
R = TypeVar("R")

_DIRECTORY = os.environ.get("PROMETHEUS_MULTIPROC_DIR")
if _DIRECTORY:
    reserve_files()  # before the first metric

_KNOWN_METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}

REQUESTS = Counter("http_requests_total", "Requests handled.", ["method", "rule", "status"])
DURATION = Histogram(
    "http_request_duration_seconds", "Time to handle a request, in seconds.", ["method", "rule"]
)
IN_FLIGHT = Gauge("http_requests_in_flight", "Requests in progress.", multiprocess_mode="livesum")
EXCEPTIONS = Counter("http_exceptions_total", "Exceptions that no view caught.", ["exception"])
LOG_LOSSES = Counter("log_records_lost_total", "Log records that the log file could not take.")
CONNECTIONS = Gauge(
    "database_connections_in_use", "Connections taken from the pool.", multiprocess_mode="livesum"
)
CHECKS = Histogram("health_check_duration_seconds", "Time of a health check, in seconds.", ["check"])
FUNCTIONS = Histogram("function_duration_seconds", "Time of a function, in seconds.", ["function"])

# The values themselves: inc() and dec() of a metric first look at its labels, each time.
_in_flight: Callable[[float], None] = IN_FLIGHT._value.inc
_in_use: Callable[[float], None] = CONNECTIONS._value.inc

endpoints = Blueprint("metrics", __name__)


def init_app(app: Flask, settings: Settings, service: Service) -> None:
    """Count exceptions that no view caught, time health checks, and add ``/metrics``."""
    monitor_of(app).observe = observe_check
    if LOG_LOSSES.inc not in file.on_loss:
        file.on_loss.append(LOG_LOSSES.inc)
    got_request_exception.connect(_count_exception, app)
    app.register_blueprint(endpoints)


def connection_taken() -> None:
    """Count a connection that was taken from the pool."""
    _in_use(1)


def connection_returned() -> None:
    """Count a connection that came back to the pool."""
    _in_use(-1)


def timed(function: Callable[P, R]) -> Callable[P, R]:
    """Measure a function: ``@timed`` adds ``function_duration_seconds{function="module.name"}``."""
    label = f"{function.__module__}.{function.__qualname__}"
    decorated: Callable[P, R] = FUNCTIONS.labels(label).time()(function)
    return decorated


def observe_check(name: str, seconds: float) -> None:
    """Record how long a health check took, in seconds."""
    CHECKS.labels(name).observe(seconds)


def _count_exception(sender: Flask, exception: BaseException, **_: Any) -> None:
    EXCEPTIONS.labels(type(exception).__name__).inc()


class RequestMetrics:
    """A layer that counts and times every request."""

    def __init__(self, inner: WSGIApplication, app: Flask, settings: Settings) -> None:
        self._inner = inner

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Handle a request (PEP 3333)."""
        began = time.perf_counter()
        method, rule, status = environ["REQUEST_METHOD"], UNMATCHED, "500"

        def start(line: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
            nonlocal rule, status
            rule, status = rule_of(environ), line[:3]
            return start_response(line, headers, exc_info)

        _in_flight(1)
        try:
            return self._inner(environ, start)
        finally:
            _in_flight(-1)
            # Labels are bounded: the application defines the rules, and an unknown method is OTHER.
            count, duration = _children(method if method in _KNOWN_METHODS else "OTHER", rule, status)
            count(1)
            duration.observe(time.perf_counter() - began)


@lru_cache(maxsize=4096)
def _children(method: str, rule: str, status: str) -> tuple[Any, Any]:
    count: Any = REQUESTS.labels(method, rule, status)
    return count._value.inc, DURATION.labels(method, rule)


@endpoints.get("/metrics")
def metrics() -> Response:
    """Return the metrics of all workers, in Prometheus's text format."""
    registry = REGISTRY
    if _DIRECTORY:
        registry = CollectorRegistry()
        registry.register(AllProcesses(Path(_DIRECTORY)))
    return Response(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)
