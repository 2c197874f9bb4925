"""The service ``orders`` under its production server, in a process of its own, for tests of the server."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

APPLICATION = """
import os
import time
import debonair
import flask

os.register_at_fork(after_in_child=lambda: time.sleep(float(os.environ.get("SLOW_FORK", "0"))))

class Settings(debonair.Section, name="orders"):
    page_size = debonair.option(int, default=50, help="Rows per page.")

def create_app(settings):
    app = debonair.create_app(__name__, settings)

    def slow():
        open(os.environ["SLOW_BEGAN"], "w").close()
        time.sleep(1)
        return "done"

    def chunks():
        yield "a" * 70_000
        yield ""
        yield "b"

    app.add_url_rule("/slow", "slow", slow)
    app.add_url_rule("/chunks", "chunks", lambda: (chunks(), 200))
    app.add_url_rule("/large", "large", lambda: "c" * 200_000)
    app.add_url_rule("/file", "file", lambda: flask.send_file(__file__))
    app.add_url_rule("/nothing", "nothing", lambda: ("", 204))
    app.add_url_rule("/empty", "empty", lambda: "")
    app.add_url_rule("/", "root", lambda: "here")
    return app
"""

# As systemd starts a service with a socket.
ACTIVATED = 'export LISTEN_PID=$$ LISTEN_FDS=1; descriptor=$1; shift; exec "$@" 3<&"$descriptor"'


class Served:
    """The service ``orders`` under gunicorn.

    :param package: the directory of its package.
    :param config: further lines of its INI file, whose section is ``[server]``.
    :param activated: whether the listening socket is passed to it, as systemd does.
    :param code: Python code that is added to its module ``application``.
    :param environment: further environment variables.
    """

    def __init__(
        self,
        package: Path,
        config: str = "",
        *,
        workers: int = 2,
        activated: bool = False,
        code: str = "",
        **environment: str,
    ) -> None:
        listening = socket.create_server(("127.0.0.1", 0))
        self.port = listening.getsockname()[1]
        if not activated:
            listening.close()
        (package / "application.py").write_text(APPLICATION + code)
        (package / "manage.py").write_text("import debonair\n\ndebonair.Manager('orders').run()\n")
        self.file = package.parent / "config.ini"
        self.file.write_text(f"[server]\nport = {self.port}\nworkers = {workers}\n{config}")
        self.package = package
        self.run_directory = package.parents[1] / "instance" / "run"
        self.stderr = package.parent / "stderr"
        self.slow_began = package.parent / "slow-began"
        own = {
            "PYTHONPATH": str(package.parent),
            "ORDERS_CONFIG": str(self.file),
            "SLOW_BEGAN": str(self.slow_began),
        }
        self.environment = {**os.environ, **own, **environment}
        command = [sys.executable, package / "manage.py", "serve"]
        passed: tuple[int, ...] = ()
        if activated:
            passed = (listening.fileno(),)
            command = ["bash", "-c", ACTIVATED, "bash", str(listening.fileno()), *command]
        with self.stderr.open("w") as stderr:
            self.process = subprocess.Popen(
                command, env=self.environment, stderr=stderr, start_new_session=True, pass_fds=passed
            )
        listening.close()
        self.wait_for(lambda: self.get("/health/ready")[0] == 200)
        self.wait_for(lambda: len(self.workers()) == workers)

    def wait_for(self, condition: Callable[[], bool], *, alive: bool = True) -> None:
        """Wait until the condition is true; a connection that fails counts as not yet.

        :param alive: whether the process that was started must run meanwhile.
        """
        limit = time.monotonic() + 60
        while True:
            assert not alive or self.process.poll() is None, self.stderr.read_text()
            with suppress(OSError):
                if condition():
                    return
            assert time.monotonic() < limit, "it never came true"
            time.sleep(0.02)

    def get(self, path: str, port: int | None = None) -> tuple[int, str]:
        try:
            with urllib.request.urlopen(
                f"http://127.0.0.1:{port or self.port}{path}", timeout=10
            ) as response:
                return response.status, response.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def counted(self, rule: str = "/") -> float:
        """Return how many requests for a rule ``/metrics`` counts, by all workers."""
        text = self.get("/metrics")[1]
        values = re.findall(rf'^http_requests_total{{.*rule="{rule}",.*}} (.*)$', text, re.MULTILINE)
        assert len(values) <= 1, text
        return float(values[0]) if values else 0.0

    def metrics_files(self) -> list[Path]:
        return list((self.run_directory / "metrics").glob("*/*.db"))

    def command(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, self.package / "manage.py", *arguments]
        return subprocess.run(
            command, env={**self.environment, **environment}, capture_output=True, text=True, timeout=60,
            check=False,
        )  # fmt: skip

    def workers(self) -> set[str]:
        command = ["pgrep", "-P", str(self.process.pid)]
        return set(subprocess.run(command, capture_output=True, text=True, check=False).stdout.split())

    def state(self) -> dict[str, Any]:
        content: dict[str, Any] = json.loads((self.run_directory / "started").read_text())
        return content

    def stop(self) -> None:
        """Stop it, and whatever a reload has put in its place."""
        with suppress(FileNotFoundError, ProcessLookupError):
            os.kill(self.state()["pid"], signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(timeout=20)
        with suppress(ProcessLookupError):
            limit = time.monotonic() + 20
            while time.monotonic() < limit:
                os.killpg(self.process.pid, 0)
                self.process.poll()
                time.sleep(0.02)
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
