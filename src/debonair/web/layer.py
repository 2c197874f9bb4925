"""The one layer around Flask: request id, proxies, safe headers, metrics, access log and the last resort.

It is plain WSGI, and does everything in one pass, because every request pays for it. In the order of time:

1. the request id is accepted or made, and bound: all that happens within has it;
2. the client's address, the scheme and the host are taken from a trusted proxy, where it sends them;
3. when the response starts, it gets the request id and the safe headers that it lacks;
4. an exception that Flask lets through becomes a problem;
5. the request is counted and timed;
6. its line is logged when the response has been made, or sent if it is produced meanwhile.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

from flask import Flask

from debonair.context import accept_request_id, bind_request_id, release_request_id
from debonair.settings import Settings
from debonair.web import metrics
from debonair.web.access_log import HEADER, log_request
from debonair.web.problems import last_resort
from debonair.web.routing import UNMATCHED, rule_of
from debonair.web.security import missing_headers, trust_proxies

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

_log = logging.getLogger(__name__)


class RequestLayer:
    """The WSGI application around that of Flask.

    :param inner: the WSGI application of Flask.
    """

    def __init__(self, inner: WSGIApplication, app: Flask, settings: Settings) -> None:
        self._inner = inner
        self._behind_proxies, self._forwarded = trust_proxies(inner, settings)
        self._app = app

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Handle a request (PEP 3333)."""
        exchange = _Exchange(environ, start_response)
        inner = self._inner
        for name in self._forwarded:
            if name in environ:
                inner = self._behind_proxies
        metrics.request_begins()
        try:
            try:
                body = inner(environ, exchange.start)
            except Exception:
                body = last_resort(self._app, environ, exchange.start)
            finally:
                exchange.count()
        except BaseException:
            exchange.forget()
            raise
        if exchange.size is None and exchange.status not in (204, 304):
            # The body is produced while it is sent: the exchange ends after it.
            return _Body(body, exchange.end)
        exchange.end()
        return body


class _Exchange:
    """One request and its response.

    :ivar status: the status code of the response; 500 before it has started.
    :ivar size: the value of its Content-Length, or None.
    """

    __slots__ = ("_began", "_environ", "_identity", "_rule", "_start_response", "_token", "size", "status")

    def __init__(self, environ: WSGIEnvironment, start_response: StartResponse) -> None:
        self._began = time.perf_counter()
        self._environ = environ
        self._start_response = start_response
        self._identity = accept_request_id(environ.get("HTTP_X_REQUEST_ID"))
        self._token = bind_request_id(self._identity)
        self._rule = UNMATCHED
        self.status = 500
        self.size: int | None = None

    def start(self, status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
        """Record status and size of the response, complete its headers, and start it (PEP 3333)."""
        self.status = int(status[:3])
        self._rule = rule_of(self._environ)
        names = tuple([name for name, _ in headers])
        self.size = int(headers[names.index("Content-Length")][1]) if "Content-Length" in names else None
        headers += missing_headers(names)
        headers.append((HEADER, self._identity))
        if exc_info is None:
            return self._start_response(status, headers)
        return self._start_response(status, headers, exc_info)

    def count(self) -> None:
        """Count and time the request."""
        metrics.request_ends(
            self._environ["REQUEST_METHOD"], self._rule, self.status, time.perf_counter() - self._began
        )

    def end(self) -> None:
        """Write the log line, and unbind the id."""
        log_request(
            self._environ,
            identity=self._identity,
            rule=self._rule,
            status=self.status,
            size=self.size,
            seconds=time.perf_counter() - self._began,
        )
        release_request_id(self._token)

    def forget(self) -> None:
        """Unbind the id."""
        release_request_id(self._token)


class _Body:
    """A body that calls ``done`` when it has been sent."""

    def __init__(self, body: Iterable[bytes], done: Callable[[], None]) -> None:
        self._body = body
        self._done = done

    def __iter__(self) -> Iterator[bytes]:
        try:
            yield from self._body
        except ConnectionAbortedError:
            raise  # who made the body has logged why it ends
        except Exception:
            # The server can only close the connection; here the id is still bound.
            _log.exception("The response failed while it was sent.")
            raise

    def close(self) -> None:
        try:
            if hasattr(self._body, "close"):
                self._body.close()
        finally:
            self._done()
