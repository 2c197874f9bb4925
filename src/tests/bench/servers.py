"""Servers, each with the sample service."""

from __future__ import annotations

import os
import statistics
import sys
import urllib.request
from contextlib import ExitStack
from pathlib import Path

from tests.bench.cpu import processor_seconds, processor_times
from tests.bench.measuring import SAMPLE, free_port, running, seconds, wrk
from tests.support import ROOT

WSGI = "example_service.wsgi:app"
SERVERS = {
    "epoll": ["--set", "server.worker_class=epoll"],
    "epoll, pin_cpus": ["--set", "server.pin_cpus=yes"],
    "gunicorn gthread": ["--set", "server.worker_class=gthread"],
    "gunicorn sync": ["--set", "server.worker_class=sync"],
    "gunicorn gevent": ["--set", "server.worker_class=gevent"],
    "uWSGI": ["uwsgi", "--http", "127.0.0.1:{port}", "--http-keepalive", "--master", "--die-on-term",
              "--disable-logging", "--processes", "2", "--enable-threads", "--threads", "4",
              "--virtualenv", str(ROOT / ".venv"), "--module", WSGI],
    "granian": ["granian", "--interface", "wsgi", "--workers", "2", "--blocking-threads", "4",
                "--port", "{port}", WSGI],
    "waitress": ["waitress-serve", "--listen", "127.0.0.1:{port}", "--threads", "8", WSGI],
}  # fmt: skip


LOADS = ((8, False), (64, False), (8, True), (64, True))
"""Connections of a load, and whether each is closed after its request."""


def bench_servers(scratch: Path, quick: bool) -> None:
    """Compare servers with the same service: a read from the database, 2 workers of 4 threads each.

    All run side by side and are asked in turn. A cell has the medians of the processor time of one request,
    in microseconds, of the 99th percentile in milliseconds, and of the requests per second.
    """
    here = Path(sys.executable)
    service = [str(here), str(SAMPLE / "src/example_service/manage.py")]
    environment = {
        **os.environ,
        "PYTHONPATH": str(SAMPLE / "src"),
        "EXAMPLE_SERVICE_DATABASE_URI": f"sqlite:///{scratch}/servers.db",
        "EXAMPLE_SERVICE_LOG_FORMAT": "json",
    }
    seconds([*service, "db", "upgrade"], env=environment)
    with ExitStack() as stack:
        served: dict[str, tuple[int, str]] = {}
        for name, command in SERVERS.items():
            port = free_port()
            if command[0] == "--set":
                full = [*service, "--set", f"server.port={port}", *command, "serve"]
            elif (here.parent / command[0]).exists():
                full = [str(here.parent / command[0]), *(part.format(port=port) for part in command[1:])]
            else:
                print(f"{name:<20} left out: pip install -e '.[servers]'")
                continue
            process, _ = stack.enter_context(running(full, port, "/health/ready", environment))
            served[name] = process.pid, f"http://127.0.0.1:{port}"
        url = f"{next(iter(served.values()))[1]}/checkin/ada"
        urllib.request.urlopen(urllib.request.Request(url, method="POST"), timeout=5).close()
        found: dict[str, list[list[Figures]]] = {name: [] for name in served}
        for number in range(3 if quick else 6):
            for name, (pid, address) in served.items():
                figures = [
                    _loaded(pid, f"{address}/last-seen/ada", count, close, 1 if quick else 2)
                    for count, close in LOADS
                ]
                if number:  # the first round fills caches
                    found[name].append(figures)
    names = [f"{count}{' closed' if close else ''}" for count, close in LOADS]
    print(f"{'µs, p99, requests/s':<20}" + "".join(f"{name:>22}" for name in names))
    for name, rounds in found.items():
        cells = [[statistics.median(column) for column in zip(*load, strict=True)]
                 for load in zip(*rounds, strict=True)]  # fmt: skip
        print(f"{name:<20}" + "".join(
            f"{f'{spent:.0f}  {slow:.0f}  {rate:.0f}' + (' !' if failed else ''):>22}"
            for spent, slow, rate, failed in cells
        ), flush=True)  # fmt: skip


Figures = tuple[float, float, float, bool]
"""Processor time in microseconds, 99th percentile in milliseconds, requests per second, a failure."""


def _loaded(pid: int, url: str, connections: int, close: bool, duration: int) -> Figures:
    """Load a server and return its figures."""
    before = processor_times(pid)
    rate, slow, failed = wrk(url, connections, close, duration)
    spent = processor_seconds(before, processor_times(pid)) / (rate * duration) * 1e6
    return spent, slow, rate, failed
