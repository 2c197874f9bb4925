"""Which proxies and hosts are trusted, and the headers of responses."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask import Flask, request
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
