"""Fixtures: the application with a database of its own for each test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from debonair.testing import settings_for
from flask import Flask
from flask.testing import FlaskClient
from flask_migrate import upgrade

from {{ cookiecutter.__package_name }}.application import create_app


@pytest.fixture
def app(tmp_path: Path) -> Iterator[Flask]:
    uri = f"sqlite:///{tmp_path}/test.db"
    app = create_app(settings_for("{{ cookiecutter.__package_name }}", database={"uri": uri}))
    app.testing = True
    with app.app_context():
        upgrade()
        yield app


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()
