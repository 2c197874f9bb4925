"""The listening sockets of a worker, in its epoll descriptor."""

from __future__ import annotations

import select
import socket
import threading
from typing import Any


class Listeners:
    """Listening sockets that several processes share. Threads may share it.

    :param sockets: gunicorn's listening sockets. :param epoll: where they report that a client connects.
    :ivar active: whether they report it.
    """

    def __init__(self, sockets: list[Any], epoll: select.epoll) -> None:
        self._sockets = {listener.fileno(): listener for listener in sockets}
        self._epoll = epoll
        self._lock = threading.Lock()
        self.active = False

    def __contains__(self, descriptor: int) -> bool:
        return descriptor in self._sockets

    def activate(self, active: bool) -> None:
        """Begin or stop to report that a client connects."""
        with self._lock:
            if active == self.active:
                return
            self.active = active
            for descriptor, listener in self._sockets.items():
                if active:
                    listener.setblocking(False)
                    # The kernel wakes one of the processes.
                    self._epoll.register(descriptor, select.EPOLLIN | select.EPOLLEXCLUSIVE)
                else:
                    self._epoll.unregister(descriptor)

    def accept(self, descriptor: int) -> tuple[socket.socket, Any, Any] | None:
        """Return a client's socket, its address and the server's; None when another thread was faster.

        :raises OSError: when no file descriptor or no memory is left.
        """
        listener = self._sockets[descriptor]
        try:
            client, address = listener.accept()
        except (BlockingIOError, ConnectionAbortedError):
            return None
        client.setblocking(False)
        return client, address, listener.getsockname()
