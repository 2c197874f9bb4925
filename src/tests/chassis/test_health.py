"""Liveness and readiness: told from the last results, at once, whatever hangs."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.exc import OperationalError

from debonair.settings import HealthSection, Size
from debonair.testing import assert_problem
from debonair.web.health import Monitor, UnhealthyError, monitor_of


def wait_until(condition: Callable[[], bool]) -> None:
    limit = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < limit, "it never came true"
        time.sleep(0.005)


@pytest.fixture
def monitor() -> Monitor:
    return Monitor(HealthSection(interval=0.1, deadline=0.1), "1.0")


@pytest.fixture
def hang() -> Iterator[Callable[[], None]]:
    """A check that does not come back before the test ends."""
    release = threading.Event()
    yield lambda: (release.wait(30), None)[1]
    release.set()


def test_live_process_says_so(client: FlaskClient) -> None:
    assert client.get("/health/live").get_json()["status"] == "alive"


def test_first_question_is_answered_with_results(client: FlaskClient) -> None:
    response = client.get("/health/ready")
    report = response.get_json()
    assert (response.status_code, report["status"]) == (200, "ready"), report
    assert set(report) == {"status", "version", "checks"}
    assert set(report["checks"]["database"]) == {"status", "critical", "age", "duration"}


def test_check_that_hangs_is_down_and_hangs_nobody(
    app: Flask, monitor: Monitor, hang: Callable[[], None]
) -> None:
    app.extensions["debonair_health"] = monitor
    monitor.add("hung", hang)
    monitor.add("fine", lambda: None)
    client = app.test_client()
    wait_until(lambda: "no result" in client.get("/health/ready").get_json()["checks"]["hung"]["error"])
    response = client.get("/health/ready")
    assert response.status_code == 503
    assert response.get_json()["checks"]["fine"]["status"] == "up"
    assert client.get("/health/live").status_code == 200


def test_unhealthy_check_tells_its_reason(monitor: Monitor) -> None:
    def full() -> None:
        raise UnhealthyError("the disk is full")

    monitor.add("disk", full)
    report = monitor.run_once()
    assert report["status"] == "not ready"
    assert report["checks"]["disk"]["error"] == "the disk is full"


def test_check_that_fails_tells_only_the_kind(monitor: Monitor) -> None:
    def broken() -> None:
        raise OperationalError("SELECT hush", {}, Exception("password hush"))

    monitor.add("database", broken)
    assert monitor.run_once()["checks"]["database"]["error"] == "failed: OperationalError"


def test_check_that_recovers_is_up_again(monitor: Monitor) -> None:
    well = threading.Event()

    def check() -> None:
        if not well.is_set():
            raise UnhealthyError("not yet")

    monitor.add("late", check)
    monitor.start()
    wait_until(lambda: monitor.report()["checks"]["late"].get("error") == "not yet")
    well.set()
    wait_until(lambda: monitor.report()["status"] == "ready")


def test_stale_result_is_down(monitor: Monitor) -> None:
    monitor.add("once", lambda: None)
    assert monitor.run_once()["status"] == "ready"
    wait_until(lambda: monitor.report()["checks"]["once"].get("error") == "the last result is too old")


def test_database_that_is_corrupt_makes_the_service_unready(app: Flask, tmp_path: Path) -> None:
    (tmp_path / "test.db").write_bytes(b"garbage" * 1000)
    report = monitor_of(app).run_once()
    assert report["checks"]["database"] == {
        **report["checks"]["database"],
        "status": "down",
        "error": "failed: DatabaseError",
    }


def test_check_that_is_not_critical_is_told_and_no_reason_to_be_unready(monitor: Monitor) -> None:
    @monitor.check("extra", critical=False, interval="1m", deadline="1s")
    def extra() -> None:
        raise UnhealthyError("away")

    report = monitor.run_once()
    assert report["status"] == "ready"
    assert report["checks"]["extra"]["status"] == "down"
    with pytest.raises(ValueError, match="there is a check 'extra' already"):
        monitor.add("extra", extra)
    with pytest.raises(ValueError, match="is not a duration"):
        monitor.add("other", extra, interval="soon")


def test_full_disk_makes_the_service_unready(make_app: Callable[..., Flask]) -> None:
    report = monitor_of(make_app(health={"disk_free": Size(2**60)})).run_once()
    assert report["status"] == "not ready"
    assert "MiB are free, less than" in report["checks"]["disk"]["error"]


def test_draining_service_is_unready_in_every_process(app: Flask) -> None:
    monitor = monitor_of(app)
    assert app.test_client().get("/health/ready").status_code == 200
    child = os.fork()
    if not child:
        monitor.drain()
        os._exit(0)
    os.waitpid(child, 0)
    response = app.test_client().get("/health/ready")
    assert (response.status_code, response.get_json()["status"]) == (503, "draining")
    assert app.test_client().get("/health/live").status_code == 200


def test_database_failure_in_a_view_is_a_503_problem(app: Flask) -> None:
    def view() -> str:
        raise OperationalError("SELECT 1", {}, Exception("database is locked"))

    app.add_url_rule("/view", view_func=view)
    response = app.test_client().get("/view")
    assert_problem(response, 503, "Try again later")
    assert response.headers["Retry-After"] == "5"
    assert "locked" not in response.get_data(as_text=True)
