"""Servers, each with the sample service."""

from __future__ import annotations

import os
import sys
import urllib.request
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


def bench_servers(scratch: Path, quick: bool) -> None:
    """Compare servers with the same service: a read from the database, 2 workers of 4 threads each."""
    here = Path(sys.executable)
    service = [str(here), str(SAMPLE / "src/example_service/manage.py")]
    loads = [(count, close) for close in (False, True) for count in (1, 8, 64)]
    names = [f"{count}{' close' if close else ''}" for count, close in loads]
    print(f"{'requests/s, p99 in ms and µs of processor':<42}" + "".join(f"{name:>20}" for name in names))
    environment = {
        **os.environ,
        "PYTHONPATH": str(SAMPLE / "src"),
        "EXAMPLE_SERVICE_DATABASE_URI": f"sqlite:///{scratch}/servers.db",
        "EXAMPLE_SERVICE_LOG_FORMAT": "json",
    }
    seconds([*service, "db", "upgrade"], env=environment)
    for name, command in SERVERS.items():
        port = free_port()
        if command[0] == "--set":
            full = [*service, "--set", f"server.port={port}", *command, "serve"]
        else:
            if not (here.parent / command[0]).exists():
                print(f"{name:<42} left out: pip install -e '.[servers]'")
                continue
            full = [str(here.parent / command[0]), *(part.format(port=port) for part in command[1:])]
        with running(full, port, "/health/ready", environment) as (process, _):
            url = f"http://127.0.0.1:{port}"
            urllib.request.urlopen(
                urllib.request.Request(f"{url}/checkin/ada", method="POST"), timeout=5
            ).close()
            cells = [
                _cell(process.pid, f"{url}/last-seen/ada", count, close, 1 if quick else 5)
                for count, close in loads
            ]
        print(f"{name:<42}" + "".join(f"{cell:>20}" for cell in cells), flush=True)


def _cell(pid: int, url: str, connections: int, close: bool, duration: int) -> str:
    """Load a server; return its rate, the 99th percentile and the processor time of one request."""
    before = processor_times(pid)
    rate, slow, failed = wrk(url, connections, close, duration)
    spent = processor_seconds(before, processor_times(pid)) / (rate * duration) * 1e6
    return f"{rate:.0f} {slow:.1f} {spent:.0f}{' !' if failed else ''}"
