"""What the lean application relies on: its short ways lead to what Flask and Werkzeug return.

When one of these tests fails, a library has changed: adapt debonair.web.lean_flask or lean_context.
"""

from __future__ import annotations

import asyncio
import importlib.metadata
import inspect
from typing import Any

import flask
import pytest
from flask import Flask
from flask.ctx import AppContext
from flask.globals import _cv_app, _cv_request
from werkzeug.exceptions import HTTPException
from werkzeug.routing import Map, MapAdapter
from werkzeug.test import EnvironBuilder, run_wsgi_app

from debonair.web import lean_context, lean_flask
from debonair.web.lean_flask import Application

HOSTS = (
    "localhost",
    "LOCALHOST:80",
    "example.org:443",
    "[::1]:5000",
    "b\xfccher.example",
    "a..b",
    "x" * 70,
    "",
)


def environ_of(**changes: Any) -> dict[str, Any]:
    environ = EnvironBuilder(
        "/\u00e4/b", query_string="q=\u00e4", headers={"Host": "localhost"}
    ).get_environ()
    return {name: value for name, value in (environ | changes).items() if value is not None}


def adapter_of(app: Flask, environ: dict[str, Any]) -> Any:
    request = app.request_class(environ)
    try:
        adapter = app.create_url_adapter(request)
    except HTTPException as error:
        return type(error)
    assert adapter is not None
    return {name: value for name, value in vars(adapter).items() if name != "map"}, request.host


@pytest.mark.parametrize(
    "changes",
    [
        *({"HTTP_HOST": host} for host in HOSTS),
        {"HTTP_HOST": "example.org:443", "wsgi.url_scheme": "https"},
        {"SCRIPT_NAME": "/prefix"},
        {"SCRIPT_NAME": None, "PATH_INFO": None, "QUERY_STRING": None},
        {"HTTP_HOST": None},
        {"HTTP_UPGRADE": "websocket", "HTTP_CONNECTION": "upgrade"},
    ],
)
@pytest.mark.parametrize(
    "options", [{}, {"SERVER_NAME": "example.org"}, {"TRUSTED_HOSTS": ["localhost"]}], ids=str
)
def test_routes_are_bound_as_flask_binds_them(changes: dict[str, Any], options: dict[str, Any]) -> None:
    environ, found = environ_of(**changes), []
    for kind in (Application, Flask):
        app = kind("tests")
        app.config.update(options)
        found.append(adapter_of(app, environ))
    assert found[0] == found[1]


@pytest.mark.parametrize(
    "matching", [{"subdomain_matching": True}, {"host_matching": True, "static_host": "a"}]
)
def test_subdomains_and_hosts_are_matched_as_flask_matches_them(matching: dict[str, Any]) -> None:
    environ = environ_of(HTTP_HOST="api.example.org")
    found = [adapter_of(kind("tests", **matching), environ) for kind in (Application, Flask)]
    assert found[0] == found[1]


def test_map_adapter_takes_the_parameters_that_are_passed() -> None:
    assert list(inspect.signature(MapAdapter).parameters) == [
        "map", "server_name", "script_name", "subdomain", "url_scheme", "path_info", "default_method",
        "query_args",
    ]  # fmt: skip
    assert Flask.url_map_class is Map


def sent(response: Any, method: str = "GET") -> tuple[bytes, str, list[tuple[str, str]]]:
    body, status, headers = run_wsgi_app(response, EnvironBuilder(method=method).get_environ(), buffered=True)
    return b"".join(body), status, list(headers)


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
@pytest.mark.parametrize(
    "given",
    [
        {"response": b"x"},
        {"response": "\u00e4"},
        {"response": [b"x", "y"]},
        {"response": [b"x"], "headers": {"X-Own": "1"}},
        {"response": iter(["a", "b"])},
        {},
        {"response": b"x", "status": 304},
        {"response": b"x", "status": "204 NO CONTENT"},
        {"response": b"x", "status": "299 Own"},
        {"response": b"x", "headers": {"Location": "/\u00e4"}, "status": 302},
        {"response": b"x", "headers": {"Location": "/albums/1"}, "status": 201},
        {"response": b"x", "headers": {"Location": "/albums/%7e1?a=b"}, "status": 201},
        {
            "response": b"x",
            "headers": [("content-location", "/\u00e4"), ("Set-Cookie", "a"), ("Set-Cookie", "b")],
        },
    ],
)
def test_response_is_sent_as_flask_sends_it(given: dict[str, Any], method: str) -> None:
    if not isinstance(given.get("response", b""), bytes | str | list):
        given = {"response": ["a", "b"]}
    found = [sent(kind(**given), method) for kind in (lean_flask.Response, flask.Response)]
    assert found[0] == found[1]


def test_response_that_is_made_directly_is_what_the_constructor_makes() -> None:
    headers = [("Content-Type", "application/json"), ("ETag", '"x"')]
    app = Application("tests")
    for status in (200, 201):
        made = lean_flask.response_of(app, b"{}", headers, status)
        assert vars(made) == vars(lean_flask.Response(b"{}", status=status, headers=headers))

    class Own(lean_flask.Response):
        pass

    app.response_class = Own
    assert type(lean_flask.response_of(app, b"{}", headers)) is Own


def test_functions_for_the_end_of_a_response_are_called() -> None:
    called = []
    response = lean_flask.Response(b"x")
    response.call_on_close(lambda: called.append(1))
    sent(response)
    assert called == [1]


def test_subclass_of_the_response_may_change_its_headers() -> None:
    class Own(lean_flask.Response):
        def get_wsgi_headers(self, environ: Any) -> Any:
            headers = super().get_wsgi_headers(environ)
            headers["X-Own"] = "1"
            return headers

    assert ("X-Own", "1") in sent(Own(b"x"))[2]


def test_coroutine_functions_are_run() -> None:
    class Own(Application):
        def async_to_sync(self, func: Any) -> Any:
            return lambda *given: asyncio.run(func(*given))

    class View:
        async def method(self) -> str:
            return "method"

        def plain(self) -> str:
            return "plain"

    async def function() -> str:
        return "function"

    app, view = Own("tests"), View()
    assert app.ensure_sync(function)() == "function"
    assert app.ensure_sync(view.method)() == "method"
    assert app.ensure_sync(view.plain) == view.plain
    if hasattr(inspect, "markcoroutinefunction"):
        marked = inspect.markcoroutinefunction(lambda: function())
        assert app.ensure_sync(marked)() == "function"


METHODS = {
    AppContext: ("push", "pop"),
    Flask: (
        "full_dispatch_request", "preprocess_request", "dispatch_request", "finalize_request",
        "process_response", "do_teardown_request", "do_teardown_appcontext",
    ),
}  # fmt: skip
"""What ``lean_context`` does in the place of Flask."""


@pytest.mark.skipif(not importlib.metadata.version("flask").startswith("3.1."), reason="compare it anew")
def test_methods_do_what_those_of_flask_do() -> None:
    for kind, names in METHODS.items():
        lean: Any = lean_context.LeanAppContext if kind is AppContext else lean_context.LeanDispatch
        for name in names:
            assert list(inspect.signature(getattr(lean, name)).parameters) == list(
                inspect.signature(getattr(kind, name)).parameters
            ), name
    context: Any = Flask("tests").test_request_context()
    assert (context._after_request_functions, context._session, context._cv_tokens) == ([], None, [])
    with context:
        assert _cv_request.get() is context and _cv_app.get().app is context.app
    assert isinstance(flask.request_started.receivers, dict)


def calls_of(app: Flask) -> list[str]:
    """Return what a request of a nested blueprint calls, in order."""
    calls: list[str] = []

    def note(name: str, result: Any = None) -> Any:
        def noted(*given: Any, **named: Any) -> Any:
            calls.append(name)
            return given[0] if result == "given" else result

        return noted

    outer, inner = flask.Blueprint("outer", "tests"), flask.Blueprint("inner", "tests")
    for name, each in (("app", app), ("outer", outer), ("inner", inner)):
        for number in (1, 2):
            each.before_request(note(f"before {name} {number}"))
            each.after_request(note(f"after {name} {number}", "given"))
            each.teardown_request(note(f"teardown {name} {number}"))
    app.teardown_appcontext(note("teardown of the context"))
    inner.add_url_rule("/view", "view", note("view", {"a": 1}), methods=["GET", "POST"])
    inner.add_url_rule("/fails", "fails", lambda: 1 / 0)
    outer.register_blueprint(inner)
    app.register_blueprint(outer)
    names = (
        "appcontext_pushed", "appcontext_popped", "appcontext_tearing_down", "request_started",
        "request_finished", "request_tearing_down", "got_request_exception",
    )  # fmt: skip
    receivers = [(getattr(flask, name), note(name)) for name in names]
    for signal, receiver in receivers:
        signal.connect(receiver, app)
    app.secret_key = "hush"  # nosec B105
    client = app.test_client()
    for method, path in (("GET", "view"), ("OPTIONS", "view"), ("GET", "fails"), ("GET", "nowhere"),
                         ("PUT", "view")):  # fmt: skip
        response = client.open(f"/{path}", method=method)
        calls.append(f"{response.status} {response.get_data(as_text=True)}")
    return calls


def test_functions_and_signals_are_called_in_the_order_of_flask() -> None:
    found = [calls_of(kind("tests")) for kind in (Application, Flask)]
    assert found[0] == found[1]
    assert "view" in found[0] and "got_request_exception" in found[0]
