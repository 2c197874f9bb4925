"""The order of everything that a request passes on its way in, and a response on its way out."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from flask import Flask

from debonair.names import Service
from debonair.settings import Settings
from debonair.web import access_log, conformance, health, metrics, problems, security, transactions, welcome

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

Layer = Callable[["WSGIApplication", Flask, Settings], "WSGIApplication"]
"""Called with the layer within, the application and its settings; returns the WSGI application around it."""

LAYERS: tuple[Layer, ...] = (
    # Outermost: all that happens within has the request id, and the response is logged as it leaves.
    access_log.AccessLog,
    # Around everything that can refuse a request, so that refusals are counted too.
    metrics.RequestMetrics,
    # Around everything that makes a response, the last resort included.
    security.SafeHeaders,
    # Before Flask reads the client's address and the host; whatever it changes, the access log sees.
    security.trust_proxies,
    # Innermost: an exception that Flask lets through becomes a problem, a response like any other.
    problems.LastResort,
)

HOOKS = (
    # Within Flask, in the order in which they see a request.
    problems.init_app,
    security.init_app,
    conformance.init_app,
    transactions.init_app,
    health.init_app,
    metrics.init_app,
    welcome.init_app,
)


def init_app(app: Flask, settings: Settings, service: Service) -> None:
    """Add the layers and hooks to an application."""
    for layer in reversed(LAYERS):
        app.wsgi_app = layer(app.wsgi_app, app, settings)  # type: ignore[method-assign, assignment]
    for hook in HOOKS:
        hook(app, settings, service)
