"""Exports of a million rows beside ``sqlite3 -csv`` and psql's ``\\copy`` of the same query, in turn."""

from __future__ import annotations

import os
import re
import sqlite3
import statistics
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

from tests.bench.cpu import tree
from tests.bench.environments import require
from tests.bench.growth import cluster
from tests.bench.measuring import free_port, running
from tests.faults import postgresql
from tests.support import ROOT

TABLE = """CREATE TABLE lines (id INTEGER PRIMARY KEY, name VARCHAR(80) NOT NULL, quantity INTEGER,
    price NUMERIC(10, 2), ratio DOUBLE PRECISION, created TIMESTAMP)"""
ROWS = """INSERT INTO lines SELECT i, CASE i % 5 WHEN 0 THEN 'with, a comma' WHEN 1 THEN 'say "x"'
    ELSE 'a line with number ' || i END, CASE WHEN i % 3 > 0 THEN i % 500 END, (i % 10000) / 100.0,
    i / 7.0, {moment} FROM {series}"""
ON_SQLITE = ROWS.format(
    moment="'2024-02-' || printf('%02d', i % 28 + 1) || ' 12:00:' || printf('%02d', i % 60)",
    series="(WITH RECURSIVE s(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM s WHERE i < {0}) SELECT i FROM s)",
)
ON_POSTGRESQL = ROWS.format(
    moment="timestamp '2024-02-01 12:00:00' + i % 2000000 * interval '1 second'",
    series="generate_series(1, {0}) AS i",
)
QUERY = "SELECT id, name, quantity, price, ratio, created FROM lines WHERE id > 0 ORDER BY id"
TARGET = "/lines?id__gt=0&sort=id&format="
GOAL_SPEED, GOAL_MEMORY, GOAL_FIRST = 0.6, 16, 100


def peak(pid: int) -> float:
    """Return the largest resident memory so far of the largest process of a tree, in MiB."""
    texts = [Path(f"/proc/{process}/status").read_text() for process in tree(pid)[1:]]
    return max(int(re.search(r"^VmHWM:\s+(\d+)", text, re.MULTILINE)[1]) for text in texts) / 1024  # type: ignore[index]


def fetched(url: str) -> tuple[float, float, int]:
    """Return the seconds to the first byte and to the last one, and the number of bytes."""
    form = "%{http_code} %{time_starttransfer} %{time_total} %{size_download}"
    command = ["curl", "--silent", "--globoff", "--output", os.devnull, "--write-out", form, url]
    status, first, total, size = subprocess.run(
        command, capture_output=True, text=True, check=True
    ).stdout.split()
    if status != "200":
        raise SystemExit(f"error: {url} returned {status}")
    return float(first), float(total), int(size)


def timed(command: list[str]) -> float:
    """Return the seconds that a command takes."""
    began = time.perf_counter()
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - began


def compare(title: str, uri: str, theirs: list[str], scratch: Path, rounds: int) -> None:
    """Print a row for each form of the export of a database, which is served without code.

    :param theirs: the command that writes the same rows.
    """
    port = free_port()
    command = [sys.executable, "-m", "debonair"]
    for override in (
        f"database.uri={uri}",
        f"server.port={port}",
        "server.workers=1",
        f"log.file={scratch}/exports.log",
    ):
        command += ["--set", override]
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    with running([*command, "serve"], port, "/lines?page_size=1", environment) as (process, _):
        for form in ("csv", "ndjson"):
            url = f"http://127.0.0.1:{port}{TARGET}{form}"
            fetched(f"{url}&id__lt=1000")
            before = peak(process.pid)
            measured = [(*fetched(url), timed(theirs)) for _ in range(rounds)]
            first, ours, _, other = (statistics.median(column) for column in zip(*measured, strict=True))
            speed = statistics.median(other / mine for _, mine, _, other in measured)
            cells = [f"{ours:.2f} s", f"{other:.2f} s", f"{speed:.2f} (goal {GOAL_SPEED})",
                     f"{first * 1000:.0f} ms (goal {GOAL_FIRST})",
                     f"{peak(process.pid) - before:.1f} MiB (goal {GOAL_MEMORY})"]  # fmt: skip
            print(f"{title} {form:<8}" + "".join(f"{cell:>20}" for cell in cells), flush=True)


def print_table(scratch: Path, *, quick: bool) -> None:
    """Print the speed of exports, the time to the first byte, and how much memory they take."""
    require("curl", "sqlite3", "psql")
    rows, rounds = (100_000, 3) if quick else (1_000_000, 5)
    columns = ("ours", "theirs", "speed", "first byte", "more memory")
    print(f"{f'export of {rows:,} rows':<32}" + "".join(f"{name:>20}" for name in columns))
    path = scratch / "exports.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(TABLE)
        connection.execute(ON_SQLITE.format(rows))
        connection.commit()
    theirs = ["sqlite3", "-csv", "-header", str(path), QUERY]
    compare("SQLite, sqlite3 -csv    ", f"sqlite:///{path}", theirs, scratch, rounds)
    if (reason := postgresql.why_not()) is not None:
        print(f"PostgreSQL: left out, {reason}")
        return
    with cluster() as server:
        name = server.create()
        with closing(server.connect(name)) as connection:
            for statement in (TABLE, ON_POSTGRESQL.format(rows), "ANALYZE lines"):
                connection.execute(statement)
        url = f"//tests:{postgresql.PASSWORD}@127.0.0.1:{server.port}/{name}"
        theirs = ["psql", "--quiet", f"postgresql:{url}", "-c", rf"\copy ({QUERY}) TO STDOUT CSV HEADER"]
        compare("PostgreSQL, psql \\copy  ", f"postgresql+psycopg:{url}", theirs, scratch, rounds)
