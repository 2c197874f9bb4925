"""A trivial endpoint and a read of one value from SQLite: the sample service beside bare Flask and others.

All servers run side by side with two workers and are asked in turn. Processor time is that of all processes
of a server; the reference of the ratios is bare Flask on gunicorn with threads, without an access log.
"""

from __future__ import annotations

import json
import re
import sqlite3
import statistics
import subprocess
from collections.abc import Iterable
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass
from pathlib import Path

from tests.bench.chassis import installed
from tests.bench.cpu import Served, tree
from tests.bench.environments import environment_of, file_of, python_of, require
from tests.bench.measuring import free_port, running, seconds, wrk
from tests.bench.peers import Peer

_GUNICORN = "gunicorn==27.0.1"
_SQLALCHEMY = "SQLAlchemy==2.1.9"
FLASK = Peer(
    "bare Flask, Flask-SQLAlchemy", "requests_flask",
    ("Flask==3.1.3", "Werkzeug==3.1.9", "Flask-SQLAlchemy==3.1.1", _SQLALCHEMY, _GUNICORN,
     "granian==2.8.7", "pyuwsgi==2.0.30.post1"),
)  # fmt: skip
FASTAPI = Peer(
    "FastAPI, SQLAlchemy", "requests_fastapi", ("fastapi==0.165.0", _SQLALCHEMY, "uvicorn[standard]==0.54.0")
)
DJANGO = Peer("Django", "requests_django", ("Django==5.2.19", _GUNICORN))
SAMPLE = Peer("the sample service", "sample_service")

_COMMANDS = {
    "gunicorn": "gunicorn --bind 127.0.0.1:{port} --worker-class gthread --workers 2 --threads 4"
    " --no-control-socket {module}:app",
    "gunicorn, access log": "gunicorn --bind 127.0.0.1:{port} --worker-class gthread --workers 2 --threads 4"
    " --no-control-socket --access-logfile {scratch}/access.log {module}:app",
    "granian": "granian --interface wsgi --workers 2 --blocking-threads 4 --port {port} {module}:app",
    "uWSGI": "uwsgi --http 127.0.0.1:{port} --http-keepalive --master --die-on-term --disable-logging"
    " --processes 2 --enable-threads --threads 4 --module {module}:app",
    "uvicorn": "uvicorn --host 127.0.0.1 --port {port} --workers 2 --no-access-log {module}:app",
}
READ = "/last-seen/ada"


@dataclass(frozen=True)
class Contender:
    """An application on a server.

    :param server: a key of the commands; ``serve`` for the sample service's own command.
    :param trivial: the path of the endpoint that returns a constant.
    :param read: the path of that which reads a value, None when it is the same as another contender's.
    """

    title: str
    peer: Peer
    server: str
    trivial: str = "/trivial"
    read: str | None = READ


CONTENDERS = (
    Contender("bare Flask, gunicorn gthread", FLASK, "gunicorn"),
    Contender("  with gunicorn's access log", FLASK, "gunicorn, access log"),
    Contender("the sample service, serve", SAMPLE, "serve"),
    Contender("bare Flask, granian", FLASK, "granian"),
    Contender("bare Flask, uWSGI", FLASK, "uWSGI"),
    Contender("FastAPI async def, uvicorn", FASTAPI, "uvicorn", read=None),
    Contender("FastAPI def, uvicorn", FASTAPI, "uvicorn", trivial="/trivial-def"),
    Contender("Django, gunicorn gthread", DJANGO, "gunicorn"),
)
"""The first one is the reference."""


def prepare(contender: Contender, scratch: Path) -> dict[str, str]:
    """Make the database of a contender; return the environment of its processes."""
    path = scratch / "visits.db"
    environment = environment_of(contender.peer, f"sqlite:///{path}", scratch)
    if contender.peer is SAMPLE:
        # The chassis that the service has installed.
        environment["PYTHONPATH"] = environment["PYTHONPATH"].partition(":")[0]
        seconds([*_sample(scratch), "db", "upgrade"], env=environment)
    with closing(sqlite3.connect(path)) as connection:
        if contender.peer is not SAMPLE:
            connection.execute(
                'CREATE TABLE check_in (id INTEGER PRIMARY KEY, "user" VARCHAR(200) NOT NULL, at DATETIME)'
            )
            connection.execute('CREATE INDEX ix_check_in_user_at ON check_in ("user", at)')
        connection.execute("INSERT INTO check_in VALUES (1, 'ada', '2024-02-29 12:00:00.000000')")
        connection.commit()
    return environment


def _sample(scratch: Path, *options: str) -> list[str]:
    command = [str(installed() / "python"), str(file_of(SAMPLE))]
    overrides = (f"database.uri=sqlite:///{scratch}/visits.db", f"log.file={scratch}/service.log", *options)
    return command + [part for override in overrides for part in ("--set", override)]


def command(contender: Contender, port: int, scratch: Path) -> list[str]:
    """Return the command that serves a contender."""
    if contender.server == "serve":
        return [*_sample(scratch, f"server.port={port}"), "serve"]
    python = Path(python_of(contender.peer))
    text = _COMMANDS[contender.server].format(port=port, module=contender.peer.module, scratch=scratch)
    program, *arguments = text.split()
    if program == "uwsgi":
        arguments += ["--virtualenv", str(python.parents[1])]
    return [str(python.parent / program), *arguments]


def worker_memory(pid: int) -> float:
    """Return the proportional memory of the largest worker, in MiB."""
    sizes = [0]
    for process in tree(pid)[1:]:
        with suppress(OSError):
            text = Path(f"/proc/{process}/smaps_rollup").read_text()
            sizes += map(int, re.findall(r"^Pss:\s+(\d+)", text, re.MULTILINE))
    return max(sizes) / 1024


def measure(scratch: Path, *, rounds: int, duration: int) -> dict[str, list[float | None]]:
    """Return for each contender: microseconds of both endpoints, 99th percentile in ms, MiB of a worker."""
    found: dict[str, list[float | None]] = {}
    with ExitStack() as stack:
        servers: dict[str, tuple[Contender, Served]] = {}
        for number, contender in enumerate(CONTENDERS):
            directory = scratch / str(number)
            directory.mkdir()
            environment = prepare(contender, directory)
            port = free_port()
            full = command(contender, port, directory)
            process, _ = stack.enter_context(running(full, port, contender.trivial, environment))
            servers[contender.title] = contender, Served(contender.peer, process.pid, port, directory)
        samples: dict[str, list[list[float | None]]] = {title: [] for title in servers}
        for number in range(rounds + 1):
            for title, (contender, server) in servers.items():
                sample: list[float | None] = [
                    target and server.microseconds(target, duration)  # type: ignore[misc]
                    for target in (contender.trivial, contender.read)
                ]
                sample.append(wrk(server.url + contender.trivial, 64, False, duration)[1])
                if number:  # the first round fills caches
                    samples[title].append(sample)
        for title, (_, server) in servers.items():
            found[title] = [*map(_median, zip(*samples[title], strict=True)), worker_memory(server.pid)]
    return found


def _median(column: Iterable[float | None]) -> float | None:
    values = [value for value in column if value is not None]
    return statistics.median(values) if values else None


def print_table(scratch: Path, *, quick: bool) -> None:
    """Print the table; behind each figure is its ratio to that of the first row."""
    require("wrk")
    found = measure(scratch, rounds=2 if quick else 5, duration=1 if quick else 2)
    columns = ("trivial, µs", "one value, µs", "p99 of 64, ms", "worker, MiB")
    print(f"{'processor time of one request':<32}" + "".join(f"{name:>20}" for name in columns))
    first = next(iter(found.values()))
    for title, figures in found.items():
        cells = [
            "" if figure is None or reference is None else f"{figure:,.1f} {figure / reference:>6.2f}"
            for figure, reference in zip(figures, first, strict=True)
        ]
        print(f"{title:<32}" + "".join(f"{cell:>20}" for cell in cells), flush=True)
    _print_split(scratch, found[CONTENDERS[2].title], 500 if quick else 3000)


def _print_split(scratch: Path, served: list[float | None], count: int) -> None:
    """Print where the time of one request of the sample service goes."""
    print(f"{'where it goes, µs':<32}{'trivial':>12}{'one value':>12}")
    columns = [_split(scratch, target, total or 0.0, count)
               for target, total in zip(("/trivial", READ), served, strict=False)]  # fmt: skip
    for name in dict.fromkeys(name for column in columns for name in column):
        print(f"{name:<32}" + "".join(f"{column.get(name, 0.0):>12.1f}" for column in columns), flush=True)


def _split(scratch: Path, target: str, served: float, count: int) -> dict[str, float]:
    bare, _ = _profiled(CONTENDERS[0], target, scratch, count)
    whole, shares = _profiled(CONTENDERS[2], target, scratch, count)
    found = {
        "the server": served - whole,
        "the application": whole,
        "  bare Flask's": bare,
        "  the chassis adds": whole - bare,
        "of the application, profiled:": 0.0,
    }
    for room, share in sorted(shares.items(), key=lambda item: -item[1]):
        found[f"  {room}"] = share * whole
    return found


def _profiled(contender: Contender, target: str, scratch: Path, count: int) -> tuple[float, dict[str, float]]:
    """Return the microseconds of a request in process, and the share of each package."""
    directory = scratch / f"{contender.peer.module}{target.replace('/', '-')}"
    directory.mkdir()
    environment = prepare(contender, directory) | {"PROMETHEUS_MULTIPROC_DIR": str(directory)}
    python = str(installed() / "python") if contender.peer is SAMPLE else python_of(contender.peer)
    program = file_of(Peer("", "profiled"))
    ran = subprocess.run(
        [python, str(program), contender.peer.module, target, str(count)],
        env=environment, cwd=directory, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if ran.returncode:
        raise SystemExit(f"error: {contender.title}, {target}:\n{ran.stdout}{ran.stderr[-4000:]}")
    spent, shares = json.loads(ran.stdout.splitlines()[-1])
    return spent, shares


def bench_endpoints(scratch: Path, quick: bool) -> None:
    """Print what a request costs beside other frameworks, and where its time goes."""
    directory = scratch / "endpoints"
    directory.mkdir()
    print_table(directory, quick=quick)
