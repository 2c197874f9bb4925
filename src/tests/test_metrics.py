"""Metrics: labelled by rule, bounded whatever is asked."""

from __future__ import annotations

import re

from flask import Flask


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


def test_wrong_paths_and_methods_add_no_series(app: Flask) -> None:
    client = app.test_client()
    client.get("/wrong")
    client.open("/wrong", method="BREW")
    count = len(series(app, "http_requests_total"))
    for number in range(500):
        client.get(f"/wrong/{number}")
        client.open("/wrong", method=f"BREW{number}")
    assert len(series(app, "http_requests_total")) == count
