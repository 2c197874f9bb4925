"""The production server, really run: it answers, says what it runs, and ends without losing a request."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

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


class Served:
    """The service ``orders`` under gunicorn, in a process of its own."""

    def __init__(self, package: Path, config: str = "", **environment: str) -> None:
        with socket.create_server(("127.0.0.1", 0)) as probe:
            self.port = probe.getsockname()[1]
        (package / "application.py").write_text(APPLICATION)
        (package / "manage.py").write_text("import debonair\n\ndebonair.Manager('orders').run()\n")
        self.file = package.parent / "config.ini"
        self.file.write_text(f"[server]\nport = {self.port}\nworkers = 2\n{config}")
        self.package = package
        self.slow_began = package.parent / "slow-began"
        own = {
            "PYTHONPATH": str(package.parent),
            "ORDERS_CONFIG": str(self.file),
            "SLOW_BEGAN": str(self.slow_began),
        }
        self.environment = {**os.environ, **own, **environment}
        self.process = subprocess.Popen(
            [sys.executable, package / "manage.py", "serve"],
            env=self.environment,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self.wait_for(lambda: self.get("/health/ready")[0] == 200)

    def wait_for(self, condition: Callable[[], bool]) -> None:
        limit = time.monotonic() + 20
        while True:
            assert self.process.poll() is None, self.process.communicate()[1]
            try:
                if condition():
                    return
            except OSError:
                pass
            assert time.monotonic() < limit, "it never came true"
            time.sleep(0.02)

    def get(self, path: str) -> tuple[int, str]:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=10) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, self.package / "manage.py", *arguments]
        return subprocess.run(
            command, env=self.environment, capture_output=True, text=True, timeout=30, check=False
        )

    def workers(self) -> set[str]:
        command = ["pgrep", "-P", str(self.process.pid)]
        return set(subprocess.run(command, capture_output=True, text=True, check=False).stdout.split())

    def note(self) -> dict[str, Any]:
        path = self.package.parents[1] / "instance" / "run" / "started"
        content: dict[str, Any] = json.loads(path.read_text())
        return content

    def stop(self) -> None:
        self.process.terminate()
        self.process.communicate(timeout=20)


@pytest.fixture
def served(package: Path) -> Iterator[Served]:
    service = Served(package)
    yield service
    if service.process.poll() is None:
        service.stop()


def test_running_service_is_ready_and_says_what_it_runs(served: Served) -> None:
    assert served.get("/") == (200, "here")
    assert served.command("running").returncode == 0
    health = served.command("health")
    assert health.returncode == 0 and json.loads(health.stdout)["status"] == "ready"
    assert served.note()["pid"] == served.process.pid
    assert served.note()["addresses"] == [f"127.0.0.1:{served.port}"]


def test_changed_configuration_is_not_the_one_that_runs(served: Served) -> None:
    text = served.file.read_text()
    served.file.write_text(text + "# a comment changes nothing\n")
    assert served.command("running").returncode == 0
    served.file.write_text(text + "threads = 2\n")
    ran = served.command("running")
    assert (ran.returncode, ran.stdout) == (1, "orders runs with an older configuration.\n")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signal_ends_it_cleanly_and_takes_the_note_away(served: Served, number: signal.Signals) -> None:
    served.process.send_signal(number)
    assert served.process.wait(timeout=20) == 0
    assert served.command("running").stdout == "orders is not running.\n"


@pytest.mark.parametrize("worker_class", ["gthread", "sync"])
def test_answers_are_whole_however_they_are_made(package: Path, worker_class: str) -> None:
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


def test_small_answer_comes_in_one_piece(served: Served) -> None:
    with socket.create_connection(("127.0.0.1", served.port), timeout=10) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: orders\r\n\r\n")
        assert connection.recv(65_536).endswith(b"\r\n\r\nhere")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGQUIT])
def test_worker_that_was_just_forked_hears_the_signal_too(package: Path, number: signal.Signals) -> None:
    service = Served(package, "graceful_timeout = 1h\n", SLOW_FORK="1")
    before = service.workers()
    os.kill(int(next(iter(before))), signal.SIGKILL)
    service.wait_for(lambda: bool(service.workers() - before))
    service.process.send_signal(number)
    assert service.process.wait(timeout=20) == 0


@pytest.mark.parametrize("worker_class", ["gthread", "sync", "gevent"])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_request_in_flight_is_answered_before_the_end(
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


def test_note_of_a_process_that_was_killed_is_not_believed(served: Served) -> None:
    workers = served.workers()
    served.process.kill()
    served.process.wait()
    for worker in workers:
        os.kill(int(worker), signal.SIGKILL)
    assert served.note()["pid"] == served.process.pid
    assert served.command("running").stdout == "orders is not running.\n"


def test_metrics_of_all_workers_are_added_up(served: Served) -> None:
    assert {served.get("/") for _ in range(40)} == {(200, "here")}
    text = served.get("/metrics")[1]
    counted = re.findall(r'^http_requests_total{.*rule="/",.*$', text, re.MULTILINE)
    assert counted == ['http_requests_total{method="GET",rule="/",status="200"} 40.0'], text


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


def test_draining_service_answers_on_and_says_that_it_is_unready(package: Path) -> None:
    service = Served(package, "drain = 2s\n")
    service.process.terminate()
    service.wait_for(lambda: service.get("/health/ready")[0] == 503)
    assert json.loads(service.get("/health/ready")[1])["status"] == "draining"
    assert service.get("/") == (200, "here")
    assert service.process.wait(timeout=20) == 0
