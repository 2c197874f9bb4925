"""Load on a service, from clients as different as those of production; run as a script.

usage: python3 load.py HOST:PORT NAME

Asks until its standard input is closed, and then prints one JSON object: every request that failed,
every user whose check-in was acknowledged, and how long the requests took. A request fails when it has
no answer, or another status than 200; none is tried again. As every client does that keeps
connections, these look whether the server has closed one before they use it once more (RFC 9112,
section 9.5). Users have names that begin with NAME.
"""

from __future__ import annotations

import http.client
import itertools
import json
import select
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any

#: Seconds between two requests of one client.
PACE = 0.005
#: Longer than a service may drain; a request that takes longer is lost.
TIMEOUT = 60.0


class Client(threading.Thread):
    """One client: asks again and again, on one connection or on one for each request."""

    def __init__(
        self, address: str, name: str, ask: Iterator[tuple[str, str]], keep: bool, pause: float
    ) -> None:
        super().__init__(name=name, daemon=True)
        self._connection = http.client.HTTPConnection(address, timeout=TIMEOUT)
        self._ask = ask
        self._keep = keep
        self._pause = pause
        self.failures: list[str] = []
        self.acknowledged: list[str] = []
        self.times: list[tuple[float, float]] = []

    def run(self) -> None:
        for method, path in self._ask:
            began = time.monotonic()
            try:
                self._request(method, path)
            except (OSError, http.client.HTTPException) as error:
                self.failures.append(f"{self.name}: {method} {path}: {error!r}")
                self._connection.close()
            self.times.append((began, time.monotonic()))
            if stopping.wait(self._pause):
                break
        self._connection.close()

    def _request(self, method: str, path: str) -> None:
        idle = self._connection.sock
        if idle is not None and select.select([idle], [], [], 0)[0]:
            self._connection.close()
        self._connection.request(method, path, headers={} if self._keep else {"Connection": "close"})
        answer = self._connection.getresponse()
        body = answer.read().decode()
        if answer.status != 200:
            self.failures.append(f"{self.name}: {method} {path}: {answer.status} {body}")
        elif method == "POST":
            self.acknowledged.append(path.rpartition("/")[2])


def clients(address: str, prefix: str) -> list[Client]:
    """Return readers and writers that keep their connection and that do not, and two slow ones."""

    def writes(name: str) -> Iterator[tuple[str, str]]:
        return (("POST", f"/checkin/{prefix}-{name}-{number}") for number in itertools.count())

    reads = itertools.repeat(("GET", "/health/live"))
    seen = itertools.repeat(("GET", "/last-seen/ada"))
    made = [
        Client(address, f"{kind}-{way}{number}", writes(f"{kind}-{way}{number}") if kind == "write" else seen,
               way == "keep", PACE)
        for kind, way, number in itertools.product(("read", "write"), ("keep", "close"), (1, 2))
    ]  # fmt: skip
    # One that thinks for longer than a stopping server keeps an idle connection.
    made.append(Client(address, "thinker", reads, True, 3.0))
    made.append(Client(address, "slow", itertools.repeat(("GET", "/slow")), True, PACE))
    return made


def report(all_clients: list[Client]) -> dict[str, Any]:
    """Return what happened, of all clients together; the slow one does not count as a pause."""
    quick = [client for client in all_clients if client.name != "slow"]
    return {
        "requests": sum(len(client.times) for client in all_clients),
        "failures": [failure for client in all_clients for failure in client.failures],
        "acknowledged": [user for client in all_clients for user in client.acknowledged],
        "longest": max(end - began for client in quick for began, end in client.times),
    }


stopping = threading.Event()

if __name__ == "__main__":
    running = clients(*sys.argv[1:])
    for each in running:
        each.start()
    sys.stdin.read()
    stopping.set()
    for each in running:
        each.join()
    print(json.dumps(report(running)))
