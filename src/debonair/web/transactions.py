"""The database within a request: transactions that only read, outages as 503, connections as a metric."""

from __future__ import annotations

from flask import Flask, current_app, has_request_context, request
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as NoConnectionError
from werkzeug.exceptions import ServiceUnavailable
from werkzeug.wrappers import Response

from debonair.database import engine
from debonair.database.errors import is_outage
from debonair.names import Service
from debonair.settings import Settings
from debonair.web import metrics

_SAFE = {"GET", "HEAD", "OPTIONS"}
"""Methods that only read (RFC 9110, 9.2.1)."""


def init_app(app: Flask, settings: Settings, service: Service) -> None:
    """Let safe methods read without the write lock, answer outages with 503, and count connections in use."""
    engine.reads_only_when(_request_is_safe)
    engine.watch_pool(engine.engine_of(app), metrics.CONNECTIONS.inc, metrics.CONNECTIONS.dec)
    app.register_error_handler(DBAPIError, _unavailable)
    app.register_error_handler(NoConnectionError, _unavailable)


def _request_is_safe() -> bool:
    return has_request_context() and request.method in _SAFE


def _unavailable(error: DBAPIError | NoConnectionError) -> Response:
    """Respond with 503 when the database is the cause; the log has the reason."""
    if isinstance(error, DBAPIError) and not is_outage(error):
        raise error
    reason = getattr(error, "orig", error)
    current_app.logger.error("The database failed: %s", reason, exc_info=error)
    unavailable = ServiceUnavailable("The database is not available. Try again later.", retry_after=5)
    return current_app.make_response(current_app.handle_user_exception(unavailable))
