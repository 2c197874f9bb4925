"""Fixtures: the service ``orders`` with jobs and templates of mail, and SMTP servers."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
import trustme
from flask import Flask

from debonair.database.engine import engine_of
from debonair.jobs import inspection, store
from debonair.jobs.declaration import declared_jobs
from debonair.jobs.execution import execute
from debonair.jobs.table import JOBS, State
from debonair.testing import settings_for, upgrade
from tests.mail.smtp_server import smtp_server

TEMPLATES = {
    "receipt.txt": "Dear {{ name }},\n\nyour order {{ number }} costs {{ price }}.\n",
    "receipt.html": "<p>Dear {{ name }}, your order {{ number }} costs <b>{{ price }}</b>.</p>\n",
    "receipt.subject.txt": "\nYour order {{ number }}\n",
    "plain.txt": "{{ text }}",
}


@pytest.fixture
def service(package: Path) -> Path:
    """The service ``orders`` with a module of jobs, and templates: the directory of its package."""
    (package / "jobs.py").write_text('"""Jobs."""\n')
    (package / "templates" / "mail").mkdir(parents=True)
    for name, text in TEMPLATES.items():
        (package / "templates" / "mail" / name).write_text(text)
    return package


@pytest.fixture
def make_orders(service: Path, tmp_path: Path) -> Callable[..., Flask]:
    """A function that makes the application, its database migrated, with options of ``[mail]``."""

    def make(environment: str = "development", *, migrated: bool = True, **mail: Any) -> Flask:
        settings = settings_for(
            "orders",
            service={"environment": environment},
            database={"uri": f"sqlite:///{tmp_path}/orders.db"},
            mail={"sender": "Orders <orders@example.org>", **mail},
        )
        app: Flask = importlib.import_module("orders.application").create_app(settings)
        if migrated:
            upgrade(app)
        return app

    return make


@pytest.fixture
def unmigrated(make_orders: Callable[..., Flask]) -> Iterator[Flask]:
    """The application without a database, in its context."""
    app = make_orders(migrated=False)
    with app.app_context():
        yield app


@pytest.fixture
def orders_app(make_orders: Callable[..., Flask]) -> Iterator[Flask]:
    """The application without a server for mail, in its context."""
    app = make_orders()
    with app.app_context():
        yield app


@pytest.fixture
def server() -> Iterator[Any]:
    """An SMTP server without TLS."""
    with smtp_server() as running:
        yield running


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="session")
def ca(authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A file with the certificate of the authority."""
    path = tmp_path_factory.mktemp("ca") / "ca.pem"
    authority.cert_pem.write_to_path(str(path))
    return str(path)


def work(app: Flask) -> None:
    """Run each job that is due once, as a worker does."""
    jobs = declared_jobs("orders")
    with engine_of(app).begin() as connection:
        store.promote(connection)
        claimed = store.claim(connection, sorted(jobs), "test", 60_000, 100, suspects=False)
    ended = [(job, ending) for job in claimed if (ending := execute(app, jobs[job.name], job))]
    with engine_of(app).begin() as connection:
        store.end_all(connection, ended)


def work_at_once(app: Flask) -> None:
    """Run each job that has not ended once, also one that waits for its next try."""
    if any(row.state == State.WAITING for row in rows(app)):
        with app.app_context():
            inspection.change("retry", [], "debonair.mail.deliver", ["waiting"])
    work(app)


def rows(app: Flask) -> list[Any]:
    """Return the rows of all jobs, in their order."""
    with engine_of(app).connect() as connection:
        return list(connection.execute(sa.select(JOBS).order_by(JOBS.c.id)))


def states(app: Flask) -> list[str]:
    return [row.state for row in rows(app)]
