"""The worker of the baked sample service with jobs, in a checkout of its own that a test may damage."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import textwrap
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

from tests.faults.sample import COMMAND, Sample, children, wait_for

JOBS = '''
"""Jobs of the tests: each leaves a line in a ledger, which no transaction takes back."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import debonair
from debonair import db
from sqlalchemy.orm import Mapped, mapped_column

LEDGER = Path(os.environ["LEDGER"])


class Effect(db.Model):
    __tablename__ = "effect"

    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str]


def note(text: str) -> None:
    with LEDGER.open("a") as file:
        file.write(text + "\\n")


@debonair.job
def effect(key: str) -> None:
    note(key)
    db.session.add(Effect(key=key))


@debonair.job
def nothing() -> None:
    pass


@debonair.job(retries=1, backoff="10ms")
def fail() -> None:
    note("fail")
    raise RuntimeError("it fails")


@debonair.job
def sleep(key: str, seconds: float) -> None:
    note(f"begin {key}")
    time.sleep(seconds)
    note(f"end {key}")
    db.session.add(Effect(key=key))


@debonair.job
def wait_for_file(key: str, path: str) -> None:
    note(f"begin {key}")
    while not Path(path).exists():
        time.sleep(0.01)
    db.session.add(Effect(key=key))


@debonair.job
def kill() -> None:
    note("kill")
    os.kill(os.getpid(), signal.SIGKILL)


@debonair.job(timeout="300ms", retries=0)
def loop() -> None:
    while True:
        pass


@debonair.job(timeout="300ms", retries=0)
def stuck() -> None:
    time.sleep(600)
'''


class SampleWorker(Sample):
    """The sample service with the jobs above; only its worker is started.

    :param source: further jobs.
    """

    def __init__(self, directory: Path, database: Path | None, *, source: str = "", **options: Any) -> None:
        super().__init__(directory, database=database, **{"database_timeout": "30s", **options})
        self.ledger = directory / "ledger"
        self.ledger.touch()
        self.environment["LEDGER"] = str(self.ledger)
        package = self.checkout / "src" / "example_service"
        (package / "jobs.py").write_text(JOBS + source)
        self.masters: list[subprocess.Popen[bytes]] = []

    def migrate(self) -> None:
        """Create the tables of jobs, and that of the tests."""
        self.run("db", "upgrade")
        self.python(
            """
            from example_service import jobs
            jobs.Effect.__table__.create(db.engine, checkfirst=True)
            """
        )

    def run(self, *arguments: str) -> str:
        """Run a command of the service and return what it prints."""
        process = self.command(*arguments)
        output: str = process.communicate()[0]
        assert process.returncode == 0, output
        return output

    def python(self, source: str) -> str:
        """Run code in the context of the application; return what it prints."""
        prelude = (
            "import debonair\nfrom debonair import db\n"
            "app = debonair.load_app('example_service')\napp.app_context().push()\n"
        )
        environment = {**self.environment, "EXAMPLE_SERVICE_LOG_FILE": ""}
        completed = subprocess.run(
            [COMMAND.parent / "python", "-c", prelude + textwrap.dedent(source)],
            env=environment, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert completed.returncode == 0, completed.stderr
        return completed.stdout

    def enqueue(self, *calls: str) -> None:
        """Enqueue calls such as ``effect.enqueue("a")``, in one transaction."""
        lines = [f"jobs.{call}" for call in calls]
        self.python("\n".join(["from example_service import jobs", *lines, "db.session.commit()"]))

    def work(self) -> subprocess.Popen[bytes]:
        """Start a worker, and return its master process when it reports that it is ready."""
        with self.stderr.open("ab") as stderr:
            master = subprocess.Popen(
                [COMMAND, "worker"], env=self.environment, stderr=stderr, start_new_session=True
            )
        self.masters.append(master)

        def ready() -> bool:
            assert master.poll() is None, self.stderr.read_text()
            return bool(children(master.pid)) and self.ask_worker("/health/ready")[0] == 200

        wait_for(ready, "the worker is ready")
        return master

    def ask_worker(self, path: str) -> tuple[int, str]:
        """Return the status and the body of a response of the worker that was started last."""
        address = self.environment.get("EXAMPLE_SERVICE_JOBS_LISTEN")
        if address is None:
            state = json.loads((self.state / "run" / "worker" / "started").read_text())
            [address] = state["addresses"]
        with closing(http.client.HTTPConnection("127.0.0.1", timeout=30)) as connection:
            if address.startswith("/"):
                connection.sock = socket.socket(socket.AF_UNIX)
                connection.sock.connect(address)
            else:
                connection.port = int(address.rpartition(":")[2])
            connection.request("GET", path)
            response = connection.getresponse()
            return response.status, response.read().decode()

    def listen_elsewhere(self) -> None:
        """Let the next worker listen on a port of its own."""
        with socket.create_server(("127.0.0.1", 0)) as probe:
            self.environment["EXAMPLE_SERVICE_JOBS_LISTEN"] = f"127.0.0.1:{probe.getsockname()[1]}"

    def stop(self) -> None:
        """Stop all workers."""
        for master in self.masters:
            if master.poll() is None:
                master.send_signal(signal.SIGTERM)
            try:
                master.wait(20)
            except subprocess.TimeoutExpired:
                with suppress(ProcessLookupError):
                    os.killpg(master.pid, signal.SIGKILL)
                master.wait()
            with suppress(ProcessLookupError):
                os.killpg(master.pid, signal.SIGKILL)

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        """Return the rows of a query of the SQLite database."""
        with closing(sqlite3.connect(self.database, timeout=30)) as connection:
            return connection.execute(sql).fetchall()

    def states(self) -> dict[str, int]:
        """Return the number of jobs by state."""
        return dict(self.query("SELECT state, count(*) FROM debonair_job GROUP BY state"))

    def wait_until(self, **states: int) -> None:
        """Wait until the jobs have these states, and no other one."""
        try:
            wait_for(lambda: self.states() == states, f"the jobs are {states}")
        except AssertionError:
            print(self.states(), self.stderr.read_text()[-3000:], file=sys.stderr)
            raise

    def effects(self) -> list[str]:
        """Return the keys of the effects in the database, in their order."""
        return [row[0] for row in self.query("SELECT key FROM effect ORDER BY id")]

    def executions(self) -> list[str]:
        """Return the lines of the ledger."""
        return self.ledger.read_text().splitlines()
