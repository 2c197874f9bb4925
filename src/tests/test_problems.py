"""Every error leaves as a problem with the request id, and tells nothing of the inside."""

from __future__ import annotations

import logging

import pytest
from flask import Flask, abort, redirect
from flask.testing import FlaskClient
from marshmallow import Schema, fields
from werkzeug.exceptions import ServiceUnavailable, Unauthorized, default_exceptions

from debonair.problems import Problem
from debonair.resources import Blueprint
from debonair.testing import assert_problem


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
        raise TooPoor("It costs 50.", balance=30)

    app.add_url_rule("/pay", view_func=pay)
    problem = assert_problem(app.test_client().get("/pay"), 403, "It costs 50.")
    assert problem["type"] == "https://example.org/problems/too-poor"
    assert problem["title"] == "Not enough credit"
    assert problem["balance"] == 30


def test_headers_of_an_error_are_kept(app: Flask) -> None:
    def locked() -> str:
        raise Unauthorized(www_authenticate=None)

    def busy() -> str:
        raise ServiceUnavailable(retry_after=7)

    app.add_url_rule("/busy", view_func=busy)
    app.add_url_rule("/locked", view_func=locked)
    assert app.test_client().get("/busy").headers["Retry-After"] == "7"
    assert_problem(app.test_client().get("/locked"), 401)


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

    app.register_blueprint(orders)
    response = app.test_client().post("/orders", json={"count": "x", "address": {}, "a/b": 1})
    problem = assert_problem(response, 422)
    assert {fault["pointer"] for fault in problem["errors"]} == {"#/count", "#/address/street", "#/a~1b"}
    assert all(fault["message"] for fault in problem["errors"])
    document = app.test_client().get("/openapi.json").get_json()
    unprocessable = document["components"]["responses"]["UNPROCESSABLE_ENTITY"]
    assert list(unprocessable["content"]) == ["application/problem+json"]


def test_malformed_json_is_a_problem_that_says_where(app: Flask) -> None:
    app.add_url_rule("/any", "any", lambda: "never read", methods=["POST"])
    response = app.test_client().post("/any", data="{bad", content_type="application/json")
    assert_problem(response, 400, "line 1 column 2")


def test_body_that_is_too_large_is_a_problem(make_app: object) -> None:
    app = make_app(server={"max_body": 1024})  # type: ignore[operator]
    app.add_url_rule("/any", "any", lambda: "never read", methods=["POST"])
    assert app.test_client().post("/any", data=b"x" * 1024).status_code == 200
    assert_problem(app.test_client().post("/any", data=b"x" * 1025), 413, "1024 bytes")
