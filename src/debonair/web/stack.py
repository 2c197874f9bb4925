"""The order of everything that a request passes on its way in, and a response on its way out."""

from __future__ import annotations

from flask import Flask

from debonair.names import Service
from debonair.settings import Settings
from debonair.web import conformance, health, metrics, problems, security, transactions, welcome
from debonair.web.layer import RequestLayer

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
    """Put the layer around an application, and add the hooks to it."""
    app.wsgi_app = RequestLayer(app.wsgi_app, app, settings)  # type: ignore[method-assign]
    for hook in HOOKS:
        hook(app, settings, service)
