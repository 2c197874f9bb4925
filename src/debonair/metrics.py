"""Metrics for Prometheus: requests by method, rule and status, with their times.

Under several workers each writes to files of its own below ``PROMETHEUS_MULTIPROC_DIR``, which the
server sets before this room is imported; whichever worker is asked adds them up.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from flask import Blueprint, Flask, Response
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    REGISTRY,
    CollectorRegistry,
    Counter,
    Histogram,
    generate_latest,
)
from prometheus_client.multiprocess import MultiProcessCollector

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

UNMATCHED = "<unmatched>"

_KNOWN_METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}

REQUESTS = Counter("http_requests_total", "Requests answered.", ["method", "rule", "status"])
DURATION = Histogram("http_request_duration_seconds", "Time to answer a request.", ["method", "rule"])

endpoints = Blueprint("metrics", __name__)


def init_app(app: Flask) -> None:
    """Measure every request, and add ``/metrics``."""
    app.wsgi_app = _Meter(app.wsgi_app)  # type: ignore[method-assign]
    app.register_blueprint(endpoints)


class _Meter:
    def __init__(self, inner: WSGIApplication) -> None:
        self._inner = inner

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        began = time.perf_counter()
        method, rule, status = environ["REQUEST_METHOD"], UNMATCHED, "500"

        def start(line: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
            nonlocal rule, status
            # Flask leaves its request here; its rule tells which route answered, whatever the path.
            matched = getattr(environ.get("werkzeug.request"), "url_rule", None)
            rule, status = UNMATCHED if matched is None else matched.rule, line[:3]
            return start_response(line, headers, exc_info)

        try:
            return self._inner(environ, start)
        finally:
            # Labels are bounded: rules are the application's, and nobody can invent methods or paths.
            count, duration = _children(method if method in _KNOWN_METHODS else "OTHER", rule, status)
            count.inc()
            duration.observe(time.perf_counter() - began)


@lru_cache(maxsize=4096)
def _children(method: str, rule: str, status: str) -> tuple[Any, Any]:
    return REQUESTS.labels(method, rule, status), DURATION.labels(method, rule)


@endpoints.get("/metrics")
def metrics() -> Response:
    """All metrics of all workers, in Prometheus's text format."""
    registry = REGISTRY
    if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
        registry = CollectorRegistry()
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return Response(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)
