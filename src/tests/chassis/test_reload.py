"""Reloads of the production server, really run: one master process replaces another."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.chassis.serving import Served


@contextmanager
def serving(package: Path, config: str = "", **options: object) -> Iterator[Served]:
    service = Served(package, config, **options)  # type: ignore[arg-type]
    try:
        yield service
    finally:
        service.stop()


def reload(service: Served) -> None:
    """Reload, and wait until the first master process has ended and another one is ready."""
    first = service.process.pid
    os.kill(first, signal.SIGUSR2)
    assert service.process.wait(timeout=60) == 0, service.stderr.read_text()
    service.wait_for(lambda: service.get("/health/ready")[0] == 200, alive=False)
    assert service.state()["pid"] != first


@pytest.mark.parametrize("activated", [True, False], ids=["systemd's socket", "own socket"])
def test_reload_with_many_workers_stops_the_predecessor_once(package: Path, activated: bool) -> None:
    with serving(package, workers=16, activated=activated) as service:
        reload(service)
        assert service.command("running").returncode == 0
        # A worker is replaced without another signal.
        assert service.get("/") == (200, "here")
        log = service.stderr.read_text()
        assert log.count("Handling signal: term") == 1, log
        assert "failed to boot" not in log and "Exception" not in log, log


def test_reload_reports_no_draining(package: Path) -> None:
    with serving(package, "drain = 30s\n", activated=True) as service:
        first, statuses = service.process.pid, []
        os.kill(first, signal.SIGUSR2)
        while service.process.poll() is None:
            statuses.append(service.get("/health/ready")[0])
        assert set(statuses) == {200}


def test_counters_continue_over_a_reload(package: Path) -> None:
    with serving(package, activated=True) as service:
        for _ in range(20):
            service.get("/")
        reload(service)
        for _ in range(20):
            service.get("/")
        service.wait_for(lambda: service.counted() == 40, alive=False)
        assert len(list((service.run_directory / "metrics").iterdir())) == 1


@pytest.mark.parametrize(
    "fault",
    [
        "raise RuntimeError('new version')",
        "import os; os.register_at_fork(after_in_child=lambda: os._exit(3))",
    ],
    ids=["in the master process", "in a worker"],
)
def test_reload_that_fails_keeps_state_and_metrics_of_what_runs(package: Path, fault: str) -> None:
    with serving(package, activated=True) as service:
        for _ in range(20):
            service.get("/")
        before, workers, files = service.state(), service.workers(), len(service.metrics_files())
        good = (package / "application.py").read_text()
        (package / "application.py").write_text(f"{fault}\n{good}")
        os.kill(service.process.pid, signal.SIGUSR2)
        service.wait_for(lambda: len(service.workers()) == 3)
        service.wait_for(lambda: service.workers() == workers)
        assert service.state() == before
        (package / "application.py").write_text(good)
        assert service.command("running").returncode == 0
        service.wait_for(lambda: service.counted() == 20)
        # What the failed process has counted is in a file of each type.
        assert len(service.metrics_files()) <= files + 2


def test_process_that_is_not_the_parent_is_not_stopped(package: Path) -> None:
    # As if the predecessor had ended and its process id were another's.
    with subprocess.Popen(["sleep", "infinity"]) as stranger:
        try:
            with serving(package, activated=True, GUNICORN_PID=str(stranger.pid)) as service:
                assert service.state()["pid"] == service.process.pid
                for pid in service.workers():
                    os.kill(int(pid), signal.SIGKILL)
                service.wait_for(lambda: service.get("/") == (200, "here"))
                assert stranger.poll() is None
        finally:
            stranger.kill()


def test_second_server_keeps_state_and_metrics_of_the_first(served: Served) -> None:
    for _ in range(20):
        served.get("/")
    before = served.state()
    refused = served.command("serve")
    assert refused.returncode == 1 and f"127.0.0.1:{served.port} is in use" in refused.stderr
    with socket.create_server(("127.0.0.1", 0)) as probe:
        free = probe.getsockname()[1]
    with subprocess.Popen(
        [sys.executable, served.package / "manage.py", "serve"],
        env={**served.environment, "ORDERS_SERVER_PORT": str(free)},
        stderr=subprocess.PIPE,
        text=True,
    ) as second:
        try:
            served.wait_for(lambda: served.get("/", free) == (200, "here"))
            # Another worker than the one that served it reads the count up to a second later.
            served.wait_for(lambda: 'rule="/",status="200"} 1.0' in served.get("/metrics", free)[1])
        finally:
            second.terminate()
        log = second.communicate(timeout=60)[1]
    assert second.returncode == 0 and f"Process {before['pid']} runs this service already" in log
    assert served.state() == before
    assert served.command("running").returncode == 0
    served.wait_for(lambda: served.counted() == 20)
    assert len(list((served.run_directory / "metrics").iterdir())) == 1
