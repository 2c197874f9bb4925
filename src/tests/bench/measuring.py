"""How the benchmarks measure: a server that runs, commands, pairs of figures, and wrk."""

from __future__ import annotations

import re
import socket
import statistics
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support import ROOT

SAMPLE = ROOT / "build" / "example-service"


def free_port() -> int:
    """Return a port that nothing listens on."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
    return port


@contextmanager
def running(
    command: list[str], port: int, path: str, environment: dict[str, str] | None = None
) -> Iterator[tuple[subprocess.Popen[bytes], float]]:
    """Run a server until the block ends; yields it with the seconds to its first 200."""
    began = time.perf_counter()
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        while True:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
                    if answer.status == 200:
                        break
            except OSError:
                if process.poll() is not None:
                    raise SystemExit(f"error: {command} ended with {process.returncode}") from None
                time.sleep(0.002)
        yield process, time.perf_counter() - began
    finally:
        process.terminate()
        process.wait()


def seconds(command: list[str], **options: object) -> float:
    """Return how long a command takes that must succeed."""
    began = time.perf_counter()
    ran = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False, **options)  # type: ignore[call-overload]
    if ran.returncode:
        raise SystemExit(f"error: {command} failed:\n{ran.stdout.decode()}")
    return time.perf_counter() - began


def pairs(what: str, unit: str, ours: Callable[[], float], theirs: Callable[[], float], count: int) -> None:
    """Measure the two in turn and print both medians and the median of the ratios."""
    measured = [(ours(), theirs()) for _ in range(count)]
    first, second = (statistics.median(column) for column in zip(*measured, strict=True))
    ratio = statistics.median(a / b for a, b in measured)
    print(f"{what:<58} {first:>9.2f} {second:>9.2f} {unit:<6} {ratio:>6.2f}", flush=True)


def children(process: subprocess.Popen[bytes]) -> list[str]:
    """Return the process ids of a server's workers."""
    command = ["pgrep", "-P", str(process.pid)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()


def memory(process: subprocess.Popen[bytes], url: str) -> float:
    """Return the proportional memory of the workers, in MiB each, when they have answered some requests."""
    for _ in range(100):
        urllib.request.urlopen(url, timeout=5).close()
    rollups = [Path(f"/proc/{worker}/smaps_rollup").read_text() for worker in children(process)]
    sizes = [int(re.search(r"^Pss:\s+(\d+)", text, re.MULTILINE)[1]) for text in rollups]  # type: ignore[index]
    return statistics.mean(sizes) / 1024


def wrk(url: str, connections: int, close: bool, duration: int) -> tuple[float, float, bool]:
    """Return requests per second, the 99th percentile in milliseconds, and whether any request failed."""
    command = ["wrk", "-t1", f"-c{connections}", f"-d{duration}s", "--latency", url]
    command += ["-H", "Connection: close"] if close else []
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    rate = float(re.search(r"Requests/sec:\s+([\d.]+)", output)[1])  # type: ignore[index]
    slow = re.search(r"99%\s+([\d.]+)(us|ms|s)", output)
    factor = {"us": 0.001, "ms": 1, "s": 1000}[slow[2]] if slow else 0
    failed = re.search(r"Non-2xx or 3xx responses|Socket errors", output) is not None
    return rate, float(slow[1]) * factor if slow else 0, failed
