"""A body that the thread of its request reads while it arrives, and until when it must arrive."""

from __future__ import annotations

import select
import socket
import time
from collections.abc import Callable

from gunicorn.http.errors import NoMoreData

SLOWEST = 500
"""Bytes a second that a body must arrive with at least (the value of Debian's Apache, mod_reqtimeout)."""

_READ = 2**16


class Limits:
    """How long a client may take, in seconds.

    :param pause: for the request line and headers, between two parts of a body, and to take a part of the
        response.
    :param body: for the whole body.
    """

    def __init__(self, pause: float, body: float) -> None:
        self.pause = pause
        self.body = body

    def body_deadline(self, began: float, now: float, received: int) -> float:
        """Return when a body of which ``received`` bytes have arrived since ``began`` is late."""
        return min(began + self.body, now + self.pause, began + self.pause + received / SLOWEST)

    def bound(self, read: Callable[[int], bytes], spent: float = 0.0) -> Callable[[int | None], bytes]:
        """Return a function that reads from a client as ``read`` does, and raises when the body is late.

        Only the time of reading counts, not that of the view between two reads.

        :param spent: seconds of the time for the body that are over.
        """
        slowest, whole = self.pause, self.body - spent

        def chunk(size: int | None = None) -> bytes:
            nonlocal slowest, whole
            began = time.monotonic()
            try:
                data = read(min(size or _READ, _READ))
            except (TimeoutError, BlockingIOError):  # the latter by SO_RCVTIMEO
                raise NoMoreData from None
            took = time.monotonic() - began
            slowest += len(data) / SLOWEST - took
            whole -= took
            if slowest < 0 or whole < 0:
                # What gunicorn's parser raises when a client disconnects; it is not logged as an error.
                raise NoMoreData
            return data

        return chunk


def wait(client: socket.socket, event: int, seconds: float) -> None:
    """Wait until a client's socket is ready.

    :param event: ``select.POLLIN`` or ``select.POLLOUT``.
    :raises TimeoutError: when it is not after so many seconds.
    """
    poll = select.poll()
    poll.register(client, event)
    if not poll.poll(seconds * 1000):
        raise TimeoutError


def receive(client: socket.socket, seconds: float) -> Callable[[int], bytes]:
    """Return a function that waits for a client's data, at most so many seconds, and returns them."""

    def read(size: int) -> bytes:
        while True:
            try:
                return client.recv(size)
            except BlockingIOError:
                wait(client, select.POLLIN, seconds)

    return read
