"""gunicorn's workers, changed so that slow clients delay no others, and every refusal is a problem."""

from __future__ import annotations

import functools
import selectors
import signal
import socket
import struct
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

import gunicorn.util
from gunicorn.workers.gthread import TConn, ThreadWorker
from gunicorn.workers.sync import SyncWorker
from werkzeug.exceptions import default_exceptions

from debonair.context import (
    accept_request_id,
    bind_request_id,
    new_request_id,
    release_request_id,
    request_id,
)
from debonair.server.incoming import Incoming, Limits
from debonair.server.lingering import MOST, Lingering
from debonair.web.access_log import HEADER
from debonair.web.problems import MEDIA_TYPE, body_of

STOP_SIGNALS = {signal.SIGTERM, signal.SIGINT, signal.SIGQUIT}
"""The signals that stop a worker; the master process blocks them while it forks one."""

_SWEEP_INTERVAL = 0.5
"""Seconds between two looks at whether clients are late."""


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
    """gunicorn's worker that handles one request at a time.

    A slow client delays the others, but only for the time that a request may take to arrive.
    """

    def run(self) -> None:
        self.wait_fds.append(self.lingering)
        super().run()

    def wait(self, timeout: float) -> Any:
        """Wait for a connection, or until something is to be done for a lingering one."""
        ready = super().wait(min(timeout, self.lingering.remaining()))
        return ready and [listener for listener in ready if listener is not self.lingering]

    def handle(self, listener: Any, client: socket.socket, addr: Any) -> None:
        limits = Limits(self.app.read_timeout, self.app.body_timeout)
        super().handle(listener, _BoundedSocket(client, limits, self.notify), addr)


class _BoundedSocket(socket.socket):
    """A client's socket from which the whole of one request must be read in time."""

    def __init__(self, client: socket.socket, limits: Limits, progress: Callable[[], None]) -> None:
        super().__init__(fileno=client.detach())
        _limit_pauses(self, limits.pause)
        self._read = limits.bound(super().recv)
        self._progress = progress

    def recv(self, size: int, flags: int = 0) -> bytes:
        if flags:
            return super().recv(size, flags)
        self._progress()  # the worker does not hang: the master process must not kill it
        return self._read(size)


class GThread(_LingeringWorker, ThreadWorker):
    """gunicorn's worker with threads.

    The request line, the headers and a body of usual size are collected before the connection is given to a
    thread. Larger bodies are read by the thread of their request: at most half of the threads wait for one.
    """

    def init_process(self) -> None:
        self._limits = Limits(self.app.read_timeout, self.app.body_timeout)
        self._collected: dict[TConn, Incoming] = {}
        self._waiting: deque[TConn] = deque()  # for one of the threads that may wait for a body
        self._reading: set[TConn] = set()
        self._next_sweep = 0.0
        super().init_process()

    def run(self) -> None:
        # A lingering client that sends must not wait for the next turn of the loop.
        self.poller.register(self.lingering, selectors.EVENT_READ, lambda _: self.lingering.sweep())
        super().run()

    def enqueue_req(self, conn: TConn) -> None:
        if not conn.initialized:  # just accepted: an open connection needs a file descriptor more
            self.lingering.limit(min(MOST, self.worker_connections - self.nr_conns))
        incoming = Incoming(conn.parser.unreader.take_buffered() if conn.initialized else b"", self._limits)
        conn.sock.setblocking(False)
        if not incoming.ready:
            incoming.receive(conn.sock)
        if incoming.ready:
            self._dispatch(conn, incoming)
        else:
            self._collected[conn] = incoming
            self.poller.register(conn.sock, selectors.EVENT_READ, partial(self._collect, conn))

    def _collect(self, conn: TConn, client: Any) -> None:
        """Read what has arrived, and handle the request when it is complete."""
        incoming = self._collected[conn]
        incoming.receive(conn.sock)
        if incoming.ready:
            self.poller.unregister(client)
            del self._collected[conn]
            self._dispatch(conn, incoming)

    def _dispatch(self, conn: TConn, incoming: Incoming) -> None:
        """Give a thread to a connection, or let it wait for one when its body is not collected."""
        if incoming.whole:
            self._begin(conn, incoming)
        else:
            self._collected[conn] = incoming
            self._waiting.append(conn)
            self._begin_waiting()

    def _begin_waiting(self) -> None:
        while self._waiting and len(self._reading) < max(1, self.cfg.threads // 2):
            conn = self._waiting.popleft()
            self._reading.add(conn)
            self._begin(conn, self._collected.pop(conn))

    def _begin(self, conn: TConn, incoming: Incoming) -> None:
        if not conn.initialized:
            _limit_pauses(conn.sock, self._limits.pause)
            conn.init()
            conn.read = conn.parser.unreader.chunk
        unreader = conn.parser.unreader
        read = self._limits.bound(conn.read, spent=incoming.spent)
        unreader.chunk = read if incoming.whole else self._releasing(conn, read, incoming.missing)
        unreader.whole = incoming.whole
        unreader.unread(bytes(incoming.data))
        super().enqueue_req(conn)

    def _releasing(self, conn: TConn, read: Callable[..., bytes], missing: int) -> Callable[..., bytes]:
        """Return a function that reads, and lets another thread wait for a body when this one is complete."""

        def chunk(size: int | None = None) -> bytes:
            nonlocal missing
            data = read(size)
            missing -= len(data)
            if 0 <= -missing < len(data):
                self.method_queue.defer(self._release, conn)
            return data

        return chunk

    def _release(self, conn: TConn) -> None:
        self._reading.discard(conn)
        self._begin_waiting()

    def finish_request(self, conn: TConn, fs: Any) -> None:
        self._reading.discard(conn)
        if conn.sock.fileno() < 0:  # closed already, which gunicorn would count twice
            self.nr_conns -= 1
        else:
            super().finish_request(conn, fs)
        self._begin_waiting()

    def murder_pending(self) -> None:
        """Disconnect the clients that are late."""
        now = time.monotonic()
        if now < self._next_sweep:
            return
        self._next_sweep = now + _SWEEP_INTERVAL
        for conn, incoming in list(self._collected.items()):
            if incoming.late(now):
                self._disconnect(conn, incoming)

    def _disconnect(self, conn: TConn, incoming: Incoming) -> None:
        del self._collected[conn]
        if conn in self._waiting:
            self._waiting.remove(conn)
        else:
            self.poller.unregister(conn.sock)
        self.nr_conns -= 1
        if incoming.has_headers:
            refuse_late(conn, self.log)
        conn.close(graceful=incoming.has_headers)

    def _cap_keepalive(self, deadline: float) -> None:
        super()._cap_keepalive(deadline)
        for incoming in self._collected.values():
            incoming.end_by(deadline)


def refuse_late(conn: TConn, log: Any) -> None:
    """Send a problem with status 408 to a client whose body did not arrive in time."""
    token = bind_request_id(new_request_id())
    address = conn.client[0] if conn.client else ""  # a client of a Unix socket has none
    try:
        log.warning("Invalid request from ip=%s: the body did not arrive in time", address)
        with suppress(OSError):
            write_problem(conn.sock, 408, "Request Timeout", "The body did not arrive in time.")
    finally:
        release_request_id(token)


def _limit_pauses(client: socket.socket, seconds: float) -> None:
    """Let a call that reads from or writes to a client fail after so many seconds."""
    for side in (socket.SO_RCVTIMEO, socket.SO_SNDTIMEO):
        client.setsockopt(socket.SOL_SOCKET, side, struct.pack("ll", round(seconds), 0))
