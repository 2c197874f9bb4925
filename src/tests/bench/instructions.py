"""Instructions per request, in thousands, in one process and without a server, counted by callgrind.

usage: python -m tests.bench.instructions [--quick] [PEER ...]
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from tests.bench.environments import environment_of, make_sqlite, python_of, require
from tests.bench.peers import DIRECTORY, PEERS, Peer

DRIVER = DIRECTORY / "driver.py"

COLUMNS = ("page of 10", "page of 100", "one", "create", "a further row")

GOALS = (680.0, 2210.0, 490.0, 1500.0, 10.0)
"""What Debonair may spend, in the order of the columns."""


def steps(peer: Peer) -> list[dict[str, Any]]:
    """Return the requests that are measured."""
    pages = [peer.page.format(size=size) for size in (10, 100)]
    return [
        *({"method": "GET", "target": target, "body": ""} for target in (*pages, peer.one)),
        {"method": "POST", "target": peer.collection, "body": peer.body()},
    ]


def check(response: tuple[int, str], step: dict[str, Any], titles: int) -> None:
    """Check that a response has the albums, and their artists where they are asked for."""
    status, text = response
    created = step["method"] == "POST"
    wrong = status != (201 if created else 200) or text.count('"title"') != titles
    if wrong or (not created and '"name"' not in text):
        raise SystemExit(f"error: {step['method']} {step['target']} returned {status}:\n{text[:2000]}")


def count_each(
    peer: Peer, uri: str, scratch: Path, requests: list[dict[str, Any]], *, warm: int = 20, count: int = 40
) -> tuple[list[float], list[tuple[int, str]]]:
    """Return thousands of instructions for each of the requests, and their first responses.

    :param uri: that of the database. :param scratch: a directory.
    :param requests: each with ``method``, ``target`` and ``body``.
    :param warm: how often each request is made before those that count.
    :param count: how often it is counted.
    :raises SystemExit: when the application fails.
    """
    extra = {"warm": warm, "count": count, "content_type": peer.content_type}
    plan = {
        "module": peer.module,
        "interface": peer.interface,
        "steps": [{**request, **extra} for request in requests],
    }
    metrics = scratch / "metrics"
    metrics.mkdir(exist_ok=True)
    environment = environment_of(peer, uri, scratch) | {"PROMETHEUS_MULTIPROC_DIR": str(metrics)}
    with tempfile.TemporaryDirectory(dir=scratch) as directory:
        profile = Path(directory) / "callgrind"
        ran = subprocess.run(
            ["valgrind", "--tool=callgrind", "--dump-before=getppid", f"--callgrind-out-file={profile}",
             python_of(peer), str(DRIVER)],
            input=json.dumps(plan), env=environment, cwd=scratch, capture_output=True, text=True, check=False,
        )  # fmt: skip
        responses = [json.loads(line) for line in ran.stdout.splitlines() if line.startswith("[")]
        if ran.returncode or len(responses) != len(requests):
            raise SystemExit(f"error: {peer.title} failed:\n{ran.stdout}{ran.stderr[-4000:]}")
        # The first of each two files is of what came before the requests that count.
        files = [profile.with_name(f"callgrind.{2 * number + 2}") for number in range(len(responses))]
        figures = [_total(file) / count / 1000 for file in files]
    return figures, [(status, text) for status, text in responses]


def measure(peer: Peer, scratch: Path, *, warm: int = 20, count: int = 40) -> list[float]:
    """Return thousands of instructions per request, in the order of :data:`COLUMNS`.

    :param scratch: an empty directory. :param warm: see :func:`count_each`. :param count: see there.
    :raises SystemExit: when a response is not the expected one.
    """
    requests = steps(peer)
    uri = make_sqlite(scratch / "albums.db")
    figures, responses = count_each(peer, uri, scratch, requests, warm=warm, count=count)
    for response, request, titles in zip(responses, requests, (10, 100, 1, 1), strict=True):
        check(response, request, titles)
    return [*figures, (figures[1] - figures[0]) / 90]


def _total(file: Path) -> int:
    found = re.search(r"^(?:totals|summary): (\d+)$", file.read_text(), re.MULTILINE)
    assert found, file
    return int(found[1])


def row(title: str, figures: list[float] | tuple[float, ...]) -> str:
    """Return a row of the table."""
    return f"{title:<42}" + "".join(f"{figure:>13,.{1 if figure < 100 else 0}f}" for figure in figures)


def print_table(names: list[str], *, quick: bool = False) -> dict[str, list[float]]:
    """Measure the peers of these names, print a row for each, and return their figures."""
    require("valgrind")
    print(f"{'1000 instructions per request':<42}" + "".join(f"{column:>13}" for column in COLUMNS))
    found = {}
    for name in names:
        with tempfile.TemporaryDirectory() as directory:
            samples = {"warm": 5, "count": 10} if quick else {}
            found[name] = measure(PEERS[name], Path(directory), **samples)
        print(row(PEERS[name].title, found[name]), flush=True)
        if name == "debonair":
            print(row("  its goals, at most", GOALS), flush=True)
    return found


def main(arguments: list[str] | None = None) -> None:
    """Measure the peers that the command line names, or all."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.bench.instructions", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("--quick", action="store_true", help="count fewer requests")
    parser.add_argument("names", nargs="*", metavar="PEER", help=", ".join(PEERS))
    parsed = parser.parse_args(arguments)
    if unknown := set(parsed.names) - set(PEERS):
        parser.error(f"there is no peer {unknown.pop()!r}; there are {', '.join(PEERS)}")
    print_table(parsed.names or list(PEERS), quick=parsed.quick)


if __name__ == "__main__":
    main(sys.argv[1:])
