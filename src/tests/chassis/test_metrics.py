"""Metrics: labelled by rule, bounded whatever is asked."""

from __future__ import annotations

import re

from flask import Flask
from prometheus_client import REGISTRY
from sqlalchemy import text

from debonair import db, timed


def series(app: Flask, name: str) -> dict[str, float]:
    text = app.test_client().get("/metrics").get_data(as_text=True)
    return {labels: float(value) for labels, value in re.findall(rf"^{name}{{(.*)}} (.*)$", text, re.M)}


def test_requests_are_counted_by_method_rule_and_status(app: Flask) -> None:
    app.add_url_rule("/thing/<name>", "thing", lambda name: name)
    labels = 'method="GET",rule="/thing/<name>",status="200"'
    before = series(app, "http_requests_total").get(labels, 0)
    for name in ("a", "b", "c"):
        app.test_client().get(f"/thing/{name}")
    assert series(app, "http_requests_total")[labels] == before + 3
    assert series(app, "http_request_duration_seconds_count")['method="GET",rule="/thing/<name>"'] >= 3


def test_exceptions_are_counted_by_kind(app: Flask) -> None:
    app.add_url_rule("/fail", "fail", lambda: 1 / 0)
    before = series(app, "http_exceptions_total").get('exception="ZeroDivisionError"', 0)
    assert app.test_client().get("/fail").status_code == 500
    assert series(app, "http_exceptions_total")['exception="ZeroDivisionError"'] == before + 1


def test_requests_in_flight_and_connections_in_use_are_told(app: Flask) -> None:
    def look() -> dict[str, float]:
        db.session.execute(text("SELECT 1"))
        return {"flight": value("http_requests_in_flight"), "used": value("database_connections_in_use")}

    def value(name: str) -> float:
        return float(REGISTRY.get_sample_value(name) or 0)

    app.add_url_rule("/look", "look", look)
    flight, used = value("http_requests_in_flight"), value("database_connections_in_use")
    assert app.test_client().get("/look").get_json() == {"flight": flight + 1, "used": used + 1}
    assert value("http_requests_in_flight") == flight


def test_any_function_can_be_timed(app: Flask) -> None:
    @timed
    def work(times: int) -> int:
        """Do it."""
        return times * 2

    assert work(21) == 42 and work.__doc__ == "Do it."
    label = f'function="{work.__module__}.{work.__qualname__}"'
    assert series(app, "function_duration_seconds_count")[label] == 1


def test_runs_of_checks_are_timed(app: Flask) -> None:
    app.test_client().get("/health/ready")
    assert series(app, "health_check_duration_seconds_count")['check="database"'] >= 1


def test_wrong_paths_and_methods_add_no_series(app: Flask) -> None:
    client = app.test_client()
    client.get("/wrong")
    client.open("/wrong", method="BREW")
    count = len(series(app, "http_requests_total"))
    for number in range(500):
        client.get(f"/wrong/{number}")
        client.open("/wrong", method=f"BREW{number}")
    assert len(series(app, "http_requests_total")) == count
