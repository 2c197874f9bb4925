"""The page /docs, which shows the OpenAPI document."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

import flask
import pytest
from flask import Flask
from flask.testing import FlaskClient
from marshmallow import Schema, fields

from debonair import Blueprint
from debonair.api.docs_page import POLICY
from debonair.testing import assert_problem
from debonair.web.security import HEADERS
from tests.browser import PHONE, Browser, Visit
from tests.chassis.program import Program
from tests.support import serving

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

Factory = Callable[..., Flask]

FILES = ("swagger-ui.css", "swagger-ui-bundle.js", "page.css", "start.js")
PATHS = ("/docs", *(f"/docs/{file}" for file in FILES))


@pytest.mark.parametrize("path", PATHS)
def test_files_have_a_policy_that_allows_only_files_of_the_service(client: FlaskClient, path: str) -> None:
    response = client.get(path)
    assert response.status_code == 200 and response.data
    assert response.headers["Content-Security-Policy"] == POLICY
    assert "unsafe" not in POLICY and POLICY.startswith("default-src 'none';")


def test_other_responses_keep_the_policy_of_the_chassis(client: FlaskClient) -> None:
    policy = HEADERS["Content-Security-Policy"]
    for path in ("/openapi.json", "/health/live", "/nowhere", "/docs/nothing.js"):
        assert client.get(path).headers["Content-Security-Policy"] == policy


def test_types_of_the_files_are_right(client: FlaskClient) -> None:
    found = {path: client.get(path).mimetype for path in PATHS}
    assert found["/docs"] == "text/html" and found["/docs/swagger-ui.css"] == "text/css"
    assert found["/docs/start.js"] == found["/docs/swagger-ui-bundle.js"]
    assert found["/docs/start.js"] in ("text/javascript", "application/javascript")  # RFC 9239


@pytest.mark.parametrize("path", PATHS)
def test_browser_that_has_a_file_gets_304(client: FlaskClient, path: str) -> None:
    first = client.get(path)
    assert first.headers["Cache-Control"] == "no-cache" and first.last_modified
    etag = first.headers["ETag"]
    again = client.get(path, headers={"If-None-Match": etag})
    assert again.status_code == 304 and not again.data
    assert again.headers["ETag"] == etag and again.headers["Content-Security-Policy"] == POLICY
    assert client.get(path, headers={"If-None-Match": '"another"'}).status_code == 200


@pytest.mark.parametrize("path", PATHS)
def test_head_has_the_headers_of_get(client: FlaskClient, path: str) -> None:
    head, get = client.head(path), client.get(path)
    assert head.status_code == 200 and not head.data
    for name in ("Content-Length", "Content-Type", "ETag", "Content-Security-Policy"):
        assert head.headers[name] == get.headers[name]


@pytest.mark.parametrize("production", [False, True])
def test_switch_removes_the_page(make_app: Factory, production: bool) -> None:
    environment = {"environment": "production"} if production else {}
    for docs, status in ((True, 200), (False, 404)):
        client = make_app(service=environment, api={"docs": docs}).test_client()
        assert {client.get(path).status_code for path in PATHS} == {status}
        assert client.get("/openapi.json").status_code == 200


@pytest.mark.parametrize(
    "file",
    [
        "../docs_page.py",
        "..%2fdocs_page.py",
        "%2e%2e/__init__.py",
        "..",
        "/etc/passwd",
        "%2fetc%2fpasswd",
        "index.html",
        "index.css",
        "swagger-ui.js",
        "swagger-ui.css.map",
        "start.js/",
        "start.js%00",
    ],
)
def test_no_other_file_is_served(client: FlaskClient, file: str) -> None:
    assert_problem(client.get(f"/docs/{file}"), 404)


def test_page_names_only_files_below_itself(client: FlaskClient) -> None:
    urls = re.findall(r'(?:href|src)="(?!data:)([^"]*)"', client.get("/docs").text)
    assert {f"/{url}" for url in urls} == {*PATHS[1:], "/openapi.json"}


def test_slash_leads_to_the_page_below_any_prefix(client: FlaskClient) -> None:
    response = client.get("/docs/")
    assert response.status_code == 302 and response.headers["Location"] == "../docs"


def test_page_is_not_in_the_document(client: FlaskClient) -> None:
    assert "/docs" not in client.get("/openapi.json").text


@pytest.mark.parametrize("arguments", [["--help"], ["check-config"], ["routes"]])
def test_page_costs_no_import_before_it_is_requested(command: Program, arguments: list[str]) -> None:
    assert not {name for name in command.imported(*arguments) if "swagger" in name}


def test_page_does_not_reveal_settings(make_app: Factory) -> None:
    client = make_app(flask={"SECRET_KEY": "correct-horse-battery"}).test_client()
    for path in (*PATHS, "/openapi.json"):
        assert "correct-horse" not in client.get(path).text and "sqlite" not in client.get(path).text


def test_document_names_the_prefix_of_a_trusted_proxy(make_app: Factory) -> None:
    client = make_app(server={"trusted_headers": ["prefix"]}).test_client()
    below = client.get("/openapi.json", headers={"X-Forwarded-Prefix": "/shop"}).get_json()
    assert below["servers"] == [{"url": "/shop"}]
    assert "servers" not in client.get("/openapi.json").get_json()


class OrderSchema(Schema):
    id = fields.Integer(dump_only=True)
    item = fields.String(required=True)


orders = Blueprint("orders", __name__, url_prefix="/orders", description="Orders of the shop")


@orders.get("/<int:number>")
@orders.response(200, OrderSchema)
def order(number: int) -> dict[str, object]:
    """Return one order."""
    return {"id": number, "item": "tea"}


@orders.post("/")
@orders.arguments(OrderSchema)
@orders.response(201, OrderSchema)
def add(order: dict[str, object]) -> dict[str, object]:
    """Add an order."""
    return {"id": 1, **order}


@orders.get("/picture")
@orders.response(200, content_type="image/gif")
def picture() -> flask.Response:
    """Return a picture."""
    pixel = "R0lGODlhAQABAIAAAP///wAAACH5BAEAAAAALAAAAAABAAEAAAICRAEAOw=="
    return flask.Response(base64.b64decode(pixel), mimetype="image/gif")


@pytest.fixture
def shop(make_app: Factory) -> Iterator[str]:
    """The URL of an application with the blueprint."""
    app = make_app()
    app.register_blueprint(orders)
    with serving(app) as url:
        yield url


@pytest.fixture
def shop_below_prefix(make_app: Factory) -> Iterator[str]:
    """The same, behind a proxy that adds a prefix; the proxy knows no URL without it."""
    app = make_app(server={"trusted_headers": ["prefix"]})
    app.register_blueprint(orders)

    def proxy(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if not environ["PATH_INFO"].startswith("/shop/"):
            start_response("404 Not Found", [])
            return [b""]
        environ["PATH_INFO"] = environ["PATH_INFO"].removeprefix("/shop")
        environ["HTTP_X_FORWARDED_PREFIX"] = "/shop"
        return app(environ, start_response)

    with serving(proxy) as url:
        yield f"{url}/shop"


@pytest.mark.acceptance
@pytest.mark.parametrize("served", ["shop", "shop_below_prefix"])
def test_request_can_be_sent_from_the_page(
    request: pytest.FixtureRequest, browser: Browser, served: str
) -> None:
    url = request.getfixturevalue(served)
    visit = browser.open(f"{url}/docs")
    page = visit.page
    summaries = page.locator(".opblock-summary-path")
    summaries.first.wait_for()
    assert sorted(text.replace("\u200b", "") for text in summaries.all_inner_texts()) == [
        "/orders/",
        "/orders/picture",
        "/orders/{number}",
    ]
    assert page.title() == "debonair"

    assert execute(visit, "/orders/{number}", number="7") == ("200", f"{url}/orders/7")
    assert '"item": "tea"' in page.locator(".live-responses-table tbody").inner_text()
    assert not visit.faults and not visit.foreign


def execute(visit: Visit, path: str, **values: str) -> tuple[str, str]:
    """Open an operation, send it, and return the status of the response and the URL of the request."""
    operation = visit.page.locator(f'.opblock:has([data-path="{path}"])')
    operation.locator(".opblock-summary-control").click()
    operation.get_by_role("button", name="Try it out").click()
    for name, value in values.items():
        operation.locator(f'[data-param-name="{name}"] input').fill(value)
    operation.get_by_role("button", name="Execute").click()
    status = operation.locator(".live-responses-table tbody .response-col_status").inner_text()
    return status.split()[0], operation.locator(".request-url pre").inner_text()


@pytest.mark.acceptance
def test_body_and_picture_work_under_the_policy(shop: str, browser: Browser) -> None:
    visit = browser.open(f"{shop}/docs/", size=PHONE)
    assert execute(visit, "/orders/")[0] == "201"
    assert execute(visit, "/orders/picture")[0] == "200"
    visit.page.locator(".live-responses-table img").evaluate("image => image.decode()")
    assert not visit.faults and not visit.foreign
    assert visit.page.evaluate("document.documentElement.scrollWidth <= innerWidth")


@pytest.mark.acceptance
def test_link_cannot_make_the_page_show_another_document(shop: str, browser: Browser) -> None:
    visit = browser.open(f"{shop}/docs?url=http://evil.example/openapi.json")
    visit.page.locator(".opblock").first.wait_for()
    assert not visit.foreign and not visit.faults


PAGE = """<!doctype html><title>Not run</title><img src=http://evil.example/a.png><p style="color: red">
<style>p {margin: 0}</style><script>document.title = "run"</script>"""


@pytest.mark.acceptance
def test_browser_reports_what_the_policy_blocks(make_app: Factory, browser: Browser) -> None:
    """Without this the tests above could not fail."""
    app = make_app()
    app.add_url_rule("/page", "page", lambda: (PAGE, {"Content-Security-Policy": POLICY}))
    with serving(app) as url:
        visit = browser.open(f"{url}/page")
        assert visit.page.title() == "Not run"
        for directive in ("img-src", "style-src-attr", "style-src-elem", "script-src-elem"):
            assert any(f"Policy: {directive} blocks" in fault for fault in visit.faults), visit.faults
