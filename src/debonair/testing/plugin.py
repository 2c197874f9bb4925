"""Fixtures for pytest: ``addopts = -p debonair.testing.plugin`` in a service's ``setup.cfg``.

The service's ``conftest.py`` overrides one fixture, which names the service's package::

    @pytest.fixture(scope="session")
    def package() -> str:
        return "orders"

With ``--base-url http://…`` the fixture ``client`` sends its requests to a running instance; tests that
need the application itself are then skipped.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import Any

import pytest
from flask import Flask
from sqlalchemy.exc import OperationalError
from werkzeug.test import Client

from debonair.database.engine import db
from debonair.database.errors import explained
from debonair.settings import Settings
from debonair.testing import (
    broken_database,
    database_uri,
    fixed_request_id,
    remote,
    rolled_back,
    settings_for,
    upgrade,
)
from debonair.testing.cases import TestCase
from debonair.testing.outbox import Outbox, collecting


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add ``--base-url``."""
    parser.addoption("--base-url", help="test the running instance at this URL")


def pytest_configure(config: pytest.Config) -> None:
    """Make test classes use that instance too."""
    TestCase.base_url = config.getoption("--base-url")


@pytest.fixture(scope="session")
def package() -> str:
    """The service's package: override this."""
    raise pytest.UsageError("conftest.py must define the fixture 'package' (see debonair.testing.plugin)")


@pytest.fixture(scope="session")
def values() -> dict[str, dict[str, Any]]:
    """Sections and values over the defaults, as ``settings_for`` takes them: override this as needed."""
    return {}


@pytest.fixture(scope="session")
def settings(
    package: str, values: dict[str, dict[str, Any]], tmp_path_factory: pytest.TempPathFactory
) -> Settings:
    """The settings of the application under test.

    Its database is a new file of SQLite, or the one that the variable ``TEST_DATABASE_URI`` names.
    """
    uri = database_uri(tmp_path_factory.mktemp("database"))
    try:
        return settings_for(package, **{"database": {"uri": uri}, **values})
    except ValueError as error:
        if str(error).startswith("[database] uri"):
            pytest.exit(f"the tests have no database: {error}", returncode=1)
        pytest.fail(
            f"{error}: give it a value for the tests in the fixture 'values' of conftest.py", pytrace=False
        )


@pytest.fixture(scope="session")
def application(package: str, settings: Settings, request: pytest.FixtureRequest) -> Flask:
    """The application, made once, its database migrated."""
    if request.config.getoption("--base-url"):
        pytest.skip("needs the application itself, and --base-url names a running instance")
    app: Flask = importlib.import_module(f"{package}.application").create_app(settings)
    app.testing = True
    try:
        upgrade(app)
    except OperationalError as error:
        pytest.exit(f"the tests have no database: {explained(error)}", returncode=1)
    return app


@pytest.fixture
def app(application: Flask) -> Iterator[Flask]:
    """The application, in its context; what a test writes to the database is rolled back."""
    with rolled_back(application):
        yield application


@pytest.fixture
def database(app: Flask) -> Any:
    """Flask-SQLAlchemy's ``db``, in a transaction that is rolled back after the test."""
    return db


@pytest.fixture
def client(request: pytest.FixtureRequest) -> Client:
    """A client of the application, or of the instance that ``--base-url`` names."""
    base_url = request.config.getoption("--base-url")
    if base_url:
        return remote.client(base_url)
    app: Flask = request.getfixturevalue("app")
    return app.test_client()


@pytest.fixture
def jobs(app: Flask) -> Any:
    """The queue of the service: ``jobs.run()`` runs what is due, ``jobs.rows()`` returns the table."""
    from debonair.testing.jobs import Jobs

    return Jobs(app)


@pytest.fixture
def outbox(app: Flask) -> Iterator[Outbox]:
    """The messages that were sent in the test, in their order; none is delivered."""
    with collecting(app) as found:
        yield found


@pytest.fixture
def database_away(app: Flask) -> AbstractContextManager[None]:
    """A context in which every use of the database fails: ``with database_away: …``."""
    return broken_database(app)


@pytest.fixture
def request_id() -> Iterator[str]:
    """The id of the request, fixed, for code that runs outside of one."""
    with fixed_request_id() as value:
        yield value
