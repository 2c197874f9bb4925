"""Metrics for Prometheus: requests by method, rule and status, with their times.

Under several workers each writes to files of its own below ``PROMETHEUS_MULTIPROC_DIR``, which the
server sets before this room is imported; whichever worker is asked adds them up.
"""

from __future__ import annotations

import os
import time
from functools import lru_cache
from typing import Any

from flask import Blueprint, Flask, Response, g, request
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    REGISTRY,
    CollectorRegistry,
    Counter,
    Histogram,
    generate_latest,
)
from prometheus_client.multiprocess import MultiProcessCollector

UNMATCHED = "<unmatched>"

_KNOWN_METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}

REQUESTS = Counter("http_requests_total", "Requests answered.", ["method", "rule", "status"])
DURATION = Histogram("http_request_duration_seconds", "Time to answer a request.", ["method", "rule"])

endpoints = Blueprint("metrics", __name__)


def init_app(app: Flask) -> None:
    """Measure every request, and add ``/metrics``."""
    app.before_request(_begin)
    app.after_request(_end)
    app.register_blueprint(endpoints)


@lru_cache(maxsize=4096)
def _children(method: str, rule: str, status: int) -> tuple[Any, Any]:
    return REQUESTS.labels(method, rule, str(status)), DURATION.labels(method, rule)


def _begin() -> None:
    g.debonair_measured_from = time.perf_counter()


def _end(response: Response) -> Response:
    # Labels are bounded: rules are the application's, and nobody can invent methods or paths.
    rule = UNMATCHED if request.url_rule is None else request.url_rule.rule
    method = request.method if request.method in _KNOWN_METHODS else "OTHER"
    count, duration = _children(method, rule, response.status_code)
    count.inc()
    if "debonair_measured_from" in g:
        duration.observe(time.perf_counter() - g.debonair_measured_from)
    return response


@endpoints.get("/metrics")
def metrics() -> Response:
    """All metrics of all workers, in Prometheus's text format."""
    registry = REGISTRY
    if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
        registry = CollectorRegistry()
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return Response(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)
