"""Fixtures: a service with jobs, in this process or under its worker."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from flask import Flask

from debonair.database import migrations
from debonair.database.engine import engine_of
from debonair.jobs import declaration
from debonair.testing import settings_for
from debonair.testing.jobs import Jobs
from tests.faults.conftest import migrated  # noqa: F401 - a fixture
from tests.jobs.workers import SampleWorker
from tests.resources.conftest import database as any_database  # noqa: F401 - a fixture
from tests.resources.conftest import make_database, postgresql_cluster  # noqa: F401 - fixtures

DECLARED = '''
from __future__ import annotations

import datetime
import decimal
import enum
import uuid

import sqlalchemy as sa

import debonair
from debonair import db


class Color(enum.Enum):
    RED = 1
    BLUE = 2


receipts = sa.Table("receipt", sa.MetaData(), sa.Column("order", sa.Integer))


calls = []


@debonair.job
def send_receipt(order_id: int, note: str = "") -> str:
    """Record a receipt."""
    calls.append((order_id, note, debonair.current_job(), debonair.request_id()))
    db.session.execute(receipts.insert().values(order=order_id))
    return f"receipt {order_id}"


@debonair.job(keep="0s")
def forget() -> None:
    pass


@debonair.job(retries=2, backoff="1s", longest_backoff="1s")
def fail(order_id: int) -> None:
    db.session.execute(receipts.insert().values(order=order_id))
    raise RuntimeError("the printer is away")


@debonair.job(unique=True, priority=5)
def tidy(directory: str = "/") -> None:
    calls.append(("tidy", directory))


@debonair.job
def typed(
    day: datetime.date, moment: datetime.datetime, price: decimal.Decimal, key: uuid.UUID, color: Color,
    raw: bytes, took: datetime.timedelta, names: list[str], sizes: dict[str, int | None], rate: float = 1.0,
) -> None:
    calls.append((day, moment, price, key, color, raw, took, names, sizes, rate))
'''


class Orders:
    """The service ``orders`` with the jobs above, its database migrated.

    :ivar jobs: its module of jobs. :ivar queue: what :class:`debonair.testing.jobs.Jobs` does.
    """

    def __init__(self, app: Flask, jobs: ModuleType) -> None:
        self.app = app
        self.jobs = jobs
        self.queue = Jobs(app)

    def rows(self) -> list[dict[str, Any]]:
        return self.queue.rows()


@pytest.fixture
def make_orders(package: Path) -> Iterator[Callable[..., Orders]]:
    """A function that makes the service with the settings of a database, and further source of jobs."""
    made: list[Flask] = []
    declaration._registry.pop("orders", None)

    def make(uri: dict[str, Any], source: str = "") -> Orders:
        (package / "jobs.py").write_text(DECLARED + source)
        import orders.application

        app = orders.application.create_app(settings_for("orders", database=uri))
        app.testing = True
        made.append(app)
        import orders.jobs

        migrations.upgrade(app)
        orders.jobs.receipts.create(engine_of(app))
        return Orders(app, orders.jobs)

    yield make
    for app in made:
        engine_of(app).dispose()
    declaration._registry.pop("orders", None)


@pytest.fixture
def service(make_orders: Callable[..., Orders], any_database: dict[str, Any]) -> Orders:  # noqa: F811
    """The service on SQLite, and among the slow tests on PostgreSQL."""
    return make_orders(any_database)


@pytest.fixture
def on_sqlite(make_orders: Callable[..., Orders], tmp_path: Path) -> Orders:
    """The service on SQLite."""
    return make_orders({"uri": f"sqlite:///{tmp_path}/orders.db"})


@pytest.fixture(scope="session")
def migrated_for_jobs(tmp_path_factory: pytest.TempPathFactory, migrated: Path) -> Path:  # noqa: F811
    """A SQLite database with the tables of jobs and of the tests, to copy."""
    sample = SampleWorker(tmp_path_factory.mktemp("jobs"), migrated)
    sample.migrate()
    return sample.database


@pytest.fixture
def work(tmp_path: Path, migrated_for_jobs: Path) -> Iterator[Callable[..., SampleWorker]]:
    """A function that prepares the sample service with jobs; its ``work()`` starts a worker."""
    started: list[SampleWorker] = []

    def begin(**options: Any) -> SampleWorker:
        started.append(SampleWorker(tmp_path / str(len(started)), migrated_for_jobs, **options))
        return started[-1]

    yield begin
    for worker in started:
        worker.stop()
