"""Which requests have a thread that waits for their body: at most half of the threads do."""

from __future__ import annotations

import threading
from collections import deque

from debonair.server.connection import Connection


class BodyReaders:
    """The connections whose body is read by a thread, and those that wait for one. Threads may share it.

    :param most: how many threads may wait for a body.
    """

    def __init__(self, most: int) -> None:
        self._free = most
        self._queue: deque[Connection] = deque()
        self._lock = threading.Lock()

    def enter(self, connection: Connection) -> bool:
        """Return whether the calling thread may read the body; if not, the connection is queued."""
        with self._lock:
            if connection.reads:
                return True
            if not self._free:
                self._queue.append(connection)
                return False
            self._free -= 1
            connection.reads = True
            return True

    def leave(self, connection: Connection) -> Connection | None:
        """Note that the body of a connection is not read any more; return the one that may be read now."""
        if not connection.reads:
            return None
        with self._lock:
            connection.reads = False
            if not self._queue:
                self._free += 1
                return None
            following = self._queue.popleft()
            following.reads = True
            return following

    def late(self, now: float) -> list[Connection]:
        """Remove those from the queue whose time is over, and return them."""
        with self._lock:
            late = [connection for connection in self._queue if now >= connection.deadline]
            for connection in late:
                self._queue.remove(connection)
        return late
