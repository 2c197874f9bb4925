"""Processor time per request of a whole server, its processes and all their threads, under load by wrk.

The servers run side by side and are asked in turn, because the load of the machine changes over time.
"""

from __future__ import annotations

import re
import statistics
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from tests.bench.environments import environment_of, file_of, make_sqlite, python_of, require
from tests.bench.instructions import row
from tests.bench.measuring import free_port, running
from tests.bench.peers import PEERS, Peer

COLUMNS = ("page of 10", "page of 100", "one", "create")

POST = """wrk.method = "POST"
wrk.headers["Content-Type"] = "{content_type}"
wrk.body = '{body}'
"""


def command(peer: Peer, port: int) -> list[str]:
    """Return the command of the peer's usual server, with 2 workers."""
    python = python_of(peer)
    if not peer.requirements:
        return [python, str(file_of(peer)), "--set", f"server.port={port}", "serve"]
    if peer.interface == "asgi":
        return [python, "-m", "uvicorn", "--host", "127.0.0.1", "--port", str(port), "--workers", "2",
                "--no-access-log", f"{peer.module}:app"]  # fmt: skip
    return [python, "-m", "gunicorn", "--bind", f"127.0.0.1:{port}", "--worker-class", "gthread",
            "--workers", "2", "--threads", "4", "--no-control-socket", f"{peer.module}:app"]  # fmt: skip


class Served:
    """A peer's server.

    :param pid: its first process.
    """

    def __init__(self, peer: Peer, pid: int, port: int, scratch: Path) -> None:
        self.peer = peer
        self.pid = pid
        self.url = f"http://127.0.0.1:{port}"
        self._script = scratch / "post.lua"
        self._script.write_text(POST.format(content_type=peer.content_type, body=peer.body()))

    def load(
        self, target: str, seconds: int, *, connections: int = 8, post: bool = False
    ) -> tuple[int, float]:
        """Make requests for some seconds; return how many there were, and the processor seconds they took.

        :raises SystemExit: when a request fails.
        """
        arguments = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", f"{self.url}{target}"]
        arguments += ["-s", str(self._script)] if post else []
        before = processor_times(self.pid)
        output = subprocess.run(arguments, capture_output=True, text=True, check=True).stdout
        spent = processor_seconds(before, processor_times(self.pid))
        found = re.search(r"(\d+) requests in", output)
        if not found or not int(found[1]) or re.search("Non-2xx|Socket errors", output):
            raise SystemExit(f"error: {self.peer.title}, {target}: requests failed\n{output}")
        return int(found[1]), spent

    def microseconds(self, target: str, seconds: int, *, connections: int = 8, post: bool = False) -> float:
        """Return the microseconds of processor time per request."""
        count, spent = self.load(target, seconds, connections=connections, post=post)
        return spent / count * 1e6


@contextmanager
def serving(peer: Peer, uri: str, scratch: Path, *options: str) -> Iterator[Served]:
    """Run the server of a peer until the block ends.

    :param uri: that of its database. :param scratch: a directory.
    :param options: further options of Debonair, before its command.
    """
    port = free_port()
    full = command(peer, port)
    full[2:2] = options
    with running(full, port, peer.one, environment_of(peer, uri, scratch)) as (process, _):
        yield Served(peer, process.pid, port, scratch)


def tree(pid: int) -> list[int]:
    """Return the process and all that descend from it."""
    parents: dict[int, int] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            # The name of the program may hold spaces and brackets; the parent is the second field after it.
            parents[int(path.parent.name)] = int(path.read_text().rpartition(")")[2].split()[1])
    found = [pid]
    for known in found:
        found += [child for child, parent in parents.items() if parent == known]
    return found


Times = dict[tuple[int, str], int]


def processor_times(pid: int) -> Times:
    """Return how long each thread of each process of a tree has run, in nanoseconds."""
    found = {}
    for process in tree(pid):
        for path in Path(f"/proc/{process}/task").glob("*/schedstat"):
            with suppress(OSError):
                found[process, path.parent.name] = int(path.read_text().split()[0])
    return found


def processor_seconds(before: Times, after: Times) -> float:
    """Return how long the threads have run between two times, in seconds, but for those that ended."""
    return sum(value - before.get(thread, 0) for thread, value in after.items()) / 1e9


def measure(names: Sequence[str], scratch: Path, *, rounds: int, seconds: int) -> dict[str, list[float]]:
    """Return the microseconds per request of each peer in the order of :data:`COLUMNS`, as medians.

    :param scratch: an empty directory. :param seconds: the duration of one load.
    """
    measured: dict[str, list[list[float]]] = {name: [] for name in names}
    with ExitStack() as stack:
        served = {}
        for name in names:
            directory = scratch / name
            directory.mkdir()
            uri = make_sqlite(directory / "albums.db")
            served[name] = stack.enter_context(serving(PEERS[name], uri, directory))
        for number in range(rounds + 1):
            for name, server in served.items():
                peer = server.peer
                pages = [peer.page.format(size=size) for size in (10, 100)]
                figures = [server.microseconds(target, seconds) for target in (*pages, peer.one)]
                figures.append(server.microseconds(peer.collection, seconds, post=True))
                if number:  # the first round fills caches
                    measured[name].append(figures)
    return {name: [statistics.median(column) for column in zip(*found, strict=True)]
            for name, found in measured.items()}  # fmt: skip


def print_table(names: Sequence[str], scratch: Path, *, quick: bool = False) -> dict[str, list[float]]:
    """Measure the peers of these names, print a row for each, and return their figures."""
    require("wrk")
    found = measure(names, scratch, rounds=2 if quick else 5, seconds=1 if quick else 2)
    print(f"{'microseconds of processor per request':<42}" + "".join(f"{name:>13}" for name in COLUMNS))
    for name, figures in found.items():
        print(row(PEERS[name].title, figures))
    if "debonair" in found and "database_json" in found:
        pairs = zip(found["debonair"], found["database_json"], strict=True)
        print(row("  Debonair / the database's own JSON", [ours / theirs for ours, theirs in pairs]))
    sys.stdout.flush()
    return found
