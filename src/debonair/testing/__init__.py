"""Tools for the tests of a service, with pytest or unittest, in process or against a running instance.

``plugin``: fixtures for pytest. ``cases``: the base class for unittest. ``remote``: a client of a running
instance. ``outbox``: the mail that was sent.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

from flask import Flask
from sqlalchemy.exc import OperationalError

from debonair.context import bind_request_id, release_request_id
from debonair.database import migrations
from debonair.database.engine import db, lend
from debonair.names import Service
from debonair.rooms import declared, sections
from debonair.settings import Settings, has_instances, name_of
from debonair.web.problems import MEDIA_TYPE

__all__ = [
    "assert_problem",
    "broken_database",
    "database_uri",
    "fixed_request_id",
    "rolled_back",
    "settings_for",
    "upgrade",
]


def settings_for(package: str, **values: dict[str, Any]) -> Settings:
    """Return settings with the declared defaults and the values given; no file or variable is read.

    :param package: the service's package.
    :param values: by section (with underscores for hyphens), options and their values:
        ``settings_for("orders", database={"uri": "sqlite://"})``. A section with a name is given by its
        title: ``**{"resource:orders": {"bulk": True}}``.
    :raises TypeError: on a section or option that is not declared.
    """
    service = Service.of(package)
    every = sections(*declared(importlib.import_module(f"{package}.application")))
    single = {name_of(section).replace("-", "_"): section for section in every if not has_instances(section)}
    many = {name_of(section): section for section in every if has_instances(section)}
    found = [section(service, **values.get(name, {})) for name, section in single.items()]
    for title, given in values.items():
        name, _, instance = title.partition(":")
        if instance and name in many:
            found.append(many[name](service, instance, **given))
        elif title not in single:
            raise TypeError(f"there is no section [{title}]")
    return Settings(found)


def database_uri(directory: Path) -> str:
    """Return the URI of the database for tests: that of ``TEST_DATABASE_URI``, or a file of SQLite.

    :param directory: where that file is made.
    """
    return os.environ.get("TEST_DATABASE_URI") or f"sqlite:///{directory}/test.db"


def upgrade(app: Flask) -> None:
    """Bring the database of an application to the head revision."""
    migrations.upgrade(app)


@contextmanager
def rolled_back(app: Flask) -> Iterator[None]:
    """Roll back all that the block writes to the database, commits included.

    SQLAlchemy's recipe "Joining a Session into an External Transaction": every session of the block
    uses one connection, in a transaction that is never committed. So does everything that asks the engine for
    a connection of the driver, as reads of resources do.
    """
    with app.app_context(), db.engine.connect() as connection:
        transaction = connection.begin()
        db.session.remove()
        db.session.configure(join_transaction_mode="create_savepoint")
        sessions = db.session.session_factory.class_
        try:
            with (
                mock.patch.object(sessions, "get_bind", return_value=connection),
                lend(db.engine, connection),
            ):
                yield
                db.session.remove()
        finally:
            db.session.remove()
            db.session.configure(join_transaction_mode="conditional_savepoint")
            transaction.rollback()


@contextmanager
def broken_database(app: Flask) -> Iterator[None]:
    """Make every use of the database fail, as if its server were unreachable."""

    away = OperationalError("connect", {}, ConnectionRefusedError("broken for a test"))
    with app.app_context():
        db.session.remove()
        engine = db.engine
    sessions = db.session.session_factory.class_
    with (
        mock.patch.object(engine.pool, "connect", side_effect=away),
        lend(engine, None),
        mock.patch.object(sessions, "get_bind", side_effect=away),
    ):
        yield


@contextmanager
def fixed_request_id(value: str = "test-request-id") -> Iterator[str]:
    """Make ``value`` the request id of code that runs outside of a request, such as a function under test."""
    token = bind_request_id(value)
    try:
        yield value
    finally:
        release_request_id(token)


def assert_problem(response: Any, status: int, detail: str | None = None) -> dict[str, Any]:
    """Assert that a response is a problem with the status and, if given, with the text in its detail."""
    assert response.status_code == status, response.get_data(as_text=True)  # nosec B101
    assert response.mimetype == MEDIA_TYPE, response.mimetype  # nosec B101
    problem: dict[str, Any] = response.get_json()
    assert problem["status"] == status and problem["request_id"], problem  # nosec B101
    assert detail is None or detail in problem["detail"], problem["detail"]  # nosec B101
    return problem
