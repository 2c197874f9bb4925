"""The chassis beside bare Flask: requests, instructions, start and memory."""

from __future__ import annotations

import functools
import http.client
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

from tests.bench.measuring import SAMPLE, children, free_port, memory, pairs, running, seconds, wrk
from tests.support import ROOT

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
