"""Problems: every error is returned as ``application/problem+json`` (RFC 9457), with the request id.

A view or Flask raises an exception; the error handler makes the response. Flask logs an unexpected
exception with its traceback, and the response is a 500 that reveals nothing of it.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from flask import Flask, Response, current_app, request
from markupsafe import escape
from werkzeug.exceptions import HTTPException, InternalServerError, MethodNotAllowed

from debonair.context import request_id
from debonair.names import Service
from debonair.settings import Settings

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

MEDIA_TYPE = "application/problem+json"

PAGE = "debonair.problem_page"
"""The application's extension that returns the response with a page for an exception, or None for the usual.

It may return another page too: for a 404, one that is found without a route.
"""

_HIDDEN = (
    "The service could not handle this request. Quote the request id when you report it: "
    "the log has the details under this id."
)


_PAGE = """<!doctype html>
<html lang="en">
<title>{status} {title}</title>
<h1>{title}</h1>
<p>{detail}</p>
<p><small>Request {request_id}</small></p>
</html>
"""


class Problem(HTTPException):
    """A service's own error: subclass it, and raise it from a view.

    :param detail: what is wrong with this request, in a sentence or two.
    :param extra: further members of the problem, such as ``balance=30``; a standard member is not replaced.
    """

    code = 400
    type: str = "about:blank"
    title: str | None = None

    def __init__(self, detail: str | None = None, **extra: Any) -> None:
        super().__init__(detail)
        self.extra = extra


def init_app(app: Flask, settings: Settings, service: Service) -> None:
    """Return every error of every route as a problem."""
    app.register_error_handler(HTTPException, response_for)


def last_resort(app: Flask, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Return a problem for the exception that is handled: Flask failed in a teardown or an error handler.

    :raises Exception: that exception, in a test and in debug mode.
    """
    if app.testing or app.debug:
        raise  # called by who handles it
    app.logger.exception("A request failed outside of its view.")
    body = body_of(InternalServerError(), environ.get("PATH_INFO", ""))
    headers = [("Content-Type", MEDIA_TYPE), ("Content-Length", str(len(body)))]
    # Flask has started the response before its teardown: with exc_info, the server replaces that.
    start_response("500 INTERNAL SERVER ERROR", headers, sys.exc_info())
    return [body]


def response_for(error: HTTPException) -> Response | HTTPException:
    """Return the problem for an exception; a redirect or a finished response is returned as it is."""
    if error.response is not None or error.code is None or error.code < 400:
        return error
    render = current_app.extensions.get(PAGE)
    page = None if render is None else render(error)
    if page is not None:
        return _with_headers(page, error)
    if request.accept_mimetypes.best_match((MEDIA_TYPE, "application/json", "text/html")) == "text/html":
        body, media_type = _page(error).encode(errors="backslashreplace"), "text/html"
    else:
        body, media_type = body_of(error, request.path), MEDIA_TYPE
    return _with_headers(current_app.response_class(body, status=error.code, mimetype=media_type), error)


def _with_headers(response: Response, error: HTTPException) -> Response:
    for name, value in error.get_headers():
        if name.lower() != "content-type":
            response.headers[name] = value
    return response


def body_of(error: HTTPException, path: str | None = None) -> bytes:
    """Return the JSON of the problem for an exception.

    :param path: the requested path; None when the request was too malformed to have one.
    """
    return (json.dumps(problem_of(error, path), default=str) + "\n").encode()


def problem_of(error: HTTPException, path: str | None) -> dict[str, Any]:
    """Return the members of the problem for an exception; the parameters are those of :func:`body_of`."""
    problem = {
        "type": getattr(error, "type", "about:blank"),
        "title": getattr(error, "title", None) or error.name,
        "status": error.code,
        "detail": _HIDDEN if error.code == 500 else _detail(error),
        "instance": path,
        "request_id": request_id(),
    }
    if path is None:
        del problem["instance"]
    for name, value in getattr(error, "extra", {}).items():
        problem.setdefault(name, value)
    errors = list(_errors(error))
    if errors:
        problem["errors"] = errors
    return problem


def _page(error: HTTPException) -> str:
    """Return the problem as an HTML page, for a browser."""
    problem = problem_of(error, request.path)
    return _PAGE.format(
        **{name: escape(problem[name]) for name in ("title", "status", "detail", "request_id")}
    )


def _detail(error: HTTPException) -> str | None:
    # Flask hides what is wrong with a JSON body behind "bad request". It is the client's own text: show it.
    cause = error.__cause__
    if isinstance(cause, HTTPException) and cause.code == error.code:
        return cause.description
    unsaid = isinstance(error, MethodNotAllowed) and error.description == MethodNotAllowed.description
    if unsaid and (methods := getattr(error, "valid_methods", None)):
        return f"The method is not allowed here: use {', '.join(sorted(methods))}."
    return error.description


def _errors(error: HTTPException) -> Iterator[dict[str, str]]:
    """Yield pointer (RFC 6901, as a URI fragment) and message of each fault that webargs found."""
    found = getattr(error, "data", None) or {}
    messages = found.get("errors") or found.get("messages") or {}
    for place, inner in messages.items() if isinstance(messages, Mapping) else [("", messages)]:
        yield from _flatten(inner, "#" if place in ("json", "") else f"{place}:")


def _flatten(messages: Any, pointer: str) -> Iterator[dict[str, str]]:
    if isinstance(messages, Mapping):
        for key, inner in messages.items():
            escaped = str(key).replace("~", "~0").replace("/", "~1")
            name = "" if key == "_schema" else f"/{escaped}" if pointer[0] == "#" else escaped
            yield from _flatten(inner, pointer + name)
    elif isinstance(messages, list):
        for message in messages:
            yield from _flatten(message, pointer)
    else:
        yield {"pointer": pointer, "message": str(messages)}
