"""Figures, as ratios of things measured in turn in one run: what the chassis costs, and what it saves.

usage: python -m tests.bench [--quick] [endpoints|start|bake|deb|servers|resources|jobs ...]

Each line is ours, theirs, and ours / theirs as the median of the pairs. Absolute figures are this
machine's; the ratios are what to compare.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from pathlib import Path

from tests.bench.chassis import bench_start
from tests.bench.endpoints import bench_endpoints
from tests.bench.jobs import bench_jobs
from tests.bench.packaging import bench_bake, bench_deb
from tests.bench.resources import bench_resources
from tests.bench.servers import bench_servers

BENCHES = {
    "endpoints": bench_endpoints,
    "start": bench_start,
    "bake": bench_bake,
    "deb": bench_deb,
    "servers": bench_servers,
    "resources": bench_resources,
    "jobs": bench_jobs,
}


def main() -> None:
    """Run the benches that the command line names, or all."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="fewer and shorter runs")
    parser.add_argument("names", nargs="*", metavar="BENCH", help=", ".join(BENCHES))
    arguments = parser.parse_args()
    unknown = set(arguments.names) - set(BENCHES)
    if unknown:
        parser.error(f"there is no bench {unknown.pop()!r}; there are {', '.join(BENCHES)}")
    # Whoever runs a service lets Python keep what it compiles.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    print(f"{'ours / theirs':<58} {'ours':>9} {'theirs':>9} {'':<6} {'ratio':>6}")
    with tempfile.TemporaryDirectory() as scratch:
        for name in arguments.names or BENCHES:
            BENCHES[name](Path(scratch), arguments.quick)


if __name__ == "__main__":
    main()
