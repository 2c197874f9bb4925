"""The page at ``/`` in development."""

from __future__ import annotations

from collections.abc import Callable

from flask import Flask

from debonair.testing import assert_problem

BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
Factory = Callable[..., Flask]


def test_browser_sees_the_routes_in_development(make_app: Factory) -> None:
    app = make_app(service={"environment": "development"})
    app.add_url_rule("/orders/<number>", "order", lambda number: number)
    page = app.test_client().get("/", headers=BROWSER)
    assert page.status_code == 200 and page.mimetype == "text/html"
    assert "/orders/&lt;number&gt;" in page.text and 'href="/openapi.json"' in page.text
    assert 'href="/docs"' in page.text


def test_program_gets_a_problem(make_app: Factory) -> None:
    app = make_app(service={"environment": "development"})
    assert_problem(app.test_client().get("/", headers={"Accept": "application/json"}), 404)
    assert_problem(app.test_client().get("/nowhere", headers={"Accept": "application/json"}), 404)


def test_route_of_the_service_is_shown_instead(make_app: Factory) -> None:
    app = make_app(service={"environment": "development"})
    app.add_url_rule("/", "index", lambda: "ours")
    assert app.test_client().get("/", headers=BROWSER).text == "ours"


def test_production_has_no_such_page(make_app: Factory) -> None:
    app = make_app(service={"environment": "production"})
    assert app.test_client().get("/", headers=BROWSER).status_code == 404
