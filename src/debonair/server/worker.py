"""gunicorn's workers, changed so that no client occupies a thread, and every refusal is a problem."""

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
from debonair.server.lingering import MOST, Lingering
from debonair.web.access_log import HEADER
from debonair.web.problems import MEDIA_TYPE, body_of

STOP_SIGNALS = {signal.SIGTERM, signal.SIGINT, signal.SIGQUIT}
"""The signals that stop a worker; the master process blocks them while it forks one."""

_READ = 2**13
_LARGEST_HEADERS = 2**16
"""Bytes of a request line and headers that are collected at most; gunicorn refuses less."""
_SLOWEST = 500
"""Bytes a second that a body must arrive with at least (the value of Debian's Apache, mod_reqtimeout)."""


@functools.cache
def worker_class(name: str) -> type:
    """Return the class of the setting ``[server] worker_class``.

    :raises ImportError: when it is ``gevent``, and gevent is not installed.
    """
    if name == "gevent":
        from gunicorn.workers.ggevent import GeventWorker

        return type("Gevent", (_Worker, GeventWorker), {})
    return {"gthread": GThread, "sync": Sync}[name]


class _Worker:
    """What is changed in all of gunicorn's workers."""

    def init_signals(self) -> None:
        super().init_signals()  # type: ignore[misc]
        # A terminal sends Ctrl-C to all processes, and the master process tells the workers to stop. SIG_IGN
        # would be inherited by the programs that a view runs.
        signal.signal(signal.SIGINT, lambda *_: None)
        signal.siginterrupt(signal.SIGINT, False)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, STOP_SIGNALS)

    def handle_error(self, req: Any, client: Any, addr: Any, exc: BaseException) -> None:
        # A request that gunicorn refuses does not reach the access log, which assigns request ids; the id set
        # here is in the response and in the log.
        offered = dict(req.headers).get(HEADER.upper()) if req is not None else None
        token = bind_request_id(accept_request_id(offered))
        try:
            super().handle_error(req, client, addr, exc)  # type: ignore[misc]
        finally:
            release_request_id(token)


class _LingeringWorker(_Worker):
    """A worker that waits for no client to close its connection; gunicorn's gevent worker does not either."""

    def init_process(self) -> None:
        self.lingering = Lingering()

        def close_graceful(sock: socket.socket, timeout: float = 0, max_drain: int = 0) -> None:
            self.lingering.add(sock)

        # gunicorn's function waits for the client. This process is a worker: no other one is concerned.
        gunicorn.util.close_graceful = close_graceful
        super().init_process()  # type: ignore[misc]

    def notify(self) -> None:
        # Called in every turn of a worker's loop.
        super().notify()  # type: ignore[misc]
        self.lingering.sweep()

    def run(self) -> None:
        super().run()  # type: ignore[misc]
        self.lingering.finish(self.notify)


def write_problem(client: socket.socket, status: int, reason: str, message: str) -> None:
    """Send the response to a request that gunicorn itself refuses: a problem (RFC 9457).

    It replaces gunicorn's own function, which sends HTML.

    :param status: the status code.
    :param reason: the reason phrase of the status.
    :param message: gunicorn's description of what is wrong with the request.
    """
    body, identity = body_of(default_exceptions[status](message or None)), request_id()
    headers = (
        f"HTTP/1.1 {status} {reason}\r\nConnection: close\r\nContent-Type: {MEDIA_TYPE}\r\n"
        f"Content-Length: {len(body)}\r\n{HEADER}: {identity}\r\n\r\n"
    )
    gunicorn.util.write_nonblock(client, headers.encode("ascii") + body)


class Sync(_LingeringWorker, SyncWorker):
    """gunicorn's worker that handles one request at a time."""

    def wait(self, timeout: float) -> Any:
        """Wait for a connection, but no longer than until a lingering one is over time."""
        return super().wait(min(timeout, self.lingering.remaining()))


class GThread(_LingeringWorker, ThreadWorker):
    """gunicorn's worker with threads, none of which a slow client can occupy.

    The request line and headers are collected before the connection is given to a thread. A client that does
    not complete them in time is disconnected, and so is one that stops within a body or a response.
    """

    def init_process(self) -> None:
        self._patience = float(self.app.read_timeout)
        super().init_process()

    def enqueue_req(self, conn: TConn) -> None:
        if not conn.initialized:  # just accepted: an open connection needs a file descriptor more
            self.lingering.limit(min(MOST, self.worker_connections - self.nr_conns))
        conn.received = conn.parser.unreader.take_buffered() if conn.initialized else b""
        conn.sock.setblocking(False)
        if _complete(conn.received) or self._collect(conn):
            self._begin(conn)
            return
        conn.timeout = time.monotonic() + self._patience
        self.pending_conns.append(conn)
        self.poller.register(conn.sock, selectors.EVENT_READ, partial(self.on_pending_socket_readable, conn))

    def on_pending_socket_readable(self, conn: TConn, client: Any) -> None:
        if self._collect(conn):
            self.poller.unregister(client)
            self.pending_conns.remove(conn)
            self._begin(conn)

    @staticmethod
    def _collect(conn: TConn) -> bool:
        """Read what has arrived; return whether the request can be parsed or refused without waiting."""
        try:
            data = conn.sock.recv(_READ)
        except BlockingIOError:
            return False
        except OSError:
            return True
        conn.received += data
        return not data or _complete(conn.received)

    def _begin(self, conn: TConn) -> None:
        """Give a thread to a connection whose request line and headers have arrived."""
        if not conn.initialized:
            for side in (socket.SO_RCVTIMEO, socket.SO_SNDTIMEO):
                conn.sock.setsockopt(socket.SOL_SOCKET, side, struct.pack("ll", round(self._patience), 0))
            conn.init()
            conn.read = conn.parser.unreader.chunk
        conn.parser.unreader.chunk = _in_time(conn.read, self._patience)
        conn.parser.unreader.unread(conn.received)
        super().enqueue_req(conn)

    def finish_request(self, conn: TConn, fs: Any) -> None:
        if conn.sock.fileno() < 0:  # closed already, which gunicorn would count twice
            self.nr_conns -= 1
            return
        super().finish_request(conn, fs)

    def _cap_keepalive(self, deadline: float) -> None:
        super()._cap_keepalive(deadline)
        for conn in self.pending_conns:
            conn.timeout = min(conn.timeout, deadline)


def _in_time(read: Callable[..., bytes], patience: float) -> Callable[..., bytes]:
    """Return the function that reads from a client, and fails when a request's body arrives too slowly.

    :param patience: seconds to wait for the whole request, in addition to those that its length accounts for.
    """

    def chunk(size_hint: int | None = None) -> bytes:
        nonlocal patience
        began = time.monotonic()
        data = read(size_hint)
        patience += len(data) / _SLOWEST - (time.monotonic() - began)
        if patience < 0:
            raise TimeoutError("the body arrives too slowly")
        return data

    return chunk


def _complete(received: bytes) -> bool:
    """Return whether gunicorn can parse or refuse the request without waiting for the client."""
    return b"\r\n\r\n" in received or b"\n\n" in received or len(received) >= _LARGEST_HEADERS
