"""How the cost of a page grows: with its rows, with the rows of the table, and with the connections."""

from __future__ import annotations

import json
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from tests.bench.cpu import Served, processor_seconds, processor_times, serving
from tests.bench.environments import make_sqlite, statements
from tests.bench.instructions import count_each
from tests.bench.peers import PEERS
from tests.faults import postgresql

OURS = PEERS["debonair"]

AT_THE_END = 1.2
"""How much a keyset page at the end of a table may cost, in costs of the first page: the goal."""

KEYSET = OURS.page + "&count=none&after="


def get(target: str) -> dict[str, Any]:
    """Return the request that counts for a path."""
    return {"method": "GET", "target": target, "body": ""}


def print_rows(scratch: Path, *, quick: bool) -> None:
    """Print the instructions of pages of 10 to 1,000 rows, ours and those of the database's own JSON."""
    sizes = (10, 100, 1000) if quick else (10, 30, 100, 300, 1000)
    print(f"{'1000 instructions, by rows of the page':<42}" + "".join(f"{size:>13,}" for size in sizes))
    uri = make_sqlite(scratch / "rows.db")
    for name in ("debonair", "database_json"):
        peer = PEERS[name]
        requests = [get(peer.page.format(size=size)) for size in sizes]
        figures, _ = count_each(peer, uri, scratch, requests, warm=5, count=10)
        print(f"{peer.title:<42}" + "".join(f"{figure:>13,.0f}" for figure in figures), flush=True)


def last_token(server: Served, rows: int) -> str:
    """Return the token after which keyset paging finds the last ten of the rows of the table."""
    token, remaining = "", rows - 10
    while remaining:
        target = KEYSET.format(size=min(remaining, 1000)) + urllib.parse.quote(token, safe="")
        with urllib.request.urlopen(f"{server.url}{target}", timeout=60) as response:
            page = json.load(response)
        token = page["after"]
        remaining -= len(page["objects"])
    return token


def pages(token: str) -> dict[str, str]:
    """Return the pages of 10 rows that are compared, by what they are."""
    first = KEYSET.format(size=10)
    return {
        "first, keyset": first,
        "last, keyset": first + urllib.parse.quote(token, safe=""),
        "first, no count": OURS.page.format(size=10) + "&count=none",
        "first, exact count": OURS.page.format(size=10),
    }


def print_tables(scratch: Path, *, quick: bool) -> None:
    """Print the cost of a page of tables of 1,000 to 1,000,000 rows."""
    sizes = (1_000, 100_000) if quick else (1_000, 10_000, 100_000, 1_000_000)
    title = "SQLite: 1000 instructions, page of 10 of"

    def on_sqlite(rows: int) -> list[float]:
        uri = make_sqlite(scratch / f"{rows}.db", rows, max(1, rows // 10))
        with serving(OURS, uri, scratch) as server:
            token = last_token(server, rows)
        requests = [get(target) for target in pages(token).values()]
        return count_each(OURS, uri, scratch, requests, warm=5, count=5 if rows > 100_000 else 20)[0]

    _print_table(title, sizes, on_sqlite)
    if (reason := postgresql.why_not()) is not None:
        print(f"PostgreSQL: left out, {reason}")
        return
    with cluster() as server:

        def on_postgresql(rows: int) -> list[float]:
            uri = make_postgresql(server, rows)
            with serving(OURS, uri, scratch) as served:
                targets = pages(last_token(served, rows)).values()
                return [_together(server, served, target) for target in targets]

        _print_table("PostgreSQL: microseconds, with the server's", sizes, on_postgresql)


def _print_table(title: str, sizes: tuple[int, ...], measure: Callable[[int], list[float]]) -> None:
    print(f"{title:<44}" + "".join(f"{name:>20}" for name in pages("")) + f"{'last / first':>14}")
    for size in sizes:
        figures = measure(size)
        ratio = figures[1] / figures[0]
        cells = "".join(f"{figure:>20,.0f}" for figure in figures)
        print(f"{f'{size:,} rows':<44}{cells}{ratio:>14.2f}  (goal {AT_THE_END})", flush=True)


def _together(cluster: postgresql.Cluster, served: Served, target: str) -> float:
    """Return the microseconds per request of the service and of the database's server."""
    before = processor_times(cluster.pid)
    count, spent = served.load(target, 2)
    return (spent + processor_seconds(before, processor_times(cluster.pid))) / count * 1e6


@contextmanager
def cluster() -> Iterator[postgresql.Cluster]:
    """Run a server of PostgreSQL until the block ends."""
    made = postgresql.Cluster()
    try:
        made.start()
        yield made
    finally:
        made.remove()


def make_postgresql(server: postgresql.Cluster, albums: int = 1000) -> str:
    """Make a database of PostgreSQL and return its URI."""
    name = server.create()
    with closing(server.connect(name)) as connection:
        for statement in statements(True, albums, max(1, albums // 10)):
            connection.execute(statement)
    return server.options(name)["database_uri"].replace("tests@", f"tests:{postgresql.PASSWORD}@")


def print_connections(scratch: Path, *, quick: bool) -> None:
    """Print requests per second, and microseconds of processor per request, with 1 to 8 connections."""
    counts = (1, 8) if quick else (1, 2, 4, 8)
    seconds = 1 if quick else 5
    print(f"{'page of 10: requests/s, microseconds, by connections':<54}"
          + "".join(f"{count:>16}" for count in counts))  # fmt: skip

    def show(title: str, uri: str) -> None:
        with serving(OURS, uri, scratch) as server:
            cells = []
            for count in counts:
                made, spent = server.load(OURS.page.format(size=10), seconds, connections=count)
                cells.append(f"{made / seconds:,.0f} {spent / made * 1e6:,.0f}")
        print(f"{title:<54}" + "".join(f"{cell:>16}" for cell in cells), flush=True)

    show("SQLite", make_sqlite(scratch / "connections.db"))
    if postgresql.why_not() is None:
        with cluster() as server:
            show("PostgreSQL, without the time of its server", make_postgresql(server))
