"""One request that is handled: the call of the application (PEP 3333), and its response to the client.

The status line, the headers and the first part of the body are sent by one call. So a worker that is killed
sends no headers without a body: a proxy that has received nothing of a response may send the request to
another worker. When the client takes no more, the thread goes on with something else, and
:meth:`Exchange.proceed` continues later.
"""

from __future__ import annotations

import contextvars
import re
import select
import socket
import time
from collections.abc import Callable, Iterable, Iterator
from email.utils import formatdate
from typing import Any

from gunicorn import SERVER
from gunicorn.http.errors import InvalidResponseHeader
from gunicorn.util import hop_headers

from debonair.server.http_request import Environ
from debonair.server.streamed_body import wait

_HEADERS = re.compile(r"(?:[!#$%&'*+\-.^_`|~0-9A-Za-z]+: [\t -~\x80-\xff]*\r\n)*")
_STATUS = re.compile(r"[1-9][0-9]{2}(?: [\t -~\x80-\xff]*)?")
# These are the server's own, not the application's (RFC 9110, section 7.6.1; PEP 3333).
_HOP_BY_HOP = hop_headers | {"content-length"}
_COPIED = 2**16
"""A part of the body up to this size in bytes is copied behind the headers, to send both by one call."""

_date: tuple[int, str] = (0, "")


def date() -> str:
    """Return the time for the header ``Date``."""
    global _date
    now = int(time.time())
    known, text = _date
    if known != now:
        text = formatdate(now, usegmt=True)
        _date = (now, text)
    return text


class Exchange:
    """One request and its response.

    :param client: the client's socket, which does not block.
    :param keep_alive: whether the connection may stay open after the response.
    :param patience: how many seconds the old ``write()`` of WSGI waits for a client.
    :param received: returns whether the body of the request has been read; None when it has been received.
    :ivar headers_sent: whether something has been sent.
    """

    __slots__ = ("_chunked", "_client", "_close", "_context", "_head", "_left", "_parts",
                 "_patience", "_pending", "_received", "_status", "_without_body", "environ", "headers_sent",
                 "keep_alive")  # fmt: skip

    def __init__(
        self,
        client: socket.socket,
        environ: Environ,
        keep_alive: bool,
        patience: float,
        received: Callable[[], bool] | None = None,
    ) -> None:
        self.environ = environ
        self.keep_alive = keep_alive
        self.headers_sent = False
        self._received = received
        self._client = client
        self._patience = patience
        self._status = ""
        self._head = ""
        self._left: int | None = None
        self._chunked = self._without_body = False
        self._pending: bytes | memoryview = b""
        self._parts: Iterator[bytes] = iter(())
        self._close: Callable[[], None] | None = None
        # The thread that continues the response must find the application's context variables.
        self._context = contextvars.Context()

    def begin(self, application: Callable[..., Iterable[bytes]]) -> bool:
        """Call the application, and send its response; the result is that of :meth:`proceed`.

        :raises OSError: when the client has disconnected. :raises Exception: what the application raises.
        """
        return self._context.run(self._begin, application)

    def proceed(self) -> bool:
        """Send until the response is complete or the client takes no more; return whether it is complete."""
        return self._context.run(self._send)

    def end(self) -> None:
        """Release what the application holds for the response."""
        close, self._close = self._close, None
        if close is not None:
            self._context.run(close)

    def _begin(self, application: Callable[..., Iterable[bytes]]) -> bool:
        body = application(self.environ, self.start_response)
        self._close = getattr(body, "close", None)
        self._parts = iter(body)
        return self._send()

    def start_response(
        self, status: str, headers: list[tuple[str, str]], exc_info: Any = None
    ) -> Callable[[bytes], None]:
        """Start the response; with ``exc_info`` replace one whose headers have not been sent (PEP 3333)."""
        if exc_info and self.headers_sent:
            raise exc_info[1].with_traceback(exc_info[2])
        if self._status and not exc_info:
            raise AssertionError("start_response() was called before")
        if not _STATUS.fullmatch(status):
            raise ValueError(f"{status!r} is not a status")
        self._left = None
        kept = []
        for name, value in headers:
            lower = name.lower()
            if lower not in _HOP_BY_HOP:
                kept.append(f"{name}: {value}\r\n")
            elif lower == "content-length":
                self._left = int(value)
        text = "".join(kept)
        # A line break within a header would make one line more.
        if not _HEADERS.fullmatch(text) or text.count("\n") != len(kept):
            raise InvalidResponseHeader("a header of the response holds a character that is not allowed")
        self._status = status
        self._head = text
        return self._write

    def _headers(self) -> bytes:
        """Return the status line and the headers."""
        if not self._status:
            raise AssertionError("the application did not call start_response()")
        code, method, left = self._status[:3], self.environ["REQUEST_METHOD"], self._left
        self._without_body = method == "HEAD" or code in ("204", "304") or code[0] == "1"
        self._chunked = (
            left is None and not self._without_body and self.environ["SERVER_PROTOCOL"] == "HTTP/1.1"
        )
        if left is None and not self._without_body and not self._chunked:
            self.keep_alive = False
        if self._received is not None and not self._received():
            self.keep_alive = False  # nothing waits for the rest of the body (RFC 9112, section 9.3)
        if self._chunked:
            framing = "Transfer-Encoding: chunked\r\n"
        else:
            framing = "" if left is None or code == "204" else f"Content-Length: {left}\r\n"
        self.headers_sent = True
        return (
            f"{self.environ['SERVER_PROTOCOL']} {self._status}\r\nServer: {SERVER}\r\nDate: {date()}\r\n"
            f"Connection: {'keep-alive' if self.keep_alive else 'close'}\r\n{framing}{self._head}\r\n"
        ).encode("latin-1")

    def _send(self) -> bool:
        if self._pending and not self._flush():
            return False
        for part in self._parts:
            if part and not self._send_part(part):
                return False
        if not self.headers_sent:
            self._pending = self._headers()
            if self._chunked:
                self._pending += b"0\r\n\r\n"
        elif self._chunked:
            self._pending = b"0\r\n\r\n"
        self._chunked = False
        if self._left and not self._without_body:
            self.keep_alive = False  # the client waits for more than there is
        return not self._pending or self._flush()

    def _send_part(self, part: bytes) -> bool:
        """Send a part of the body; return False when the client has not taken all of it."""
        head = b"" if self.headers_sent else self._headers()
        if self._without_body:
            part = b""
        elif self._left is not None:
            part = part[: self._left]
            self._left -= len(part)
        elif self._chunked:
            part = b"%X\r\n%b\r\n" % (len(part), part)
        if head and len(part) > _COPIED:
            self._pending = head
            if not self._flush():
                self._pending = bytes(self._pending) + part
                return False
            head = b""
        self._pending = head + part
        return not self._pending or self._flush()

    def _flush(self) -> bool:
        pending = self._pending
        try:
            while pending:
                sent = self._client.send(pending)
                if sent == len(pending):
                    break
                pending = memoryview(pending)[sent:]
        except BlockingIOError:
            self._pending = pending
            return False
        self._pending = b""
        return True

    def _write(self, data: bytes) -> None:
        """Send a part of the body, and wait for the client: the ``write()`` of PEP 3333."""
        complete = self._send_part(data) if data else True
        while not complete:
            wait(self._client, select.POLLOUT, self._patience)
            complete = self._flush()
