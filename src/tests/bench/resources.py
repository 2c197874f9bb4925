"""The resources beside other frameworks: instructions, processor time, how the cost grows, exports.

usage: python -m tests.bench.resources [--quick] [instructions|cpu|growth|exports ...]

The other frameworks are installed from the package index, each into an environment of its own below
``$XDG_CACHE_HOME/debonair/bench``.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable
from pathlib import Path

from tests.bench import cpu, exports, growth, instructions
from tests.bench.environments import require
from tests.bench.peers import PEERS

TABLES = ("instructions", "cpu", "growth", "exports")


def bench_resources(scratch: Path, quick: bool, parts: list[str] | None = None) -> None:
    """Print the tables. :param parts: the names of those to print; all by default."""
    require("valgrind", "wrk")
    tables: dict[str, Callable[[Path], object]] = {
        "instructions": lambda directory: instructions.print_table(list(PEERS), quick=quick),
        "cpu": lambda directory: cpu.print_table(list(PEERS), directory, quick=quick),
        "growth": lambda directory: _print_growth(directory, quick),
        "exports": lambda directory: exports.print_table(directory, quick=quick),
    }
    for name in parts or tables:
        with tempfile.TemporaryDirectory(dir=scratch) as directory:
            tables[name](Path(directory))


def _print_growth(directory: Path, quick: bool) -> None:
    for table in (growth.print_rows, growth.print_tables, growth.print_connections):
        table(directory, quick=quick)


def main() -> None:
    """Print the tables that the command line names, or all."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.bench.resources", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("--quick", action="store_true", help="fewer and shorter runs")
    parser.add_argument("parts", nargs="*", metavar="TABLE", help=f"{', '.join(TABLES)}: the tables to print")
    arguments = parser.parse_args()
    if unknown := set(arguments.parts) - set(TABLES):
        parser.error(f"there is no table {unknown.pop()!r}; there are {', '.join(TABLES)}")
    with tempfile.TemporaryDirectory() as scratch:
        bench_resources(Path(scratch), arguments.quick, arguments.parts)


if __name__ == "__main__":
    main()
