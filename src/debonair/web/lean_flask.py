"""A Flask application that spends less on a request where the usual case needs less.

Each method takes a short way where it leads to what Flask and Werkzeug would return, and calls theirs
otherwise. All that we use of the two beyond their documentation is in this module.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import lru_cache
from inspect import CO_COROUTINE
from types import FunctionType, MethodType
from typing import TYPE_CHECKING, Any

import flask
from werkzeug.datastructures import Headers
from werkzeug.http import HTTP_STATUS_CODES
from werkzeug.routing import Map, MapAdapter
from werkzeug.wsgi import get_host

from debonair.web.lean_context import LeanDispatch

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

_REWRITTEN = {"location", "content-location"}
"""Headers that Werkzeug changes when the response is sent."""


_PATH = re.compile(r"(/[\w.~-]+)+", re.ASCII)
"""A path that Werkzeug does not change."""


class Response(flask.Response):
    """A response that is sent as it is when its body is one piece of bytes."""

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Start the response, and return its body (PEP 3333)."""
        body = self.response
        if (
            type(self) is not Response
            or type(body) is not list
            or len(body) != 1
            or type(body[0]) is not bytes
            or self._on_close
            or self.direct_passthrough
            or environ["REQUEST_METHOD"] == "HEAD"
            or self._status_code < 200
            or self._status_code in (204, 304)
        ):
            return super().__call__(environ, start_response)
        headers = list(self.headers)
        rewritten, sized = _features(tuple([name for name, _ in headers]))
        if rewritten and (self.autocorrect_location_header or not all(map(_is_sent_as_it_is, headers))):
            return super().__call__(environ, start_response)
        if self.automatically_set_content_length and not sized:
            headers.append(("Content-Length", str(len(body[0]))))
        start_response(self._status, headers)
        return body


@lru_cache(maxsize=256)
def _features(names: tuple[str, ...]) -> tuple[bool, bool]:
    """Return whether headers have one of ``_REWRITTEN``, and whether they have Content-Length."""
    lower = {name.lower() for name in names}
    return not lower.isdisjoint(_REWRITTEN), "content-length" in lower


def _is_sent_as_it_is(header: tuple[str, str]) -> bool:
    name, value = header
    return name.lower() not in _REWRITTEN or _PATH.fullmatch(value) is not None


def response_of(
    app: flask.Flask, body: bytes, headers: list[tuple[str, str]], status: int = 200
) -> flask.Response:
    """Return a response of the application's class.

    :param status: one that allows a body and has a name.
    :param headers: Content-Type included. They are not checked, so they must not have line breaks.
    """
    if app.response_class is not Response:
        return app.response_class(body, status=status, headers=headers)
    response = Response.__new__(Response)
    response.headers = Headers()
    response.headers._list = [*headers, ("Content-Length", str(len(body)))]
    response._status, response._status_code = f"{status} {HTTP_STATUS_CODES[status].upper()}", status
    response.direct_passthrough, response._on_close = False, []
    response.response = [body]
    return response


class Application(LeanDispatch):
    """A Flask application with :class:`Response`."""

    response_class = Response

    def create_url_adapter(self, request: flask.Request | None) -> MapAdapter | None:
        """Return what matches the request with the routes, as Flask does."""
        config, routes = self.config, self.url_map
        if request is None:
            return None if config["SERVER_NAME"] is None else super().create_url_adapter(request)
        environ = request.environ
        host = environ.get("HTTP_HOST")
        if (
            host is None
            or "HTTP_UPGRADE" in environ
            or config["SERVER_NAME"] is not None
            or config["TRUSTED_HOSTS"] is not None
            or request.trusted_hosts is not None
            or self.subdomain_matching
            or routes.host_matching
            or type(routes) is not Map
        ):
            return super().create_url_adapter(request)
        scheme = environ["wsgi.url_scheme"]
        request.host, server_name = _host(scheme, host)
        return MapAdapter(
            routes,
            server_name,
            _text(environ.get("SCRIPT_NAME", "/")),
            routes.default_subdomain or "",
            scheme,
            _text(environ.get("PATH_INFO", "/")),
            environ["REQUEST_METHOD"],
            _text(environ.get("QUERY_STRING")),
        )

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        """Return the function, or one that runs it where it is a coroutine function."""
        function = func.__func__ if type(func) is MethodType else func
        if type(function) is FunctionType and not (
            function.__code__.co_flags & CO_COROUTINE or function.__dict__
        ):
            # The marks of inspect and asyncio are in __dict__.
            return func
        return super().ensure_sync(func)


@lru_cache(maxsize=256)
def _host(scheme: str, header: str) -> tuple[str, str]:
    """Return the host of a request, and the server name of its adapter, by scheme and header Host.

    :raises BadHost: as Werkzeug does.
    """
    host = get_host({"wsgi.url_scheme": scheme, "HTTP_HOST": header})
    return host, Map().bind(host.lower()).server_name


def _text(value: Any) -> Any:
    """Return text of the WSGI environment, which has the bytes as Latin-1 (PEP 3333)."""
    if value is None or value.isascii():
        return value
    return value.encode("latin-1").decode(errors="replace")
