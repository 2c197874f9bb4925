"""The baked sample service under its production server, in a checkout of its own that a test may damage."""

from __future__ import annotations

import http.client
import json
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[3]
BAKED = ROOT / "build" / "example-service"
COMMAND = BAKED / ".venv" / "bin" / "example-service"

PATIENCE = 60.0
"""Seconds to wait for a condition; a machine that is busy must not fail a test."""


def wait_for(condition: Callable[[], Any], what: str, patience: float = PATIENCE) -> Any:
    """Return the first true result of the condition; a connection that fails counts as not yet."""
    limit = time.monotonic() + patience
    while True:
        with suppress(OSError, http.client.HTTPException):
            if result := condition():
                return result
        assert time.monotonic() < limit, f"this did not happen: {what}"
        time.sleep(0.02)


def children(pid: int) -> set[int]:
    """Return the processes that a process has started and that have not ended."""
    found = set()
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            state, parent = stat.read_text().rpartition(")")[2].split()[:2]
            if int(parent) == pid and state != "Z":
                found.add(int(stat.parent.name))
    return found


@dataclass(frozen=True)
class Answer:
    """The response that a client received; the names of headers are in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def problem(self) -> dict[str, Any]:
        """The problem in the body (RFC 9457)."""
        assert self.headers["content-type"] == "application/problem+json", self
        problem: dict[str, Any] = self.json
        assert problem["status"] == self.status and problem["title"], self
        assert problem["request_id"] == self.headers["x-request-id"], self
        return problem


class Sample:
    """The sample service under its production server.

    :param directory: an empty directory, for all that it reads and writes.
    :param options: ``section_key`` and value, given by environment over defaults that suit a test.
    :param database: a migrated SQLite database to begin with, unless the options name another one.
    :param libraries: a directory with further Python packages.
    """

    def __init__(
        self, directory: Path, *, database: Path | None = None, libraries: Path | None = None, **options: Any
    ) -> None:
        self.checkout = directory / "checkout"
        package = self.checkout / "src" / "example_service"
        shutil.copytree(BAKED / "src" / "example_service", package)
        self.state = self.checkout / "instance"
        self.state.mkdir(exist_ok=True)
        self.database = self.state / "example-service.db"
        if database:
            shutil.copy(database, self.database)
        self.log = directory / "log" / "service.log"
        self.stderr = directory / "stderr"
        (directory / "config.ini").touch()
        with socket.create_server(("127.0.0.1", 0)) as probe:
            self.port = int(probe.getsockname()[1])
        values = {
            "server_port": self.port,
            "server_workers": 2,
            "database_timeout": "300ms",
            "health_interval": "100ms",
            "health_deadline": "1s",
            "health_disk_free": "0B",
            "log_file": self.log,
            "log_format": "json",
            **options,
        }
        self._workers = int(values["server_workers"])
        own = {name: value for name, value in os.environ.items() if not name.startswith("EXAMPLE_SERVICE_")}
        path = [package.parent, ROOT / "src", *([libraries] if libraries else [])]
        self.environment = {
            **own,
            "PYTHONPATH": os.pathsep.join(map(str, path)),
            "EXAMPLE_SERVICE_CONFIG": str(directory / "config.ini"),
            **{f"EXAMPLE_SERVICE_{name.upper()}": str(value) for name, value in values.items()},
        }
        self.patience = PATIENCE
        """Seconds that a client waits for an answer."""
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def process(self) -> subprocess.Popen[bytes]:
        """The master process of the server."""
        assert self._process
        return self._process

    def start(self, *, ready: bool = True) -> None:
        """Serve, and return when the service reports that it is ready, or at least that it is alive."""
        with self.stderr.open("ab") as stderr:
            self._process = subprocess.Popen(
                [COMMAND, "serve"], env=self.environment, stderr=stderr, start_new_session=True
            )

        def answers() -> bool:
            assert self.process.poll() is None, self.stderr.read_text()
            return self.ask("GET", "/health/ready" if ready else "/health/live").status == 200

        wait_for(answers, "the service starts")
        wait_for(lambda: len(self.workers()) == self._workers, "all workers are there")

    def stop(self) -> None:
        """Stop it, by SIGKILL if it does not stop otherwise."""
        if self._process is None:
            return
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()

    def command(self, *arguments: str) -> subprocess.Popen[str]:
        """Begin one of its commands and return the process."""
        return subprocess.Popen(
            [COMMAND, *arguments],
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def workers(self) -> set[int]:
        return children(self.process.pid)

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        """Send a request on a connection of its own; ``_`` in the name of a header stands for ``-``."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        with closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=self.patience)) as connection:
            connection.request(method, path, body, named)
            response = connection.getresponse()
            received = response.read()
            got = {name.lower(): value for name, value in response.getheaders()}
            return Answer(response.status, got, received)

    def connect(self) -> socket.socket:
        """Return a connection, for clients that break HTTP."""
        return socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE)

    def tell(self, data: bytes) -> Answer | None:
        """Send raw bytes and return the response, or None when the connection is closed without one."""
        with self.connect() as connection:
            with suppress(ConnectionError):
                connection.sendall(data)
            response = http.client.HTTPResponse(connection)
            try:
                response.begin()
                body = response.read()
            except (ConnectionError, http.client.BadStatusLine):
                return None
            return Answer(response.status, {n.lower(): v for n, v in response.getheaders()}, body)

    def check_in(self, user: str) -> Answer:
        return self.ask("POST", f"/checkin/{user}")

    def last_seen(self, user: str) -> Answer:
        return self.ask("GET", f"/last-seen/{user}")

    def alive(self) -> bool:
        """Return whether /health/live returns 200, as it does whatever else fails."""
        return self.ask("GET", "/health/live").status == 200

    def down(self) -> dict[str, str]:
        """Return the checks that are down according to /health/ready, and why."""
        answer = self.ask("GET", "/health/ready")
        failed = {
            name: check["error"] for name, check in answer.json["checks"].items() if check["status"] == "down"
        }
        assert answer.status == (503 if failed else 200), answer
        return failed

    def becomes_unready(self, check: str) -> str:
        """Wait until every worker reports that the check is down, and return the reason."""

        def down() -> Any:
            return self.steadily(lambda: self.down().get(check))

        return str(wait_for(down, f"{check} is down", self.patience))

    def becomes_ready(self) -> None:
        """Wait until every worker reports that it is ready."""
        wait_for(lambda: self.steadily(lambda: not self.down()), "the service is ready")

    @staticmethod
    def steadily(condition: Callable[[], Any]) -> Any:
        """Return the last result of a condition that is true many times in a row: for all workers."""
        results = [condition() for _ in range(12)]
        return results[-1] if all(results) else None

    def entries(self) -> list[dict[str, Any]]:
        """Return the events of the log."""
        return [json.loads(line) for line in self.log.read_text().splitlines()] if self.log.exists() else []

    def entries_of(self, answer: Answer, logger: str = "debonair.access") -> list[dict[str, Any]]:
        """Return the events with the request id of a response; there is at least one of the logger."""
        identity = answer.headers["x-request-id"]

        def found() -> list[dict[str, Any]]:
            entries = [entry for entry in self.entries() if entry.get("request_id") == identity]
            return entries if any(entry["logger"] == logger for entry in entries) else []

        result: list[dict[str, Any]] = wait_for(found, "the request is in the log")
        return result

    def assert_unavailable(self, answer: Answer) -> None:
        """Assert that the response says to retry later, and the log why, with the same request id."""
        assert answer.status == 503 and answer.problem["title"] == "Service Unavailable", answer
        assert answer.headers["retry-after"] == "5"
        assert not any(word in answer.body for word in (b"sqlite", b"psycopg", b"Error")), answer
        reasons = [entry for entry in self.entries_of(answer) if entry["level"] == "ERROR"]
        assert len(reasons) == 1 and "Traceback" in reasons[0]["exc_info"], reasons

    def users(self) -> set[str]:
        """Return all whose check-in is in the SQLite database."""
        with closing(sqlite3.connect(self.database)) as connection:
            return {row[0] for row in connection.execute("SELECT user FROM check_in")}


class Writers:
    """Clients that check in new users repeatedly until they are stopped.

    :ivar acknowledged: the users whose check-in returned 200.
    :ivar refused: the statuses of the other responses; None stands for a connection that broke.
    """

    def __init__(self, sample: Sample, clients: int = 4) -> None:
        self.acknowledged: list[str] = []
        self.refused: list[int | None] = []
        self._sample = sample
        self._ended = threading.Event()
        self._threads = [threading.Thread(target=self._write, args=(number,)) for number in range(clients)]

    def _write(self, client: int) -> None:
        count = 0
        while not self._ended.is_set():
            user, count = f"writer-{client}-{count}", count + 1
            try:
                status = self._sample.check_in(user).status
            except (OSError, http.client.HTTPException):
                self.refused.append(None)
                continue
            if status == 200:
                self.acknowledged.append(user)
            else:
                self.refused.append(status)

    def wait_for_more(self, number: int = 20) -> None:
        """Wait until so many further check-ins are acknowledged."""
        wanted = len(self.acknowledged) + number
        wait_for(lambda: len(self.acknowledged) >= wanted, "check-ins are acknowledged")

    @contextmanager
    def at_work(self) -> Iterator[Writers]:
        for thread in self._threads:
            thread.start()
        try:
            yield self
        finally:
            self._ended.set()
            for thread in self._threads:
                thread.join()


Serve = Callable[..., Sample]
"""The fixture ``serve``: serves the sample with options of a test's own."""
