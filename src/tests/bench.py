"""Figures, as ratios of things measured in turn in one run: what the chassis costs, and what it saves.

usage: bench.py [--quick] [request|start|bake|deb|servers ...]

Each line is ours, theirs, and ours / theirs as the median of the pairs. Absolute figures are this
machine's; the ratios are what to compare.
"""

from __future__ import annotations

import argparse
import functools
import http.client
import os
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SAMPLE = ROOT / "build" / "example-service"

# The same server for both: only the application differs.
SERVE = """
import sys
from pathlib import Path
from debonair import config
from debonair.names import Service
from debonair.server.launch import Server, options, prepare
from debonair.rooms import sections
import logging
service = Service.of("example_service")
settings = {settings}
configuration = config.load(service, sections(), overrides=settings, environ={{}})
{body}
"""

OURS = """
from debonair.settings import LogSection
from debonair.logs import setup as logs
from example_service.application import CheckIns, create_app
configuration = config.load(service, sections((), [CheckIns]), environ={{}}, overrides=[
    *settings, "log.format=json", "database.uri=sqlite:///{scratch}/bench.db"])
metrics = prepare(configuration)
def load():
    logs.configure(configuration.settings[LogSection], service, server=True)
    app = create_app(configuration.settings)
    app.add_url_rule("/trivial", "trivial", lambda: {{"hello": "world"}})
    return app
Server(configuration, load, metrics).run()
"""

BARE = """
def load():
    from flask import Flask
    app = Flask("bare")
    app.add_url_rule("/trivial", "trivial", lambda: {"hello": "world"})
    return app
class Bare(Server):
    def load_config(self):
        for key, value in options(configuration).items():
            self.cfg.set(key, value)
Bare(configuration, load, prepare(configuration)).run()
"""

BARE_START = """
import sys
import gunicorn.app.base
from flask import Flask
from flask_sqlalchemy import SQLAlchemy
class Bare(gunicorn.app.base.BaseApplication):
    def load_config(self):
        for key, value in {"bind": ["127.0.0.1:%(port)d"], "workers": 2, "threads": 4,
                           "worker_class": "gthread", "preload_app": True,
                           "control_socket_disable": True}.items():
            self.cfg.set(key, value)
    def load(self):
        app = Flask("bare")
        app.config["SQLALCHEMY_DATABASE_URI"] = "sqlite:///%(scratch)s/bare.db"
        SQLAlchemy(app)
        app.add_url_rule("/trivial", "trivial", lambda: {"hello": "world"})
        return app
Bare().run()
"""


@functools.cache
def installed() -> Path:
    """Return the bin/ of a virtual environment with what a package holds: nothing that tests or lints."""
    directory = ROOT / "build" / "bench"
    seconds([sys.executable, "-m", "venv", "--clear", str(directory)])
    install = [str(directory / "bin" / "pip"), "install", "--quiet"]
    seconds([*install, "--require-hashes", "--use-pep517", "-r", "requirements.txt"], cwd=SAMPLE)
    seconds([*install, "--no-deps", "--editable", str(SAMPLE)])
    return directory / "bin"


def python() -> str:
    """Return the interpreter of that environment."""
    return str(installed() / "python")


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


def bench_request(scratch: Path, quick: bool) -> None:
    """Compare throughput of, and instructions for, the trivial endpoint."""
    bodies = {"ours": OURS.format(scratch=scratch), "bare": BARE}
    if shutil.which("wrk"):
        # Both stand all the while and are asked in turn, for what else the machine does comes and goes.
        ports = {name: free_port() for name in bodies}
        with running(program(bodies["ours"], ports["ours"]), ports["ours"], "/trivial"), \
             running(program(bodies["bare"], ports["bare"]), ports["bare"], "/trivial"):  # fmt: skip

            def throughput(name: str) -> float:
                rate, _, failed = wrk(f"http://127.0.0.1:{ports[name]}/trivial", 16, False, 1)
                if failed:
                    raise SystemExit(f"error: wrk had requests that failed, of {name}")
                return rate

            pairs("trivial endpoint / bare Flask, same gunicorn", "req/s",
                  lambda: throughput("ours"), lambda: throughput("bare"), 3 if quick else 20)  # fmt: skip
    else:
        print("throughput: left out, wrk is missing: apt-get install wrk")
    if shutil.which("valgrind"):
        count = 20 if quick else 200
        each = {name: instructions(body, count) for name, body in bodies.items()}
        pairs("instructions for one / the same", "1000s",
              lambda: each["ours"] / 1000, lambda: each["bare"] / 1000, 1)  # fmt: skip
    else:
        print("instructions: left out, valgrind is missing: apt-get install valgrind")


def program(body: str, port: int, *overrides: str) -> list[str]:
    """Return the command that serves one side of the comparison."""
    settings = [f"server.port={port}", *overrides]
    return [python(), "-c", SERVE.format(settings=settings, body=body)]


def instructions(body: str, count: int) -> float:
    """Return how many instructions a worker spends on a request: what ``count`` more of them cost it."""

    def collected(number: int) -> int:
        port = free_port()
        command = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null",
                   *program(body, port, "server.workers=1")]  # fmt: skip
        environment = {**os.environ, "PYTHONHASHSEED": "0"}
        with tempfile.TemporaryFile() as printed:
            process = subprocess.Popen(command, env=environment, stderr=printed)
            client = http.client.HTTPConnection("127.0.0.1", port, timeout=300)
            while process.poll() is None:
                with suppress(OSError):
                    client.connect()
                    break
                time.sleep(0.1)
            for _ in range(number):
                client.request("GET", "/trivial")
                client.getresponse().read()
            client.close()
            worker = children(process)[0]
            process.terminate()
            process.wait()
            printed.seek(0)
            text = printed.read().decode()
        found = re.search(rf"=={worker}== Collected : (\d+)", text)
        if not found:
            raise SystemExit(f"error: valgrind says:\n{text}")
        return int(found[1])

    return (collected(20 + count) - collected(20)) / count


def bench_start(scratch: Path, quick: bool) -> None:
    """Compare the time of --help, and of serve to the first 200, and the memory of a worker."""
    count = 2 if quick else 7
    bare_program = "import flask, flask_sqlalchemy"
    pairs(
        "manage.py --help / import of Flask and Flask-SQLAlchemy", "s",
        lambda: seconds([python(), str(SAMPLE / "src/example_service/manage.py"), "--help"]),
        lambda: seconds([python(), "-c", bare_program]), count,
    )  # fmt: skip
    pairs(
        "check-config / start of Python", "s",
        lambda: seconds([python(), str(SAMPLE / "src/example_service/manage.py"), "check-config"]),
        lambda: seconds([python(), "-c", "pass"]), count,
    )  # fmt: skip
    database = f"database.uri=sqlite:///{scratch}/start.db"
    service = str(installed() / "example-service")
    seconds([service, "--set", database, "db", "upgrade"])
    sizes: dict[str, float] = {}

    def ours() -> float:
        port = free_port()
        command = [service, "--set", database, "--set", f"server.port={port}", "serve"]
        with running(command, port, "/health/live") as (process, took):
            sizes["ours"] = memory(process, f"http://127.0.0.1:{port}/health/live")
            return took

    def theirs() -> float:
        port = free_port()
        source = BARE_START % {"port": port, "scratch": scratch}
        with running([python(), "-c", source], port, "/trivial") as (process, took):
            sizes["theirs"] = memory(process, f"http://127.0.0.1:{port}/trivial")
            return took

    pairs("serve to the first 200 / bare Flask and Flask-SQLAlchemy", "s", ours, theirs, count)
    pairs("memory of a worker / the same", "MiB", lambda: sizes["ours"], lambda: sizes["theirs"], 1)


def bench_bake(scratch: Path, quick: bool) -> None:
    """Measure how long it takes to bake a service."""
    out = scratch / "baked"
    command = [
        sys.executable,
        "-m",
        "cookiecutter",
        "--no-input",
        "--overwrite-if-exists",
        "-o",
        str(out),
        str(ROOT),
    ]
    pairs("baking a service / start of Python", "s", lambda: seconds(command),
          lambda: seconds([sys.executable, "-c", "pass"]), 1 if quick else 3)  # fmt: skip


def bench_deb(scratch: Path, quick: bool) -> None:
    """Compare our build of the deb, wheelhouse warm, with what a plain dh-virtualenv does."""
    if not shutil.which("dh_virtualenv"):
        print("deb: left out, dh-virtualenv is missing: apt-get install dh-virtualenv debhelper")
        return
    seconds(["make", "-C", str(SAMPLE), "wheelhouse"])
    version = re.search(r"\((.*)\)", (SAMPLE / "debian/changelog").read_text())[1]  # type: ignore[index]
    sizes: dict[str, tuple[float, float]] = {}

    def ours() -> float:
        took = seconds(["make", "-C", str(SAMPLE), "deb"])
        sizes["ours"] = deb_sizes(SAMPLE / "dist", version)
        return took

    def plain() -> float:
        tree = Path(tempfile.mkdtemp(dir=scratch)) / "plain"
        shutil.copytree(
            SAMPLE, tree, ignore=shutil.ignore_patterns(".venv", "dist", "instance", "wheelhouse", "debian")
        )
        debian = tree / "debian"
        debian.mkdir()
        shutil.copy(SAMPLE / "debian/changelog", debian)
        (debian / "control").write_text(
            "Source: example-service\nMaintainer: Nobody <nobody@example.org>\n"
            "Build-Depends: debhelper-compat (= 13), dh-virtualenv\n\n"
            "Package: example-service\nArchitecture: any\nDescription: plain\n"
        )
        (debian / "rules").write_text(
            "#!/usr/bin/make -f\n%:\n\tdh $@ --with python-virtualenv\n"
            "override_dh_virtualenv:\n\tdh_virtualenv --builtin-venv --python /usr/bin/python3\n"
            "override_dh_strip override_dh_shlibdeps override_dh_dwz:\n"
        )
        (debian / "rules").chmod(0o755)
        environment = {**os.environ, "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}
        took = seconds(["dpkg-buildpackage", "-b", "-us", "-uc"], cwd=tree, env=environment)
        sizes["plain"] = deb_sizes(tree.parent, version)
        return took

    pairs("make deb, wheels at hand / plain dh-virtualenv", "s", ours, plain, 1 if quick else 2)
    print(f"  the time of one: {', '.join(longest_steps(version))}")
    kinds = {"ours": "deb"}
    if os.geteuid() == 0 and shutil.which("mmdebstrap"):
        seconds(["make", "-C", str(SAMPLE), "deb", "RELEASE=bookworm"])
        sizes["release"] = deb_sizes(SAMPLE / "dist" / "bookworm", version)
        kinds["release"] = "deb of a release"
    for kind, name in kinds.items():
        for number, size in enumerate(("size", "installed size")):
            pairs(f"{size} of the {name} / the same", "MiB",
                  lambda: sizes[kind][number], lambda: sizes["plain"][number], 1)  # noqa: B023  # fmt: skip


def deb_sizes(directory: Path, version: str) -> tuple[float, float]:
    """Return the size of the package in a directory, and what it takes when it is installed, in MiB."""
    deb = next(directory.glob(f"*_{version}_*.deb"))
    command = ["dpkg-deb", "--field", str(deb), "Installed-Size"]
    installed = int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    return deb.stat().st_size / 2**20, installed / 2**10


def longest_steps(version: str) -> list[str]:
    """Build once more, and return the steps of debhelper that took longest, with their seconds."""
    log = next((SAMPLE / "dist").glob(f"*_{version}_*.build"))
    log.unlink()
    build = subprocess.Popen(["make", "-C", str(SAMPLE), "deb"], stdout=subprocess.DEVNULL)
    began: list[tuple[str, float]] = []
    while build.poll() is None:
        text = log.read_text() if log.exists() else ""
        found = re.findall(r"^   (?:debian/rules \w+?_)?(dh_\w+)", text, re.MULTILINE)
        began += [(step, time.perf_counter()) for step in found[len(began) :]]
        time.sleep(0.02)
    if build.returncode:
        raise SystemExit(f"error: the package cannot be built; see {log}")
    ended = [moment for _, moment in began[1:]] + [time.perf_counter()]
    took = {step: end - start for (step, start), end in zip(began, ended, strict=True)}
    return [f"{step} {took[step]:.1f} s" for step in sorted(took, key=lambda step: -took[step])[:5]]


WSGI = "example_service.wsgi:app"
SERVERS = {
    "gunicorn gthread": ["--set", "server.worker_class=gthread"],
    "gunicorn gthread, pin_cpus": ["--set", "server.pin_cpus=yes"],
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
    print(f"{'requests/s and p99 in ms, by connections':<42}" + "".join(f"{name:>14}" for name in names))
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
        with running(full, port, "/health/ready", environment):
            url = f"http://127.0.0.1:{port}"
            urllib.request.urlopen(
                urllib.request.Request(f"{url}/checkin/ada", method="POST"), timeout=5
            ).close()
            rows = [wrk(f"{url}/last-seen/ada", count, close, 1 if quick else 5) for count, close in loads]
        cells = [f"{rate:.0f} {slow:.1f}{' !' if failed else ''}" for rate, slow, failed in rows]
        print(f"{name:<42}" + "".join(f"{cell:>14}" for cell in cells), flush=True)


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


BENCHES = {
    "request": bench_request,
    "start": bench_start,
    "bake": bench_bake,
    "deb": bench_deb,
    "servers": bench_servers,
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
