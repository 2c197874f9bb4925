"""The chassis beside bare Flask: start and memory."""

from __future__ import annotations

import functools
import sys
from pathlib import Path

from tests.bench.measuring import SAMPLE, free_port, memory, pairs, running, seconds
from tests.support import ROOT

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
