"""The classes of workers: the epoll worker of this server, and gunicorn's own."""

from __future__ import annotations

import functools
import selectors
import socket
import struct
from collections.abc import Callable
from typing import Any

import gunicorn.util
from gunicorn.workers.gthread import ThreadWorker
from gunicorn.workers.sync import SyncWorker

from debonair.server.event_loop import Epoll
from debonair.server.lingering import Lingering
from debonair.server.service_worker import ServiceWorker
from debonair.server.streamed_body import Limits


@functools.cache
def worker_class(name: str) -> type:
    """Return the class of the setting ``[server] worker_class``.

    :raises ImportError: when it is ``gevent``, and gevent is not installed.
    """
    if name == "gevent":
        from gunicorn.workers.ggevent import GeventWorker

        return type("Gevent", (ServiceWorker, GeventWorker), {})
    return {"epoll": Epoll, "gthread": GThread, "sync": Sync}[name]


class _LingeringWorker(ServiceWorker):
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
        super().handle(listener, _BoundedSocket(client, self.app.limits, self.notify), addr)


class _BoundedSocket(socket.socket):
    """A client's socket from which the whole of one request must be read in time."""

    def __init__(self, client: socket.socket, limits: Limits, progress: Callable[[], None]) -> None:
        super().__init__(fileno=client.detach())
        for side in (socket.SO_RCVTIMEO, socket.SO_SNDTIMEO):
            self.setsockopt(socket.SOL_SOCKET, side, struct.pack("ll", round(limits.pause), 0))
        self._read = limits.bound(super().recv)
        self._progress = progress

    def recv(self, size: int, flags: int = 0) -> bytes:
        if flags:
            return super().recv(size, flags)
        self._progress()  # the worker does not hang: the master process must not kill it
        return self._read(size)


class GThread(_LingeringWorker, ThreadWorker):
    """gunicorn's worker with threads. A client that sends or reads slowly occupies one of them."""

    def run(self) -> None:
        # A lingering client that sends must not wait for the next turn of the loop.
        self.poller.register(self.lingering, selectors.EVENT_READ, lambda _: self.lingering.sweep())
        super().run()
