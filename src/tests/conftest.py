"""Fixtures for the tests of the chassis: a package on disk that is a service, and its application."""

from __future__ import annotations

import functools
import json
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from openapi_spec_validator import validate as validate_document

from debonair import context
from debonair.api.openapi import document_of
from debonair.application import create_app
from tests.browser import _chromium, browser  # noqa: F401 - fixtures of every test
from tests.support import chassis_settings


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep variables of the developer's own and the request id of another test away."""
    context._request_id.set(None)  # that of a response whose body a test has not read to its end
    for name in list(os.environ):
        if name.startswith(("DEBONAIR_", "ORDERS_")):
            monkeypatch.delenv(name)


@pytest.fixture
def make_app(tmp_path: Path) -> Iterator[Callable[..., Flask]]:
    """A function that makes an application of the chassis with the given settings.

    After the test, the document of each application that describes a path is checked.
    """
    made: list[Flask] = []

    def make(**values: dict[str, Any]) -> Flask:
        values.setdefault("database", {"uri": f"sqlite:///{tmp_path}/test.db"})
        made.append(create_app("debonair.standalone", chassis_settings(**values)))
        return made[-1]

    yield make
    for app in made:
        document = document_of(app)
        if document["paths"]:
            _check_document(app.json.dumps(document))


@functools.cache
def _check_document(text: str) -> None:
    """Check a document as it is sent, with what JSON makes of its values; once: many tests have the same."""
    validate_document(json.loads(text))


@pytest.fixture
def app(make_app: Callable[..., Flask]) -> Flask:
    return make_app()


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A service ``orders`` in a checkout of its source: the directory of its package."""
    directory = tmp_path / "checkout" / "src" / "orders"
    directory.mkdir(parents=True)
    (directory / "__init__.py").write_text('"""Orders."""\n')
    (directory / "application.py").write_text(
        "import debonair\n\n\n"
        'class Settings(debonair.Section, name="orders"):\n'
        '    """Orders."""\n\n'
        '    page_size = debonair.option(int, default=50, min=1, max=500, help="Rows per page.")\n'
        '    api_token = debonair.option(str, secret=True, default="", help="Token of the stock.")\n'
        '    colors = debonair.option(list, default="red, blue", help="Colors on offer.")\n\n\n'
        "SECTIONS = (Settings,)\n"
        "ROOMS = ()\n\n\n"
        "def create_app(settings):\n"
        "    return debonair.create_app(__name__, settings, rooms=ROOMS)\n"
    )
    (directory / "wsgi.py").write_text('import debonair\n\napp = debonair.load_app("orders")\n')
    monkeypatch.syspath_prepend(str(directory.parent))
    yield directory
    for name in [name for name in sys.modules if name.partition(".")[0] == "orders"]:
        del sys.modules[name]


@pytest.fixture
def orders(package: Path) -> ModuleType:
    """The module ``application`` of that service."""
    import orders.application

    return orders.application
