"""Metrics for Prometheus: requests by method, rule and status, with their durations.

Requests are gathered in memory, without a lock or a file, and added to the metrics once a second.

With several workers, each writes to its own files in the directory ``PROMETHEUS_MULTIPROC_DIR``, which the
server sets before this module is imported. The worker that serves ``/metrics`` returns the sums: its own are
exact, those of the others at most a second old.
"""

from __future__ import annotations

import collections
import os
from bisect import bisect_left
from collections.abc import Callable, Iterable
from functools import lru_cache
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

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
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from debonair.gathering import Gathering
from debonair.logs import file
from debonair.names import Service
from debonair.settings import Settings
from debonair.web.health import monitor_of
from debonair.web.metrics_files import AllProcesses, reserve_files

P = ParamSpec("P")
R = TypeVar("R")

_DIRECTORY = os.environ.get("PROMETHEUS_MULTIPROC_DIR")
if _DIRECTORY:
    reserve_files()  # before the first metric

_KNOWN_METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}


class _Gathered(Collector):
    """Completes the metrics before they are collected: it is the first collector of the registry."""

    def collect(self) -> Iterable[Metric]:
        """Add what is gathered to the other metrics."""
        _requests.flush()
        return ()

    def describe(self) -> Iterable[Metric]:
        """Return no metrics: it has none of its own."""
        return ()


REGISTRY.register(_Gathered())

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

queried: list[Collector] = []
"""What is asked for when ``/metrics`` of a server is read, such as values in the database."""

_in_flight: list[None] = []
"""An element for each request in progress in this process: append() and pop() need no lock."""

connections_in_use: Callable[[], int] = int
"""Returns how many connections this process has taken from its pools; set by ``transactions``."""

_Request = tuple[str, str, int, float]
"""Method, rule, status and seconds of a request."""

endpoints = Blueprint("metrics", __name__)


def init_app(app: Flask, settings: Settings, service: Service) -> None:
    """Count exceptions that no view caught, time health checks, and add ``/metrics``."""
    monitor_of(app).observe = observe_check
    if LOG_LOSSES.inc not in file.on_loss:
        file.on_loss.append(LOG_LOSSES.inc)
    got_request_exception.connect(_count_exception, app)
    app.register_blueprint(endpoints)


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


def request_begins() -> None:
    """Count a request as in progress."""
    _in_flight.append(None)
    _requests.expect()


def request_ends(method: str, rule: str, status: int, seconds: float) -> None:
    """Count a request that was in progress, and how long it took."""
    _in_flight.pop()
    _requests.add((method, rule, status, seconds))


def _record(requests: list[_Request]) -> None:
    """Add the requests that were gathered to the metrics, and set the gauges."""
    found: dict[tuple[str, str, int], list[float]] = {}
    for method, rule, status, seconds in requests:
        # Labels are bounded: the application defines the rules, and an unknown method is OTHER.
        labels = (method if method in _KNOWN_METHODS else "OTHER", rule, status)
        times = found.get(labels)
        if times is None:
            times = found[labels] = []
        times.append(seconds)
    for labels, times in found.items():
        count, duration = _children(*labels)
        count.inc(len(times))
        # observe() would write to the shared file twice for each of them.
        duration._sum.inc(sum(times))
        bounds = duration._upper_bounds
        for bucket, number in collections.Counter(bisect_left(bounds, time) for time in times).items():
            duration._buckets[bucket].inc(number)
    IN_FLIGHT.set(len(_in_flight))
    CONNECTIONS.set(connections_in_use())


_requests: Gathering[_Request] = Gathering(_record, 1.0 if _DIRECTORY else None, most=10_000)
"""Requests that the metrics do not have yet. The metrics of a single process get them when they are read."""


os.register_at_fork(after_in_child=_in_flight.clear)


@lru_cache(maxsize=4096)
def _children(method: str, rule: str, status: int) -> tuple[Any, Any]:
    return REQUESTS.labels(method, rule, status), DURATION.labels(method, rule)


@endpoints.get("/metrics")
def metrics() -> Response:
    """Return the metrics of all workers, in Prometheus's text format."""
    registry = REGISTRY
    if _DIRECTORY:
        _requests.flush()
        registry = CollectorRegistry()
        registry.register(AllProcesses(Path(_DIRECTORY)))
        for collector in queried:
            registry.register(collector)
    return Response(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)
