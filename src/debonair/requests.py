"""A request's way in and out: its id, and its line in the access log.

First of all rooms on the way in and last on the way out, so that everything between has the id and
the access log sees the answer as it leaves.
"""

from __future__ import annotations

import logging
import time

from flask import Flask, Response, g, request

from debonair.context import accept_request_id, bind_request_id, release_request_id, request_id

HEADER = "X-Request-ID"
UNMATCHED = "<unmatched>"

_access = logging.getLogger("debonair.access")


def init_app(app: Flask) -> None:
    """Give every request an id, say it in the answer, and write one line for each."""
    app.before_request(_enter)
    app.after_request(_leave)
    app.teardown_request(_forget)


def _enter() -> None:
    g.debonair_began = time.perf_counter()
    g.debonair_request_id = bind_request_id(accept_request_id(request.headers.get(HEADER)))


def _leave(response: Response) -> Response:
    identity = request_id()
    if identity is not None:
        response.headers[HEADER] = identity
    if _access.isEnabledFor(logging.INFO):
        began = g.get("debonair_began")
        took = None if began is None else round((time.perf_counter() - began) * 1000, 3)
        _access.info(
            "%s %s %s",
            request.method,
            request.path,
            response.status_code,
            extra={
                "method": request.method,
                "path": request.path,
                "rule": UNMATCHED if request.url_rule is None else request.url_rule.rule,
                "status": response.status_code,
                "duration_ms": took,
                "size": response.content_length,
                "client": request.remote_addr,
            },
        )
    return response


def _forget(error: BaseException | None) -> None:
    token = g.pop("debonair_request_id", None)
    if token is not None:
        release_request_id(token)
