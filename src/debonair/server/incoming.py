"""What has arrived of a request before a thread handles it, and until when the rest must arrive.

The request line and headers are collected first, then a body of up to :data:`COLLECTED` bytes. Only a longer
body, or one whose length is not known, is read by the thread that handles the request.
"""

from __future__ import annotations

import re
import socket
import sys
import time
from collections.abc import Callable

from gunicorn.http.errors import NoMoreData

COLLECTED = 2**16
"""The longest body in bytes that is collected."""

_LARGEST_HEADERS = 2**16
"""Bytes of a request line and headers that are collected at most; gunicorn refuses less."""
_READ = 2**13
_SLOWEST = 500
"""Bytes a second that a body must arrive with at least (the value of Debian's Apache, mod_reqtimeout)."""

_LENGTH = re.compile(rb"\ncontent-length:[ \t]*([0-9]{1,19})[ \t]*\r?(?=\n)")


class Limits:
    """How long a client may take, in seconds.

    :param pause: for the request line and headers, and between two parts of a body.
    :param body: for the whole body.
    """

    def __init__(self, pause: float, body: float) -> None:
        self.pause = pause
        self.body = body

    def bound(self, read: Callable[..., bytes], spent: float = 0.0) -> Callable[..., bytes]:
        """Return a function that reads from a client as ``read`` does, and raises when the body is late.

        Only the time of reading counts, not that of the view between two reads.

        :param spent: seconds of the time for the body that are over.
        """
        slowest, whole = self.pause, self.body - spent

        def chunk(size: int | None = None) -> bytes:
            nonlocal slowest, whole
            began = time.monotonic()
            try:
                data = read(size)
            except (TimeoutError, BlockingIOError):  # the latter by SO_RCVTIMEO
                raise NoMoreData from None
            took = time.monotonic() - began
            slowest += len(data) / _SLOWEST - took
            whole -= took
            if slowest < 0 or whole < 0:
                # What the parser raises when a client disconnects: it is nobody's fault but the client's.
                raise NoMoreData
            return data

        return chunk


class Incoming:
    """One request that is being collected.

    :param data: what of it has been received already.
    :ivar whole: whether everything has been received, so that handling it waits for nothing.
    :ivar ready: whether it can be handled: it is whole, or the rest of it is not collected.
    """

    def __init__(self, data: bytes, limits: Limits) -> None:
        self.data = bytearray(data)
        self.whole = False
        self.ready = False
        self._limits = limits
        self._began = self._last = time.monotonic()
        self._deadline = self._began + limits.pause
        self._body_at: int | None = None
        self._length = 0
        if data:
            self._examine()

    def receive(self, client: socket.socket) -> None:
        """Read what the client has sent, without waiting for more."""
        wanted = _READ if self._body_at is None else self.missing
        try:
            data = client.recv(wanted)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:  # handling it finds the end of the connection at once
            self.whole = self.ready = True
            return
        self.data += data
        self._last = time.monotonic()
        self._examine()

    def _examine(self) -> None:
        if self._body_at is None:
            end = _end_of_headers(self.data)
            if end is None:
                self.whole = self.ready = len(self.data) >= _LARGEST_HEADERS
                return
            self._body_at = end
            self._expect_body(self.data[:end].lower())
        if not self.ready and self.missing <= 0:
            self.whole = self.ready = True

    def _expect_body(self, headers: bytearray) -> None:
        if b"content-length" not in headers and b"transfer-encoding" not in headers:
            return
        self._began = self._last = time.monotonic()
        self._deadline = self._began + self._limits.body
        lengths = _LENGTH.findall(headers)
        known = len(lengths) == 1 and b"transfer-encoding" not in headers
        self._length = int(lengths[0]) if known else sys.maxsize
        # A client that expects a response before it sends the body gets it from the thread.
        self.ready = self._length > COLLECTED or b"\nexpect" in headers

    @property
    def missing(self) -> int:
        """The bytes of the body that have not been received; a very large number when that is not known."""
        return (self._body_at or 0) + self._length - len(self.data)

    @property
    def has_headers(self) -> bool:
        """Whether the request line and headers have been received."""
        return self._body_at is not None

    @property
    def spent(self) -> float:
        """The seconds since the headers were received, or since the first part of them was."""
        return time.monotonic() - self._began

    def late(self, now: float) -> bool:
        """Return whether the time for the rest of the request is over."""
        if now >= self._deadline:
            return True
        if self._body_at is None or self.ready:
            return False
        received = len(self.data) - self._body_at
        return now - self._last >= self._limits.pause or (
            now - self._began >= self._limits.pause + received / _SLOWEST
        )

    def end_by(self, deadline: float) -> None:
        """Shorten the time for the request line and headers; a body keeps its time."""
        if self._body_at is None:
            self._deadline = min(self._deadline, deadline)


def _end_of_headers(data: bytearray) -> int | None:
    """Return where the body begins: behind the first empty line. gunicorn refuses one without CR."""
    end = data.find(b"\r\n\r\n") + 4
    bare = data.find(b"\n\n", 0, end - 4 if end > 3 else len(data)) + 2
    return bare if bare > 1 else end if end > 3 else None
