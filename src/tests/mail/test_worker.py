"""Mail sent by a worker in a process of its own, which is killed at the worst moment."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from flask import Flask

import debonair
from tests.mail.conftest import states
from tests.mail.smtp_server import free_port, smtp_server


@contextmanager
def worker(service: Path, database: Path, **mail: Any) -> Iterator[subprocess.Popen[bytes]]:
    """Run the worker of the service."""
    (service / "manage.py").write_text("import debonair\n\ndebonair.Manager('orders').run()\n")
    values = {"database.uri": f"sqlite:///{database}", "jobs.lease": "3s"}
    values |= {f"mail.{name}": value for name, value in mail.items()}
    options = [text for key, value in values.items() for text in ("--set", f"{key}={value}")]
    with (database.parent / "worker.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, service / "manage.py", *options, "worker"],
            env={**os.environ, "PYTHONPATH": str(service.parent)}, stderr=log, start_new_session=True,
        )  # fmt: skip
    try:
        yield process
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            process.wait(timeout=20)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def wait_for(condition: Callable[[], bool], log: Path) -> None:
    limit = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < limit, log.read_text()
        time.sleep(0.05)


def enqueue(app: Flask) -> None:
    with app.app_context():
        message = debonair.render_email("receipt", to="ann@example.org", name="Ann", number=7, price="5 €")
        debonair.send_mail(message)
        debonair.db.session.commit()


def test_worker_killed_between_acceptance_and_commit_sends_the_same_message_again(
    make_orders: Callable[..., Flask], service: Path, tmp_path: Path
) -> None:
    app, database, log = make_orders(), tmp_path / "orders.db", tmp_path / "worker.log"
    with smtp_server() as server, worker(service, database, **server.settings) as master:

        def kill() -> None:
            if len(server.handler.accepted) == 1:
                found = subprocess.run(["pgrep", "-P", str(master.pid)], capture_output=True, check=True)
                for process in found.stdout.split():
                    os.kill(int(process), signal.SIGKILL)

        server.handler.on_accepted = kill
        enqueue(app)
        wait_for(lambda: states(app) == ["done"], log)
        ids = [str(accepted.message["Message-ID"]) for accepted in server.handler.accepted]
    assert len(ids) == 2
    assert len(set(ids)) == 1


def test_mail_of_a_time_without_a_server_is_sent_when_it_is_back(
    make_orders: Callable[..., Flask], service: Path, tmp_path: Path
) -> None:
    app, database, log = make_orders(), tmp_path / "orders.db", tmp_path / "worker.log"
    port = free_port()
    with worker(service, database, host="localhost", port=port, tls="none"):
        enqueue(app)
        wait_for(lambda: states(app) == ["waiting"], log)
        with smtp_server(port=port) as server:
            retry = [sys.executable, service / "manage.py", "--set", f"database.uri=sqlite:///{database}"]
            subprocess.run(
                [*retry, "jobs", "retry", "--all"], check=True, stdout=subprocess.DEVNULL,
                env={**os.environ, "PYTHONPATH": str(service.parent)},
            )  # fmt: skip
            wait_for(lambda: states(app) == ["done"], log)
            assert len(server.handler.accepted) == 1
