"""Requests that break HTTP, or whose body is not what they declare: each is refused before its view runs."""

from __future__ import annotations

import re

import orjson
from flask import Flask, Request
from flask import request as current_request
from werkzeug.exceptions import BadRequest, RequestEntityTooLarge, UnsupportedMediaType

from debonair.names import Service
from debonair.settings import Settings

_PLAIN_DEPTH = 100
"""Arrays and objects of a body that are surely not nested too deeply for Python's parser."""

_HOST = re.compile(r"([\w.~%!$&'()*+,;=-]+|\[[0-9A-Fa-f:.]+\])(:\d*)?", re.ASCII)


def init_app(app: Flask, settings: Settings, service: Service) -> None:
    """Refuse a malformed request with a problem."""
    app.before_request(_refuse_malformed)


def _refuse_malformed() -> None:
    # Each access through the proxy takes longer than the checks.
    request: Request = current_request._get_current_object()  # type: ignore[attr-defined]
    environ = request.environ
    host = environ.get("HTTP_HOST")
    if host is None and environ.get("SERVER_PROTOCOL") == "HTTP/1.1":
        raise BadRequest("A request of HTTP/1.1 must have a Host header (RFC 9112, 3.2).")
    if host and not _HOST.fullmatch(host):
        raise BadRequest("Host must be a name or an address, with or without a port (RFC 3986, 3.2.2).")
    # Werkzeug refuses a body when it is read. A body that no view reads is checked as well: it may be too
    # large, cut off, or not the JSON that it is declared to be.
    if "CONTENT_LENGTH" not in environ and "HTTP_TRANSFER_ENCODING" not in environ:
        return
    length, limit = request.content_length or 0, request.max_content_length
    if limit is not None and length > limit:
        raise RequestEntityTooLarge(f"The body is larger than the {limit} bytes that are accepted.")
    # Do not parse a body if no route matches the path and the method.
    if request.routing_exception is not None or not request.is_json:
        return
    if environ.get("HTTP_CONTENT_ENCODING", "").strip().lower() not in ("", "identity"):
        raise UnsupportedMediaType("Send the body as it is, without Content-Encoding.")
    body = request.get_data()
    received = len(body)
    if received < length:
        raise BadRequest(f"The body ended after {received} of {length} bytes.")
    if received and not _is_plain_json(body):
        try:
            request.get_json()
        except RecursionError:
            raise BadRequest("The JSON body is nested too deeply.") from None


def _is_plain_json(body: bytes) -> bool:
    """Return whether a body is JSON that Flask can parse as well; false where Flask must try.

    The view parses it when it wants to: here it is only checked, which takes a tenth of the time.
    """
    if body.count(b"[") + body.count(b"{") > _PLAIN_DEPTH:
        return False
    try:
        orjson.loads(body)
    except ValueError:
        return False
    return True
