"""Where the instructions of one request go: the chassis beside bare Flask, in process, counted by callgrind.

usage: python -m tests.bench.path [--quick]
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from tests.bench.environments import make_sqlite, require
from tests.bench.instructions import count_each, row
from tests.bench.peers import Peer

TARGETS = {"trivial": "/trivial", "one value": "/title/1"}

FLASK = Peer("bare Flask, Flask-SQLAlchemy", "flask_path")
DEBONAIR = Peer("Debonair, with all that is on by default", "debonair_path")


def measure(peer: Peer, scratch: Path, *, warm: int, count: int) -> list[float]:
    """Return thousands of instructions per request of each of :data:`TARGETS`.

    :param scratch: an empty directory. :param warm: how often a request is made before it is counted.
    :param count: how often it is counted.
    :raises SystemExit: when a request fails.
    """
    uri = make_sqlite(scratch / "albums.db")
    requests = [{"method": "GET", "target": target, "body": ""} for target in TARGETS.values()]
    figures, responses = count_each(peer, uri, scratch, requests, warm=warm, count=count)
    for status, text in responses:
        if status != 200:
            raise SystemExit(f"error: {peer.title} returned {status}:\n{text}")
    return figures


def print_table(*, quick: bool = False) -> None:
    """Print the instructions of bare Flask, of the chassis, and the ratio of what the chassis adds."""
    require("valgrind")
    samples = {"warm": 10, "count": 20} if quick else {"warm": 50, "count": 200}
    print(f"{'1000 instructions per request':<42}" + "".join(f"{name:>13}" for name in TARGETS))
    found = []
    for peer in (FLASK, DEBONAIR):
        with tempfile.TemporaryDirectory() as directory:
            found.append(measure(peer, Path(directory), **samples))
        print(row(peer.title, found[-1]), flush=True)
    print(row("  the chassis's own, of 100 of bare Flask", [
        (ours - theirs) / theirs * 100 for theirs, ours in zip(*found, strict=True)
    ]))  # fmt: skip


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.bench.path", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("--quick", action="store_true", help="count fewer requests")
    print_table(quick=parser.parse_args().quick)


if __name__ == "__main__":
    main()
