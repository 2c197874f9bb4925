"""The production server, really run: it serves, records its state, and stops without losing a request."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import threading
from contextlib import closing
from pathlib import Path

import pytest

from tests.chassis.serving import Served


def test_running_service_is_ready_and_records_its_state(served: Served) -> None:
    assert served.get("/") == (200, "here")
    assert served.command("running").returncode == 0
    health = served.command("health")
    assert health.returncode == 0 and json.loads(health.stdout)["status"] == "ready"
    assert served.state()["pid"] == served.process.pid
    assert served.state()["addresses"] == [f"127.0.0.1:{served.port}"]


def test_changed_configuration_is_not_the_one_that_runs(served: Served) -> None:
    text = served.file.read_text()
    served.file.write_text(text + "# a comment changes nothing\n")
    assert served.command("running").returncode == 0
    served.file.write_text(text + "threads = 2\n")
    ran = served.command("running")
    assert (ran.returncode, ran.stdout) == (1, "orders runs with an older configuration.\n")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signal_stops_it_and_the_state_file_is_removed(served: Served, number: signal.Signals) -> None:
    served.process.send_signal(number)
    assert served.process.wait(timeout=20) == 0
    assert served.command("running").stdout == "orders is not running.\n"


@pytest.mark.parametrize("worker_class", ["epoll", "gthread", "sync"])
def test_responses_are_complete_however_they_are_made(package: Path, worker_class: str) -> None:
    service = Served(package, f"worker_class = {worker_class}\n")
    try:
        with closing(http.client.HTTPConnection("127.0.0.1", service.port, timeout=10)) as connection:
            for method, path, body in (
                ("GET", "/chunks", b"a" * 70_000 + b"b"),
                ("GET", "/large", b"c" * 200_000),
                ("GET", "/file", (package / "application.py").read_bytes()),
                ("GET", "/nothing", b""),
                ("GET", "/empty", b""),
                ("HEAD", "/large", b""),
                ("HEAD", "/file", b""),
                ("GET", "/", b"here"),
            ):
                connection.request(method, path)
                answer = connection.getresponse()
                assert (answer.status // 100, answer.read()) == (2, body), path
    finally:
        service.stop()


def test_small_response_is_sent_by_one_call(served: Served) -> None:
    with socket.create_connection(("127.0.0.1", served.port), timeout=10) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: orders\r\n\r\n")
        assert connection.recv(65_536).endswith(b"\r\n\r\nhere")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGQUIT])
def test_worker_that_was_just_forked_receives_the_signal_too(package: Path, number: signal.Signals) -> None:
    service = Served(package, "graceful_timeout = 1h\n", SLOW_FORK="1")
    before = service.workers()
    os.kill(int(next(iter(before))), signal.SIGKILL)
    service.wait_for(lambda: bool(service.workers() - before))
    service.process.send_signal(number)
    assert service.process.wait(timeout=20) == 0


@pytest.mark.parametrize("worker_class", ["epoll", "gthread", "sync", "gevent"])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_request_in_progress_is_completed_before_the_end(
    package: Path, number: signal.Signals, worker_class: str
) -> None:
    if worker_class == "gevent":
        pytest.importorskip("gevent", reason="gevent is missing: pip install -e '.[servers]'")
    service = Served(package, f"worker_class = {worker_class}\n")
    answers: list[tuple[int, str]] = []
    asking = threading.Thread(target=lambda: answers.append(service.get("/slow")))
    asking.start()
    service.wait_for(service.slow_began.exists)
    if number == signal.SIGINT:
        os.killpg(service.process.pid, number)  # as a terminal does it
    else:
        service.process.send_signal(number)
    asking.join()
    assert answers == [(200, "done")]
    assert service.process.wait(timeout=20) == 0


def test_state_of_a_process_that_was_killed_does_not_count(served: Served) -> None:
    workers = served.workers()
    served.process.kill()
    served.process.wait()
    for worker in workers:
        os.kill(int(worker), signal.SIGKILL)
    assert served.state()["pid"] == served.process.pid
    assert served.command("running").stdout == "orders is not running.\n"


def test_worker_that_is_killed_is_replaced(served: Served) -> None:
    before = served.workers()
    os.kill(int(next(iter(before))), signal.SIGKILL)
    served.wait_for(lambda: len(served.workers()) == 2 and served.workers() != before)
    assert served.get("/") == (200, "here")


def test_pinned_workers_have_a_processor_each_also_after_a_death(package: Path) -> None:
    processors = os.sched_getaffinity(0)

    def kept() -> list[set[int]]:
        return [os.sched_getaffinity(int(worker)) for worker in service.workers()]

    service = Served(package, "pin_cpus = yes\n")
    try:
        for _ in range(2):
            service.wait_for(lambda: [len(some) for some in kept()] == [1, 1])
            assert len(set.union(*kept())) == min(2, len(processors))
            before = service.workers()
            os.kill(int(max(before, key=int)), signal.SIGKILL)
            service.wait_for(lambda: len(service.workers()) == 2 and service.workers() != before)  # noqa: B023
    finally:
        service.stop()


def test_log_file_is_json_with_gunicorns_lines_in_it(package: Path, tmp_path: Path) -> None:
    log = tmp_path / "orders.log"
    service = Served(package, f"[log]\nformat = json\nfile = {log}\n")
    service.get("/")
    service.stop()
    entries = [json.loads(line) for line in log.read_text().splitlines()]
    assert "gunicorn.error" in {entry["logger"] for entry in entries}
    access = [entry for entry in entries if entry["logger"] == "debonair.access" and entry["path"] == "/"]
    assert len(access) == 1 and access[0]["request_id"]


def test_draining_service_goes_on_serving_and_reports_that_it_is_unready(package: Path) -> None:
    service = Served(package, "drain = 2s\n")
    service.process.terminate()
    service.wait_for(lambda: service.get("/health/ready")[0] == 503)
    assert json.loads(service.get("/health/ready")[1])["status"] == "draining"
    assert service.get("/") == (200, "here")
    assert service.process.wait(timeout=20) == 0


FAILING_TEARDOWN = """

_make = create_app


def create_app(settings):
    app = _make(settings)

    @app.teardown_request
    def fail(error):
        if flask.request.path == "/health/live":
            raise RuntimeError("the teardown fails")

    return app
"""


def test_response_of_a_failed_teardown_has_each_header_once(package: Path) -> None:
    service = Served(package, code=FAILING_TEARDOWN)
    try:
        with closing(http.client.HTTPConnection("127.0.0.1", service.port, timeout=30)) as connection:
            connection.request("GET", "/health/live")
            response = connection.getresponse()
            body = response.read()
    finally:
        service.stop()
    names = [name.lower() for name, _ in response.getheaders()]
    assert response.status == 500 and json.loads(body)["status"] == 500
    assert len(names) == len(set(names)), names
