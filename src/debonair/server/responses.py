"""gunicorn's response, changed in three ways.

The headers and the beginning of the body are sent together. A response that is started again replaces the
first one. A response to a request whose body has not been read closes the connection, so that nothing waits
for that body (RFC 9112, section 9.3).
"""

from __future__ import annotations

from typing import Any

from gunicorn.http.body import ChunkedReader, LengthReader
from gunicorn.http.wsgi import Response

_COPIED = 2**16
"""A part of the body up to this size in bytes is copied behind the headers, to send both by one call."""


class HeldResponse(Response):
    """A response whose headers are held until its body begins.

    One call less is needed. A worker that is killed sends no headers without a body: a proxy that has
    received nothing of a response may send the request to another worker.
    """

    headers: list[tuple[str, str]]
    headers_sent: bool
    response_length: int | None
    _held = b""
    _holds = True

    def start_response(self, status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
        """Start the response, or replace the headers of one that was started (PEP 3333, with ``exc_info``).

        gunicorn would send the headers of both.
        """
        if exc_info and not self.headers_sent:
            self.headers.clear()
            self.response_length = None
        return super().start_response(status, headers, exc_info)

    def send_headers(self) -> None:
        """Hold the status line and the headers until :meth:`write` or :meth:`close` is called."""
        if not self._holds:
            super().send_headers()
        elif not self.headers_sent:
            if not _received(self.req):
                self.force_close()
            lines = [
                *self.default_headers(),
                *(f"{name}: {value}\r\n" for name, value in self.headers),
                "\r\n",
            ]
            self._held = "".join(lines).encode("latin-1")
            self.headers_sent = True

    def _emit_body(self, arg: bytes) -> None:
        if self._held and not self.chunked and len(arg) < _COPIED:
            arg, self._held = self._held + arg, b""
        self._send_held()
        super()._emit_body(arg)

    def sendfile(self, respiter: Any) -> bool:
        """Send a file, headers first: this method of gunicorn writes to the socket itself."""
        if not _received(self.req):
            self.force_close()
        self._holds = False
        try:
            sent: bool = super().sendfile(respiter)
            return sent
        finally:
            self._holds = True

    def close(self) -> None:
        """Send what is held, and end the response."""
        self.send_headers()
        self._send_held()
        super().close()

    def _send_held(self) -> None:
        if self._held:
            headers, self._held = self._held, b""
            self.sock.sendall(headers)


def _received(request: Any) -> bool:
    """Return whether the whole body of a request has been received, read or not."""
    reader = request.body.reader
    if isinstance(reader, LengthReader):
        unread: bool = reader.length > 0
    else:
        unread = not isinstance(reader, ChunkedReader) or reader.parser is not None
    return not unread or getattr(request.unreader, "whole", False)
