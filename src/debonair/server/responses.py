"""gunicorn's response for its own workers, changed in two ways.

A response that is started again replaces the first one. A response to a request whose body has not been read
closes the connection, so that nothing waits for that body (RFC 9112, section 9.3).
"""

from __future__ import annotations

from typing import Any

from gunicorn.http.body import ChunkedReader, LengthReader
from gunicorn.http.wsgi import Response


class ClosingResponse(Response):
    """A response that waits for no body."""

    headers: list[tuple[str, str]]
    headers_sent: bool
    response_length: int | None

    def start_response(self, status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
        """Start the response, or replace the headers of one that was started (PEP 3333, with ``exc_info``).

        gunicorn would send the headers of both.
        """
        if exc_info and not self.headers_sent:
            self.headers.clear()
            self.response_length = None
        return super().start_response(status, headers, exc_info)

    def send_headers(self) -> None:
        """Send the status line and the headers, unless they have been sent."""
        if not self.headers_sent and not received(self.req.body.reader):
            self.force_close()
        super().send_headers()


def received(reader: Any) -> bool:
    """Return whether a body has been read to its end.

    :param reader: gunicorn's reader of the body.
    """
    if isinstance(reader, ChunkedReader):
        return reader.parser is None
    return not isinstance(reader, LengthReader) or bool(reader.length <= 0)
