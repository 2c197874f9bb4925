"""Every error leaves as a problem with the request id, and tells nothing of the inside."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator

import pytest
from flask import Flask, abort, redirect
from flask.testing import FlaskClient
from marshmallow import Schema, fields
from werkzeug.datastructures import WWWAuthenticate
from werkzeug.exceptions import ServiceUnavailable, Unauthorized, default_exceptions
from werkzeug.test import EnvironBuilder

from debonair.api.openapi import Blueprint
from debonair.logs.lines import ContextFilter
from debonair.testing import assert_problem
from debonair.web.problems import Problem


@pytest.mark.parametrize("status", sorted(default_exceptions))
def test_every_status_is_a_problem(app: Flask, status: int) -> None:
    app.add_url_rule("/fail", "fail", lambda: abort(status))
    problem = assert_problem(app.test_client().get("/fail"), status)
    assert problem["instance"] == "/fail"
    assert problem["type"] == "about:blank"
    assert problem["title"] and problem["detail"]


def test_unknown_path_and_wrong_method_are_problems(client: FlaskClient) -> None:
    assert_problem(client.get("/nowhere"), 404)
    response = client.delete("/health/live")
    assert_problem(response, 405)
    assert "GET" in response.headers["Allow"]


def test_exception_is_a_problem_without_its_text_and_a_log_entry_with_it(
    app: Flask, caplog: pytest.LogCaptureFixture
) -> None:
    def fail() -> str:
        raise RuntimeError("the password is hush")

    app.add_url_rule("/fail", view_func=fail)
    with caplog.at_level(logging.ERROR):
        response = app.test_client().get("/fail")
    problem = assert_problem(response, 500)
    assert "hush" not in response.get_data(as_text=True)
    assert problem["request_id"] == response.headers["X-Request-ID"]
    assert "the password is hush" in caplog.text


def test_problem_of_ones_own_has_type_title_and_members(app: Flask) -> None:
    class TooPoor(Problem):
        """Not enough credit."""

        code = 403
        type = "https://example.org/problems/too-poor"
        title = "Not enough credit"

    def pay() -> str:
        raise TooPoor("It costs 50.", balance=30, status=200, request_id="forged")

    app.add_url_rule("/pay", view_func=pay)
    problem = assert_problem(app.test_client().get("/pay"), 403, "It costs 50.")
    assert problem["type"] == "https://example.org/problems/too-poor"
    assert problem["title"] == "Not enough credit"
    assert problem["balance"] == 30


def test_headers_of_an_error_are_kept(app: Flask) -> None:
    def locked() -> str:
        raise Unauthorized(www_authenticate=WWWAuthenticate("bearer", {"realm": "orders"}))

    def busy() -> str:
        raise ServiceUnavailable(retry_after=7)

    app.add_url_rule("/busy", view_func=busy)
    app.add_url_rule("/locked", view_func=locked)
    assert app.test_client().get("/busy").headers["Retry-After"] == "7"
    response = app.test_client().get("/locked")
    assert_problem(response, 401)
    assert response.headers["WWW-Authenticate"] == "Bearer realm=orders"


def test_redirect_is_no_problem(app: Flask) -> None:
    app.add_url_rule("/old", "old", lambda: redirect("/new"))
    app.add_url_rule("/folder/", "folder", lambda: "here")
    assert app.test_client().get("/old").headers["Location"] == "/new"
    assert app.test_client().get("/folder").status_code == 308


def test_faults_of_a_body_are_pointed_at(app: Flask) -> None:
    class Address(Schema):
        street = fields.String(required=True)

    class Order(Schema):
        count = fields.Integer(required=True)
        address = fields.Nested(Address)

    orders = Blueprint("orders", __name__)

    @orders.post("/orders")
    @orders.arguments(Order)
    @orders.response(201, Order)
    def create(order: object) -> object:
        return order

    @orders.post("/either")
    @orders.arguments(Order, location="json_or_form")
    def either(order: object) -> object:
        return order

    app.register_blueprint(orders)
    response = app.test_client().post("/orders", json={"count": "x", "address": {}, "a/b": 1})
    problem = assert_problem(response, 422)
    assert {fault["pointer"] for fault in problem["errors"]} == {"#/count", "#/address/street", "#/a~1b"}
    assert all(fault["message"] for fault in problem["errors"])
    response = app.test_client().post("/orders", data='{"count": 1}', content_type="text/plain")
    assert_problem(response, 415, "Content-Type: application/json")
    assert app.test_client().post("/either", data={"count": "1"}).get_json() == {"count": 1}
    assert app.test_client().post("/either", json={"count": 1}).get_json() == {"count": 1}
    document = app.test_client().get("/openapi.json").get_json()
    # Python 3.13 has another name for the status than 3.11.
    errors = document["components"]["responses"].values()
    assert {tuple(error["content"]) for error in errors} == {("application/problem+json",)}


def test_malformed_json_is_a_problem_that_says_where(app: Flask) -> None:
    app.add_url_rule("/any", "any", lambda: "never read", methods=["POST"])
    response = app.test_client().post("/any", data="{bad", content_type="application/json")
    assert_problem(response, 400, "line 1 column 2")


def test_body_that_is_too_large_is_a_problem(make_app: object) -> None:
    app = make_app(server={"max_body": 1024})  # type: ignore[operator]
    app.add_url_rule("/any", "any", lambda: "never read", methods=["POST"])
    assert app.test_client().post("/any", data=b"x" * 1024).status_code == 200
    assert_problem(app.test_client().post("/any", data=b"x" * 1025), 413, "1024 bytes")


def test_browser_is_answered_with_a_page(app: Flask) -> None:
    app.add_url_rule("/fail", "fail", lambda: abort(400, "<script>alert(1)</script>"))
    accept = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
    response = app.test_client().get("/fail", headers={"Accept": accept})
    text = response.get_data(as_text=True)
    assert (response.status_code, response.mimetype) == (400, "text/html")
    assert "&lt;script&gt;" in text and "<script>" not in text
    assert response.headers["X-Request-ID"] in text


@pytest.mark.parametrize("accept", ["*/*", "application/json", "application/problem+json", "", "image/png"])
def test_everybody_else_is_answered_with_a_problem(client: FlaskClient, accept: str) -> None:
    assert_problem(client.get("/nowhere", headers={"Accept": accept}), 404)


def test_failure_in_an_error_handler_is_a_problem_and_in_the_log(
    app: Flask, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(error: KeyError) -> None:
        raise RuntimeError("the handler is broken")

    app.add_url_rule("/key", "key", lambda: {}["missing"])
    app.register_error_handler(KeyError, broken)
    problem = assert_problem(app.test_client().get("/key"), 500)
    assert "the handler is broken" in caplog.text
    assert "broken" not in str(problem)


def test_failure_in_a_teardown_is_a_problem_and_in_the_log(
    app: Flask, caplog: pytest.LogCaptureFixture
) -> None:
    @app.teardown_request
    def broken(error: BaseException | None) -> None:
        raise RuntimeError("the teardown is broken")

    # A server as in PEP 3333; Werkzeug's own test client raises what is passed on to it.
    answers: list[str] = []
    body = b"".join(
        app(EnvironBuilder("/health/live").get_environ(), lambda *answer: answers.append(answer[0]))
    )
    assert answers == ["200 OK", "500 INTERNAL SERVER ERROR"]
    assert json.loads(body)["request_id"]
    assert "the teardown is broken" in caplog.text
    assert b"broken" not in body


def test_failure_while_streaming_is_logged_with_the_request_id(
    app: Flask, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.handler.addFilter(ContextFilter())

    def parts() -> Iterator[str]:
        yield "one"
        raise RuntimeError("the tap ran dry")

    app.add_url_rule("/stream", "stream", lambda: app.response_class(parts()))
    with pytest.raises(RuntimeError), caplog.at_level(logging.ERROR):
        app.test_client().get("/stream", headers={"X-Request-ID": "stream-0001"}, buffered=True)
    records = [record for record in caplog.records if "failed while it was sent" in record.message]
    assert [vars(record)["request_id"] for record in records] == ["stream-0001"]


def test_problems_of_a_view_are_in_the_document(app: Flask) -> None:
    class TooPoor(Problem):
        """Not enough credit."""

        code = 403
        title = "Not enough credit"

    shop = Blueprint("shop", __name__)

    @shop.get("/buy")
    @shop.raises(TooPoor, ServiceUnavailable)
    def buy() -> str:
        """Buy it."""
        raise TooPoor

    app.register_blueprint(shop)
    responses = app.test_client().get("/openapi.json").get_json()["paths"]["/buy"]["get"]["responses"]
    assert responses["403"]["description"] == "Not enough credit"
    assert list(responses["403"]["content"]) == ["application/problem+json"]
    assert responses["503"]["description"] == "Service Unavailable"


@pytest.mark.parametrize(
    ("method", "path", "status"), [("POST", "/nowhere", 404), ("POST", "/health/live", 405)]
)
def test_body_is_not_parsed_for_a_route_that_does_not_exist(
    app: Flask, monkeypatch: pytest.MonkeyPatch, method: str, path: str, status: int
) -> None:
    monkeypatch.setattr(app.request_class, "get_json", lambda *_, **__: pytest.fail("the body is parsed"))
    monkeypatch.setattr(app.request_class, "get_data", lambda *_, **__: pytest.fail("the body is read"))
    answer = app.test_client().open(path, method=method, data="[" * 1000, content_type="application/json")
    assert_problem(answer, status)


def test_problem_with_half_a_character_is_a_page(app: Flask) -> None:
    app.add_url_rule("/half", "half", lambda: abort(400, "half a character: \ud83d"))
    answer = app.test_client().get("/half", headers={"Accept": "text/html"})
    assert answer.status_code == 400 and "half a character" in answer.text
