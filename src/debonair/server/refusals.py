"""Responses to requests that the server itself refuses: problems (RFC 9457) with a request id of their own.

Such a request does not reach the access log, which assigns request ids. The id is in the response and in
the log.
"""

from __future__ import annotations

import socket
from typing import Any

import gunicorn.util
from werkzeug.exceptions import default_exceptions
from werkzeug.http import HTTP_STATUS_CODES

from debonair.context import bind_request_id, new_request_id, release_request_id, request_id
from debonair.web.access_log import HEADER
from debonair.web.problems import MEDIA_TYPE, body_of


def write_problem(client: socket.socket, status: int, reason: str, message: str) -> None:
    """Send a problem with the current request id. It replaces gunicorn's function, which sends HTML.

    :param status: the status code. :param reason: the reason phrase of the status.
    :param message: what is wrong with the request.
    """
    body, identity = body_of(default_exceptions[status](message or None)), request_id()
    headers = (
        f"HTTP/1.1 {status} {reason}\r\nConnection: close\r\nContent-Type: {MEDIA_TYPE}\r\n"
        f"Content-Length: {len(body)}\r\n{HEADER}: {identity}\r\n\r\n"
    )
    gunicorn.util.write_nonblock(client, headers.encode("ascii") + body)


def refuse(client: socket.socket, address: Any, status: int, message: str, log: Any) -> None:
    """Refuse a request, and log why.

    :param address: that of the client. :param message: what is wrong with the request; empty for a 500, whose
        exception is logged.
    :param log: gunicorn's logger.
    """
    token = bind_request_id(new_request_id())
    try:
        if message:
            # A client of a Unix socket has no address.
            log.warning("Invalid request from ip=%s: %s", address[0] if address else "", message)
        else:
            log.exception("Error handling a request")
        write_problem(client, status, HTTP_STATUS_CODES[status], message)
    except OSError:
        log.debug("The client disconnected before it was refused.")
    finally:
        release_request_id(token)
