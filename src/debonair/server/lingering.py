"""Connections that are closed on this side and wait for the client to close its side.

A socket that is closed while data of the client is unread, or still arrives, is reset, and a reset may
discard the end of the response before the client has read it (RFC 9112, section 9.6). So a server first sends
its FIN and goes on reading until the client has sent its own, or for a limited time. gunicorn waits for that
within the loop or the thread that serves others as well; here nothing waits.
"""

from __future__ import annotations

import math
import selectors
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

SECONDS = 2.0
"""How long a client may send nothing, and not close its side, before the connection is closed (gunicorn's
value)."""

LONGEST = 30.0
"""How long a client may go on sending, such as a body that is too large (nginx's lingering_time)."""

MOST = 256
"""How many connections of one worker linger at most; one more closes the oldest."""

_READ = 2**16


@dataclass
class _Closing:
    socket: socket.socket
    deadline: float
    last: float
    """When the connection is closed although the client goes on sending."""
    sends: bool = False
    """Whether the client has sent data since this side was closed."""


class Lingering:
    """The lingering connections of one worker. Its methods may be called by several threads."""

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()
        # By file descriptor; the next whose time is over is first.
        self._closing: dict[int, _Closing] = {}
        self._lock = threading.Lock()
        self._finishing = False

    def fileno(self) -> int:
        """Return the file descriptor that is readable when :meth:`sweep` has something to do."""
        return self._selector.fileno()

    def add(self, connection: socket.socket) -> None:
        """Close this side of a connection, and the connection itself when the client has closed its side.

        Returns at once. The connection must not be used afterwards, except that adding it again is allowed.
        """
        with self._lock:
            if connection.fileno() < 0:
                return
            if (known := self._closing.get(connection.fileno())) is not None:
                if known.socket is connection:
                    return
                self._close(connection.fileno())  # closed by somebody else, and the number is used again
            try:
                connection.shutdown(socket.SHUT_WR)
            except OSError:
                connection.close()
                return
            now = time.monotonic()
            entry = _Closing(connection, now + SECONDS, now + LONGEST)
            if not self._drain(entry):
                connection.close()
                return
            self._selector.register(connection, selectors.EVENT_READ)
            self._closing[connection.fileno()] = entry
        self.limit(MOST)

    def limit(self, most: int) -> None:
        """Close the oldest connections, so that at most ``most`` linger."""
        with self._lock:
            while len(self._closing) > max(most, 0):
                self._close(next(iter(self._closing)))

    def sweep(self) -> None:
        """Read and discard what clients have sent; close what they have closed, or what is over time."""
        if not self._closing:
            return
        with self._lock:
            now = time.monotonic()
            for key, _ in self._selector.select(0):
                entry = self._closing[key.fd]
                if not self._drain(entry) or now >= entry.last:
                    self._close(key.fd)
                elif not self._finishing:
                    entry.deadline = now + SECONDS
                    self._closing[key.fd] = self._closing.pop(key.fd)
            while self._closing and next(iter(self._closing.values())).deadline <= now:
                self._close(next(iter(self._closing)))

    def remaining(self) -> float:
        """Return the seconds until the oldest connection is over time; infinity when there is none."""
        with self._lock:
            oldest = next(iter(self._closing.values()), None)
        return math.inf if oldest is None else max(oldest.deadline - time.monotonic(), 0.0)

    def finish(self, notify: Callable[[], None]) -> None:
        """Close all connections, those first whose client sends nothing any more.

        Takes :data:`SECONDS` at most.

        :param notify: called several times a second meanwhile.
        """
        self.sweep()
        self._finishing = True
        with self._lock:
            for descriptor, entry in list(self._closing.items()):
                if not entry.sends:  # there is nothing unread: closing does not reset the connection
                    self._close(descriptor)
        while self._closing:
            notify()
            self._selector.select(min(self.remaining(), 0.2))
            self.sweep()

    @staticmethod
    def _drain(entry: _Closing) -> bool:
        """Discard what the client has sent so far; return whether it may send more."""
        try:
            data = entry.socket.recv(_READ, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return True
        except OSError:
            return False
        entry.sends = True
        return bool(data)

    def _close(self, descriptor: int) -> None:
        entry = self._closing.pop(descriptor)
        self._selector.unregister(entry.socket)
        with suppress(OSError):
            entry.socket.close()
