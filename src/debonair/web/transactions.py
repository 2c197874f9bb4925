"""The database within a request: transactions that only read, errors as problems, connections as a metric."""

from __future__ import annotations

from flask import Flask, current_app, has_request_context, request
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as NoConnectionError
from werkzeug.exceptions import Conflict, HTTPException, ServiceUnavailable, UnprocessableEntity
from werkzeug.wrappers import Response

from debonair.database import engine
from debonair.database.errors import Violation, is_outage, violation_of
from debonair.names import Service
from debonair.settings import Settings
from debonair.web import metrics

_SAFE = {"GET", "HEAD", "OPTIONS", "QUERY"}
"""Methods that only read (RFC 9110, 9.2.1; RFC 10008)."""


def init_app(app: Flask, settings: Settings, service: Service) -> None:
    """Let safe methods read without the write lock, return errors as problems, and count connections."""
    engine.reads_only_when(_request_is_safe)
    metrics.connections_in_use = engine.connections_in_use
    app.register_error_handler(DBAPIError, _response_for)
    app.register_error_handler(NoConnectionError, _response_for)


def _request_is_safe() -> bool:
    return has_request_context() and request.method in _SAFE


def _response_for(error: DBAPIError | NoConnectionError) -> Response:
    """Return a problem: 409 or 422 for data that the database refused, 503 when the database is the cause."""
    if isinstance(error, DBAPIError):
        if (violation := violation_of(error)) is not None:
            return _refused(error, violation)
        if not is_outage(error):
            raise error
    reason = getattr(error, "orig", error)
    current_app.logger.error("The database failed: %s", reason, exc_info=error)
    unavailable = ServiceUnavailable("The database is not available. Try again later.", retry_after=5)
    return current_app.make_response(current_app.handle_user_exception(unavailable))


def _refused(error: DBAPIError, violation: Violation) -> Response:
    """Return 409 or 422; the pointer of a fault is the name of the column, where the database names it."""
    current_app.logger.warning("The database refused the data: %s", str(error.orig).partition("\n")[0])
    refused: HTTPException = (Conflict if violation.conflict else UnprocessableEntity)(violation.detail)
    messages = {"json": {column: [violation.detail] for column in violation.columns}}
    refused.data = {"messages": messages}  # type: ignore[attr-defined]  # as webargs names its faults
    return current_app.make_response(current_app.handle_user_exception(refused))
