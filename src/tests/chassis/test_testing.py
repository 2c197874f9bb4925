"""The testing kit: what it takes back, what it breaks, and the same tests against a running instance."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
import unittest
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask, jsonify, request
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from debonair import testing
from debonair.context import request_id
from debonair.database.engine import db, reading
from debonair.testing import remote
from debonair.testing.cases import TestCase
from tests.support import serving


@pytest.fixture
def notes(app: Flask) -> Iterator[Flask]:
    """An application with a table and a route that writes to it."""
    with app.app_context():
        db.session.execute(text("CREATE TABLE note (text TEXT)"))
        db.session.commit()

    def write(note: str) -> str:
        db.session.execute(text("INSERT INTO note VALUES (:text)"), {"text": note})
        db.session.commit()
        return "kept"

    app.add_url_rule("/note/<note>", view_func=write, methods=["POST"])
    yield app
    with app.app_context():
        db.engine.dispose()


def count(app: Flask) -> int:
    with app.app_context():
        return int(db.session.execute(text("SELECT count(*) FROM note")).scalar_one())


def test_what_is_written_in_a_test_is_taken_back_commits_included(notes: Flask) -> None:
    with testing.rolled_back(notes):
        assert notes.test_client().post("/note/a").status_code == 200
        assert count(notes) == 1
    assert count(notes) == 0
    assert notes.test_client().post("/note/b").status_code == 200
    assert count(notes) == 1


def test_failed_test_is_taken_back_too(notes: Flask) -> None:
    def fail() -> None:
        with testing.rolled_back(notes):
            notes.test_client().post("/note/a")
            raise AssertionError("as a test does")

    with pytest.raises(AssertionError, match="as a test does"):
        fail()
    assert count(notes) == 0


def test_broken_database_is_broken_within_and_well_after(notes: Flask) -> None:
    for outer in (testing.rolled_back(notes), testing.fixed_request_id()):
        with outer, testing.broken_database(notes):
            testing.assert_problem(notes.test_client().post("/note/a"), 503)
        assert notes.test_client().post("/note/a").status_code == 200


def test_request_id_can_be_fixed() -> None:
    with testing.fixed_request_id("one-two-three"):
        assert request_id() == "one-two-three"
    assert request_id() is None


def test_assertion_of_a_problem_can_fail(app: Flask) -> None:
    client = app.test_client()
    assert testing.assert_problem(client.get("/nowhere"), 404, "not found")["status"] == 404
    for status, detail in ((405, None), (404, "teapot")):
        with pytest.raises(AssertionError):
            testing.assert_problem(client.get("/nowhere"), status, detail)
    with pytest.raises(AssertionError):
        testing.assert_problem(client.get("/health/live"), 200)


def test_settings_of_an_undeclared_section_are_refused(package: Path) -> None:
    with pytest.raises(TypeError, match=r"there is no section \[oders\]"):
        testing.settings_for("orders", oders={})


def test_unittest_case_has_application_client_and_clean_database(package: Path) -> None:
    class Orders(TestCase):
        package = "orders"

        def test_answer(self) -> None:
            assert self.client.get("/health/live").status_code == 200
            self.assert_problem(self.client.get("/nowhere"), 404)
            db.session.execute(text("CREATE TABLE once (n INTEGER)"))
            db.session.commit()

        test_again = test_answer

    result = unittest.TestResult()
    unittest.defaultTestLoader.loadTestsFromTestCase(Orders).run(result)
    assert (result.testsRun, result.errors, result.failures) == (2, [], [])


def test_unittest_case_asks_a_running_instance(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    class Orders(TestCase):
        package = "orders"

        def test_answer(self) -> None:
            self.assert_problem(self.client.get("/nowhere"), 404)

        def test_application(self) -> None:
            self.app.test_client()

    with serving(app) as url:
        monkeypatch.setenv("BASE_URL", url)
        result = unittest.TestResult()
        unittest.defaultTestLoader.loadTestsFromTestCase(Orders).run(result)
    assert (result.testsRun, result.errors, result.failures) == (2, [], [])
    assert [test.id().rpartition(".")[2] for test, _ in result.skipped] == ["test_application"]


def test_remote_client_passes_everything_on() -> None:
    app = Flask("echo")

    @app.route("/echo/<path:rest>", methods=["PUT"])
    def echo(rest: str) -> object:
        seen = [rest, request.query_string.decode(), request.headers["X-Own"], request.get_json()]
        return jsonify(seen), 418, {"X-Answer": "yes"}

    with serving(app) as url:
        client = remote.client(url)
        answer = client.put("/echo/a b/ü?q=1", json={"x": 1}, headers={"X-Own": "mine"})
    assert answer.status_code == 418 and answer.headers["X-Answer"] == "yes"
    assert json.loads(answer.get_data()) == ["a b/ü", "q=1", "mine", {"x": 1}]


@pytest.mark.parametrize("url", ["", "127.0.0.1:5000", "ftp://host", "http://"])
def test_remote_client_wants_a_url(url: str) -> None:
    with pytest.raises(ValueError, match="is not a URL such as"):
        remote.client(url)


def test_tests_of_a_service_run_against_a_running_instance(package: Path, tmp_path: Path) -> None:
    tests = tmp_path / "tests"
    tests.mkdir()
    (tests / "conftest.py").write_text(
        "import pytest\n\n\n@pytest.fixture(scope='session')\ndef package():\n    return 'orders'\n"
    )
    (tests / "test_orders.py").write_text(
        "def test_alive(client):\n    assert client.get('/health/live').get_json()['status'] == 'alive'\n\n\n"
        "def test_inside(app):\n    assert app.name == 'orders'\n"
    )
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    environment = {**os.environ, "PYTHONPATH": str(package.parent), "ORDERS_SERVER_PORT": str(port)}
    pytest_command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "-p",
        "debonair.testing.plugin",
        str(tests),
    ]
    inside = subprocess.run(pytest_command, env=environment, capture_output=True, text=True, check=False)
    assert "2 passed" in inside.stdout, inside.stdout + inside.stderr
    program = "import debonair; debonair.Manager('orders').run()"
    served = subprocess.Popen(
        [sys.executable, "-c", program, "serve"], env=environment, stderr=subprocess.DEVNULL
    )
    try:
        limit = time.monotonic() + 20
        while True:
            try:
                if remote.client(f"http://127.0.0.1:{port}").get("/health/live").status_code == 200:
                    break
            except OSError:
                assert time.monotonic() < limit
                time.sleep(0.02)
        command = [*pytest_command[:-1], "--base-url", f"http://127.0.0.1:{port}", str(tests)]
        ran = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    finally:
        served.terminate()
        served.wait()
    assert "1 passed, 1 skipped" in ran.stdout, ran.stdout


def test_reading_sees_what_the_test_has_written(notes: Flask) -> None:
    with testing.rolled_back(notes):
        db.session.execute(text("INSERT INTO note VALUES ('a')"))
        with reading() as connection:
            assert connection.scalar(text("SELECT text FROM note")) == "a"
        with testing.broken_database(notes), pytest.raises(OperationalError), reading():
            pass
    with notes.app_context(), reading() as connection:
        assert connection.scalar(text("SELECT count(*) FROM note")) == 0
