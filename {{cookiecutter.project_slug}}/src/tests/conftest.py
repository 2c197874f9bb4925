"""Fixtures: the application with a database of its own for each test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from debonair.testing import settings_for, upgrade
from flask import Flask
from flask.testing import FlaskClient

from {{ cookiecutter.__package_name }}.application import create_app


@pytest.fixture
def app(tmp_path: Path) -> Iterator[Flask]:
    uri = f"sqlite:///{tmp_path}/test.db"
    app = create_app(settings_for("{{ cookiecutter.__package_name }}", database={"uri": uri}))
    app.testing = True
    upgrade(app)
    with app.app_context():
        yield app


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()
