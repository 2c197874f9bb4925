"""The child process of ``runserver``: it ends with its parent, and is none in production."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator

import pytest

from tests.chassis.program import Program


def wait_for(condition: Callable[[], bool]) -> None:
    limit = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < limit, "it never came true"
        time.sleep(0.02)


@pytest.fixture
def runserver(command: Program) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """The process of ``runserver`` and the port at which its child process serves."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = int(probe.getsockname()[1])
    process = subprocess.Popen(
        # A shell that runs the tests in the background ignores SIGQUIT, which is inherited.
        [
            "env",
            "--default-signal",
            sys.executable,
            command.package / "manage.py",
            "runserver",
            "-p",
            str(port),
        ],
        env={**os.environ, "PYTHONPATH": str(command.package.parent)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    yield process, port
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def child_of(pid: int) -> str:
    return subprocess.run(["pgrep", "-P", str(pid)], capture_output=True, text=True, check=False).stdout


def serves(port: int) -> bool:
    with socket.socket() as client:
        client.settimeout(5)
        try:
            client.connect(("127.0.0.1", port))
            client.sendall(b"GET /health/live HTTP/1.0\r\n\r\n")
            return client.recv(100).startswith(b"HTTP/")
        except OSError:
            return False


@pytest.mark.parametrize("name", ["SIGTERM", "SIGQUIT", "SIGHUP", "SIGUSR1", "SIGUSR2", "SIGKILL"])
def test_child_process_ends_with_its_parent(
    runserver: tuple[subprocess.Popen[bytes], int], name: str
) -> None:
    process, port = runserver
    wait_for(lambda: bool(child_of(process.pid)) and serves(port))
    child = int(child_of(process.pid))
    process.send_signal(signal.Signals[name])
    process.wait(timeout=60)

    def ended() -> bool:
        try:
            os.kill(child, 0)
        except ProcessLookupError:
            return True
        with open(f"/proc/{child}/stat") as stat:  # nobody may collect an orphan in a container
            return stat.read().rpartition(")")[2].split()[0] == "Z"

    wait_for(ended)
    assert not serves(port)


def test_variables_of_the_reloader_do_not_pass_the_guard_of_production(command: Program) -> None:
    line = command.refused(
        "-s", "service.environment=production", "runserver",
        WERKZEUG_RUN_MAIN="true", WERKZEUG_SERVER_FD="3",
        RUNSERVER_ADDRESS="127.0.0.1:5000", RUNSERVER_PARENT=str(os.getpid()),
    )  # fmt: skip
    assert "runserver is for development" in line


def test_variables_of_another_reloader_are_ignored(command: Program) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        line = command.refused(
            "runserver", "-p", str(taken.getsockname()[1]),
            WERKZEUG_RUN_MAIN="true", WERKZEUG_SERVER_FD="x", RUNSERVER_ADDRESS="127.0.0.1:x",
        )  # fmt: skip
    assert "is in use" in line
