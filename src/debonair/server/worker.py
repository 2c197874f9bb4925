"""The workers: what all of gunicorn's classes need here, and threads that no slow client can hold."""

from __future__ import annotations

import functools
import selectors
import signal
import socket
import struct
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import gunicorn.util
from gunicorn.workers.gthread import TConn, ThreadWorker
from gunicorn.workers.sync import SyncWorker
from werkzeug.exceptions import default_exceptions

from debonair.context import accept_request_id, bind_request_id, release_request_id, request_id
from debonair.web.access_log import HEADER
from debonair.web.problems import MEDIA_TYPE, body_of

ENDINGS = {signal.SIGTERM, signal.SIGINT, signal.SIGQUIT}
"""The signals that tell a worker to end; the arbiter blocks them while it forks one."""

_LARGEST_READ = 2**13
_LARGEST_HEAD = 2**16
_SLOWEST = 500
"""Bytes a second that a body must come with at least (as Debian's Apache has it, mod_reqtimeout)."""


@functools.cache
def worker_class(name: str) -> type:
    """Return the class of workers that the setting ``worker_class`` names.

    :raises ImportError: when it is gevent's, and gevent is not installed.
    """
    if name == "gevent":
        from gunicorn.workers.ggevent import GeventWorker

        return type("Gevent", (_Worker, GeventWorker), {})
    return {"gthread": GThread, "sync": Sync}[name]


class _Worker:
    """What all workers here have over gunicorn's: they are never deaf, and give every refusal an id."""

    def init_signals(self) -> None:
        super().init_signals()  # type: ignore[misc]
        # A terminal sends Ctrl-C to all processes; the first one tells the others what it means. SIG_IGN
        # would be passed on to the programs that a view runs.
        signal.signal(signal.SIGINT, lambda *_: None)
        signal.siginterrupt(signal.SIGINT, False)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, ENDINGS)

    def handle_error(self, req: Any, client: Any, addr: Any, exc: BaseException) -> None:
        # What was no HTTP has not come to the room that gives ids; this one ties the answer to the log.
        offered = dict(req.headers).get(HEADER.upper()) if req is not None else None
        token = bind_request_id(accept_request_id(offered))
        try:
            super().handle_error(req, client, addr, exc)  # type: ignore[misc]
        finally:
            release_request_id(token)


def write_problem(client: socket.socket, status: int, reason: str, message: str) -> None:
    """Answer what gunicorn itself refuses, in place of its own function, which writes HTML.

    :param reason: the reason phrase of the status.
    :param message: what gunicorn says is wrong with the request.
    """
    body, identity = body_of(default_exceptions[status](message or None)), request_id()
    head = (
        f"HTTP/1.1 {status} {reason}\r\nConnection: close\r\nContent-Type: {MEDIA_TYPE}\r\n"
        f"Content-Length: {len(body)}\r\n{HEADER}: {identity}\r\n\r\n"
    )
    gunicorn.util.write_nonblock(client, head.encode("ascii") + body)


class Sync(_Worker, SyncWorker):
    """gunicorn's plain worker: one request at a time."""


class GThread(_Worker, ThreadWorker):
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
