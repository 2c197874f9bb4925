"""The request id, and the access log."""

from __future__ import annotations

import logging

import pytest
from flask import Flask
from flask.testing import FlaskClient

from debonair.context import request_id
from debonair.testing import assert_problem


@pytest.mark.parametrize("offered", ["0123456789abcdef", "a" * 128, "a1b2.c3-d4_e5"])
def test_well_formed_id_is_kept(client: FlaskClient, offered: str) -> None:
    assert client.get("/x", headers={"X-Request-ID": offered}).headers["X-Request-ID"] == offered


@pytest.mark.parametrize("offered", ["", "short", "a" * 129, "has space!", "-dash-first", "<script>alert"])
def test_other_id_is_replaced(client: FlaskClient, offered: str) -> None:
    response = client.get("/x", headers={"X-Request-ID": offered})
    assert response.headers["X-Request-ID"] != offered
    assert len(response.headers["X-Request-ID"]) == 32


def test_id_is_at_hand_in_a_view_and_gone_after_it(app: Flask) -> None:
    app.add_url_rule("/id", "id", lambda: request_id() or "none")
    response = app.test_client().get("/id")
    assert response.get_data(as_text=True) == response.headers["X-Request-ID"]
    assert request_id() is None


def test_problem_and_header_have_the_same_id(client: FlaskClient) -> None:
    response = client.get("/nowhere")
    assert assert_problem(response, 404)["request_id"] == response.headers["X-Request-ID"]


def test_every_request_is_one_line_with_its_rule(app: Flask, caplog: pytest.LogCaptureFixture) -> None:
    app.add_url_rule("/item/<int:number>", "item", lambda number: "x" * number)
    with caplog.at_level(logging.INFO, "debonair.access"):
        app.test_client().get("/item/5?secret=1")
        app.test_client().get("/nowhere")
    first, second = (vars(record) for record in caplog.records if record.name == "debonair.access")
    assert (first["method"], first["path"], first["rule"]) == ("GET", "/item/5", "/item/<int:number>")
    assert (first["status"], first["size"]) == (200, 5)
    assert first["duration_ms"] > 0
    assert second["rule"] == "<unmatched>"
    assert "secret" not in caplog.text


def test_record_has_what_logging_gives_a_record(app: Flask, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "debonair.access"):
        app.test_client().get("/nowhere")
    record = next(each for each in caplog.records if each.name == "debonair.access")
    made = logging.makeLogRecord({})
    assert set(vars(made)) - set(vars(record)) == set()
    # gunicorn turns processName off when it is imported, before or after the access log.
    same = ("process", "thread", "threadName", "exc_info", "lineno")
    assert [getattr(record, name) for name in same] == [getattr(made, name) for name in same]
    assert 0 <= made.created - record.created < 60
    assert record.relativeCreated == pytest.approx(
        made.relativeCreated - (made.created - record.created) * 1000, abs=1
    )


def test_own_class_of_records_is_used(app: Flask, caplog: pytest.LogCaptureFixture) -> None:
    class Own(logging.LogRecord):
        pass

    before = logging.getLogRecordFactory()
    logging.setLogRecordFactory(Own)
    try:
        with caplog.at_level(logging.INFO, "debonair.access"):
            app.test_client().get("/nowhere")
    finally:
        logging.setLogRecordFactory(before)
    record = next(each for each in caplog.records if each.name == "debonair.access")
    assert isinstance(record, Own) and record.levelname == "INFO"
