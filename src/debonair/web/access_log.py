"""The request id, and the line of the access log.

The outermost layer around Flask: all that happens within has the id, and the access log sees the response
as it leaves. It is plain WSGI, because every request pays for it.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

from flask import Flask

from debonair.context import accept_request_id, bind_request_id, release_request_id
from debonair.settings import Settings
from debonair.web.routing import UNMATCHED, rule_of

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

HEADER = "X-Request-ID"

_log = logging.getLogger(__name__)
_access = logging.getLogger("debonair.access")


_TEMPLATE = {
    **vars(logging.makeLogRecord({"name": _access.name, "levelno": logging.INFO, "levelname": "INFO"}))
}


def _record(**attributes: Any) -> logging.LogRecord:
    """Return a record of the access log.

    Logging's own constructor takes three times as long, mostly for the file and the line of the call.
    """
    if logging.getLogRecordFactory() is not logging.LogRecord:
        names = {name: _TEMPLATE[name] for name in ("name", "levelno", "levelname")}
        return logging.makeLogRecord(names | attributes)
    record = logging.LogRecord.__new__(logging.LogRecord)
    now, thread = time.time(), threading.current_thread()
    attributes["created"] = now
    attributes["msecs"] = int(now % 1 * 1000) + 0.0
    attributes["relativeCreated"] = (now - _TEMPLATE["created"]) * 1000 + _TEMPLATE["relativeCreated"]
    attributes["thread"], attributes["threadName"] = thread.ident, thread.name
    attributes["process"] = os.getpid()
    record.__dict__ = _TEMPLATE | attributes
    return record


class AccessLog:
    """A layer that gives every request an id, returns it in a header, and logs one line per request."""

    def __init__(self, inner: WSGIApplication, app: Flask, settings: Settings) -> None:
        self._inner = inner

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Handle a request (PEP 3333)."""
        exchange = _Exchange(environ)

        def start(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
            exchange.start(status, headers)
            return start_response(status, headers, exc_info)

        try:
            body = self._inner(environ, start)
        except BaseException:
            exchange.forget()
            raise
        if exchange.streams:
            return _Body(body, exchange.end)
        exchange.end()
        return body


class _Exchange:
    """One request and its response."""

    def __init__(self, environ: WSGIEnvironment) -> None:
        self._began = time.perf_counter()
        self._environ = environ
        self._identity = accept_request_id(environ.get("HTTP_X_REQUEST_ID"))
        self._token = bind_request_id(self._identity)
        self._status = 0
        self._size: int | None = None
        self._rule = UNMATCHED

    def start(self, status: str, headers: list[tuple[str, str]]) -> None:
        """Record status and size of the response, and add the id to its headers."""
        self._status = int(status[:3])
        self._size = next((int(value) for name, value in headers if name == "Content-Length"), None)
        self._rule = rule_of(self._environ)
        headers.append((HEADER, self._identity))

    @property
    def streams(self) -> bool:
        """Whether the body is produced while it is sent, so that the exchange ends after it."""
        return self._size is None and self._status not in (204, 304)

    def end(self) -> None:
        """Write the log line, and unbind the id."""
        if _access.isEnabledFor(logging.INFO):
            method, path = self._environ["REQUEST_METHOD"], self._environ.get("PATH_INFO", "")
            if not path.isascii():
                # WSGI has the bytes of a path as Latin-1 (PEP 3333).
                path = path.encode("latin-1").decode("utf-8", "backslashreplace")
            _access.handle(
                _record(
                    msg="%s %s %s",
                    args=(method, path, self._status),
                    request_id=self._identity,
                    method=method,
                    path=path,
                    rule=self._rule,
                    status=self._status,
                    duration_ms=round((time.perf_counter() - self._began) * 1000, 3),
                    size=self._size,
                    client=self._environ.get("REMOTE_ADDR"),
                )
            )
        self.forget()

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
