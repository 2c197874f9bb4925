"""A TCP proxy that a test can cut: connections stay open, and nothing passes, as in a partition."""

from __future__ import annotations

import select
import socket
import threading
from contextlib import suppress


class Proxy:
    """Forwards connections of a port of its own to another one of the loopback."""

    def __init__(self, target: int) -> None:
        self._target = target
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self._passes = threading.Event()
        self._passes.set()
        self._pairs: dict[socket.socket, socket.socket] = {}
        self._lock = threading.Lock()
        threading.Thread(target=self._accept, daemon=True).start()
        threading.Thread(target=self._forward, daemon=True).start()

    def cut(self) -> None:
        """Let nothing pass any more, and accept no connection."""
        self._passes.clear()

    def heal(self) -> None:
        """Let everything pass again, also what was sent meanwhile."""
        self._passes.set()

    def close(self) -> None:
        self._listener.close()
        self._passes.set()
        with self._lock:
            for end in self._pairs:
                end.close()
            self._pairs.clear()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                self._passes.wait()
                try:
                    far = socket.create_connection(("127.0.0.1", self._target))
                except OSError:
                    near.close()
                    continue
                with self._lock:
                    self._pairs |= {near: far, far: near}

    def _forward(self) -> None:
        while self._listener.fileno() >= 0:
            with self._lock:
                ends = [end for end in self._pairs if end.fileno() >= 0]
            self._passes.wait()
            with suppress(OSError, ValueError):
                for end in select.select(ends, [], [], 0.05)[0]:
                    if self._passes.is_set():
                        self._pass_on(end)

    def _pass_on(self, end: socket.socket) -> None:
        other = self._pairs.get(end)
        if other is None:  # it was closed with its other end
            return
        try:
            data = end.recv(65536)
            if data:
                other.sendall(data)
                return
        except OSError:
            pass
        with self._lock:
            for each in (end, other):
                self._pairs.pop(each, None)
                each.close()
