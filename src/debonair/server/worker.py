"""The worker: threads that no slow client can hold."""

from __future__ import annotations

import selectors
import socket
import struct
import time
from collections.abc import Callable
from functools import partial
from typing import Any

from gunicorn.workers.gthread import TConn, ThreadWorker

_LARGEST_READ = 2**13
_LARGEST_HEAD = 2**16
_SLOWEST = 500
"""Bytes a second that a body must come with at least (as Debian's Apache has it, mod_reqtimeout)."""


class Worker(ThreadWorker):
    """gunicorn's worker with threads, which no slow client can keep one of.

    The head of a request is gathered before a thread is given to its connection; one that is not whole
    in time is cut off, as is a client that then stands still within body or answer.
    """

    def init_process(self) -> None:
        self._patience = float(self.app.read_timeout)
        super().init_process()

    def enqueue_req(self, conn: TConn) -> None:
        conn.head = conn.parser.unreader.take_buffered() if conn.initialized else b""
        conn.sock.setblocking(False)
        if _whole(conn.head) or self._gather(conn):
            self._begin(conn)
            return
        conn.timeout = time.monotonic() + self._patience
        self.pending_conns.append(conn)
        self.poller.register(conn.sock, selectors.EVENT_READ, partial(self.on_pending_socket_readable, conn))

    def on_pending_socket_readable(self, conn: TConn, client: Any) -> None:
        if self._gather(conn):
            self.poller.unregister(client)
            self.pending_conns.remove(conn)
            self._begin(conn)

    @staticmethod
    def _gather(conn: TConn) -> bool:
        """Read what is there of a head, and tell whether no more is to be waited for."""
        try:
            data = conn.sock.recv(_LARGEST_READ)
        except BlockingIOError:
            return False
        except OSError:
            return True
        conn.head += data
        return not data or _whole(conn.head)

    def _begin(self, conn: TConn) -> None:
        """Give a thread to a connection whose request has arrived."""
        if not conn.initialized:
            for side in (socket.SO_RCVTIMEO, socket.SO_SNDTIMEO):
                conn.sock.setsockopt(socket.SOL_SOCKET, side, struct.pack("ll", round(self._patience), 0))
            conn.init()
            conn.read = conn.parser.unreader.chunk
        conn.parser.unreader.chunk = _in_time(conn.read, self._patience)
        conn.parser.unreader.unread(conn.head)
        super().enqueue_req(conn)

    def _cap_keepalive(self, deadline: float) -> None:
        super()._cap_keepalive(deadline)
        for conn in self.pending_conns:
            conn.timeout = min(conn.timeout, deadline)


def _in_time(read: Callable[..., bytes], patience: float) -> Callable[..., bytes]:
    """Return the function that reads from a client, but fails when a request's body comes too slowly.

    :param patience: seconds that the whole request may be waited for, beyond those that its length is worth.
    """

    def chunk(size_hint: int | None = None) -> bytes:
        nonlocal patience
        began = time.monotonic()
        data = read(size_hint)
        patience += len(data) / _SLOWEST - (time.monotonic() - began)
        if patience < 0:
            raise TimeoutError("the body comes too slowly")
        return data

    return chunk


def _whole(head: bytes) -> bool:
    """Tell whether gunicorn has enough to parse or refuse, without waiting for the client."""
    return b"\r\n\r\n" in head or b"\n\n" in head or len(head) >= _LARGEST_HEAD
