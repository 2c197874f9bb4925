"""Which proxies and hosts are trusted, and the headers of responses."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask import Flask, request, session, url_for
from flask.testing import FlaskClient

from debonair.web.security import HEADERS


@pytest.mark.parametrize(("hops", "client"), [(0, "127.0.0.1"), (1, "3.3.3.3"), (2, "2.2.2.2")])
def test_client_is_who_the_configured_proxies_say(
    make_app: Callable[..., Flask], hops: int, client: str
) -> None:
    app = make_app(server={"trusted_hops": hops})
    app.add_url_rule("/who", "who", lambda: f"{request.remote_addr}")
    answer = app.test_client().get("/who", headers={"X-Forwarded-For": "1.1.1.1, 2.2.2.2, 3.3.3.3"})
    assert answer.get_data(as_text=True) == client


FORGED = {
    "Host": "orders.example.org",
    "X-Forwarded-Host": "evil.example.org",
    "X-Forwarded-Prefix": "/evil",
    "X-Forwarded-Port": "666",
}


def url_of_orders(app: Flask, headers: dict[str, str]) -> str:
    app.add_url_rule("/orders/", "orders", lambda: url_for("orders", _external=True))
    slash = app.test_client().get("/orders", headers=headers)
    url = app.test_client().get("/orders/", headers=headers).get_data(as_text=True)
    assert slash.status_code == 308 and slash.headers["Location"] == url
    return url


def test_forged_host_and_prefix_do_not_change_a_url(make_app: Callable[..., Flask]) -> None:
    assert url_of_orders(make_app(), FORGED) == "http://orders.example.org/orders/"


def test_url_is_that_of_the_client_behind_the_module_s_nginx(make_app: Callable[..., Flask]) -> None:
    headers = {
        "Host": "orders.example.org",
        "X-Forwarded-For": "1.1.1.1",
        "X-Forwarded-Proto": "https",
        "X-Forwarded-Host": "orders.example.org",
    }
    assert url_of_orders(make_app(), headers) == "https://orders.example.org/orders/"


def test_host_and_prefix_of_a_proxy_that_sets_them_are_trusted(make_app: Callable[..., Flask]) -> None:
    app = make_app(server={"trusted_headers": ["host", "prefix"]})
    headers = {
        "X-Forwarded-Host": "shop.example.org",
        "X-Forwarded-Prefix": "/shop",
        "X-Forwarded-Proto": "https",
    }
    assert url_of_orders(app, headers) == "http://shop.example.org/shop/orders/"


def test_no_header_is_trusted_when_none_is_named(make_app: Callable[..., Flask]) -> None:
    app = make_app(server={"trusted_headers": []})
    headers = {"X-Forwarded-For": "1.1.1.1", "X-Forwarded-Proto": "https", **FORGED}
    assert url_of_orders(app, headers) == "http://orders.example.org/orders/"


@pytest.mark.parametrize(
    ("options", "scheme", "secure"),
    [
        ({}, "https", True),
        ({}, "http", False),
        ({"SESSION_COOKIE_SECURE": False}, "https", False),
        ({"SESSION_COOKIE_SECURE": True}, "http", True),
    ],
)
def test_session_cookie_of_https_is_secure_unless_it_is_configured(
    make_app: Callable[..., Flask], options: dict[str, bool], scheme: str, secure: bool
) -> None:
    app = make_app(flask={"SECRET_KEY": "hush", **options})

    def begin() -> str:
        session["user"] = "ada"
        return "begun"

    app.add_url_rule("/begin", "begin", begin)
    answer = app.test_client().get("/begin", headers={"X-Forwarded-Proto": scheme})
    assert ("Secure" in answer.headers["Set-Cookie"]) is secure


def test_every_answer_has_safe_headers(client: FlaskClient) -> None:
    for path in ("/health/live", "/nowhere"):
        answer = client.get(path)
        assert {name: answer.headers[name] for name in HEADERS} == HEADERS


def test_view_may_set_its_own_policy(app: Flask) -> None:
    policy = {"Content-Security-Policy": "default-src 'self'"}
    app.add_url_rule("/page", "page", lambda: ("page", policy))
    answer = app.test_client().get("/page")
    assert answer.headers["Content-Security-Policy"] == policy["Content-Security-Policy"]


def test_request_for_another_host_is_refused(make_app: Callable[..., Flask]) -> None:
    app = make_app(flask={"TRUSTED_HOSTS": ["orders.example.org"]})
    app.add_url_rule("/orders", "orders", lambda: "orders")
    client = app.test_client()
    assert client.get("/orders", headers={"Host": "orders.example.org"}).status_code == 200
    assert client.get("/orders", headers={"Host": "evil.example.org"}).status_code == 400


@pytest.mark.parametrize("path", ["/health/live", "/health/ready", "/metrics"])
def test_probe_may_use_the_address_of_the_server(make_app: Callable[..., Flask], path: str) -> None:
    app = make_app(flask={"TRUSTED_HOSTS": ["orders.example.org"]})
    assert app.test_client().get(path, headers={"Host": "127.0.0.1:5000"}).status_code == 200


def test_path_that_begins_like_a_probe_is_not_one(make_app: Callable[..., Flask]) -> None:
    app = make_app(flask={"TRUSTED_HOSTS": ["orders.example.org"]})
    app.add_url_rule("/metrics-secret", "secret", lambda: "secret")
    answer = app.test_client().get("/metrics-secret", headers={"Host": "evil.example.org"})
    assert answer.status_code == 400
