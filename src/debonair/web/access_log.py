"""A request's way in and out: its id, and its line in the access log.

The outermost layer, around Flask itself: whatever happens within has the id, and the access log sees
the answer as it leaves. It works on WSGI's own terms, since it is paid for by every request.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

from flask import Flask

from debonair.context import accept_request_id, bind_request_id, release_request_id

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

HEADER = "X-Request-ID"
UNMATCHED = "<unmatched>"

_log = logging.getLogger(__name__)
_access = logging.getLogger("debonair.access")


def init_app(app: Flask) -> None:
    """Give every request an id, say it in the answer, and write one line for each."""
    app.wsgi_app = _Door(app.wsgi_app)  # type: ignore[method-assign]


class _Door:
    def __init__(self, inner: WSGIApplication) -> None:
        self._inner = inner

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        visit = _Visit(environ)

        def start(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
            visit.answered(status, headers)
            return start_response(status, headers, exc_info)

        try:
            body = self._inner(environ, start)
        except BaseException:
            visit.forget()
            raise
        if visit.streams:
            return _Body(body, visit.end)
        visit.end()
        return body


class _Visit:
    """One request from its way in to its way out."""

    def __init__(self, environ: WSGIEnvironment) -> None:
        self._began = time.perf_counter()
        self._environ = environ
        self._identity = accept_request_id(environ.get("HTTP_X_REQUEST_ID"))
        self._token = bind_request_id(self._identity)
        self._status = 0
        self._size: int | None = None
        self._rule = UNMATCHED

    def answered(self, status: str, headers: list[tuple[str, str]]) -> None:
        """Note what the answer is, and add the id to it."""
        self._status = int(status[:3])
        self._size = next((int(value) for name, value in headers if name == "Content-Length"), None)
        # Flask leaves its request here; its rule tells which route answered, whatever the path.
        rule = getattr(self._environ.get("werkzeug.request"), "url_rule", None)
        if rule is not None:
            self._rule = rule.rule
        headers.append((HEADER, self._identity))

    @property
    def streams(self) -> bool:
        """Whether the body is made while it is sent, so that the visit ends after it."""
        return self._size is None and self._status not in (204, 304)

    def end(self) -> None:
        """Write the line, and forget the id."""
        if _access.isEnabledFor(logging.INFO):
            method, path = self._environ["REQUEST_METHOD"], self._environ.get("PATH_INFO", "")
            # Made by hand: logging would look for the line of code that called it.
            event = {
                "name": _access.name,
                "levelno": logging.INFO,
                "levelname": "INFO",
                "msg": "%s %s %s",
                "args": (method, path, self._status),
                "request_id": self._identity,
                "method": method,
                "path": path,
                "rule": self._rule,
                "status": self._status,
                "duration_ms": round((time.perf_counter() - self._began) * 1000, 3),
                "size": self._size,
                "client": self._environ.get("REMOTE_ADDR"),
            }
            _access.handle(logging.makeLogRecord(event))
        self.forget()

    def forget(self) -> None:
        """Take the id away again."""
        release_request_id(self._token)


class _Body:
    """A body that tells when it has been sent."""

    def __init__(self, body: Iterable[bytes], done: Callable[[], None]) -> None:
        self._body = body
        self._done = done

    def __iter__(self) -> Iterator[bytes]:
        try:
            yield from self._body
        except Exception:
            # The server can only cut the answer off; here the id is still at hand.
            _log.exception("An answer broke off while it was sent.")
            raise

    def close(self) -> None:
        try:
            if hasattr(self._body, "close"):
                self._body.close()
        finally:
            self._done()
