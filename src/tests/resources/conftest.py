"""Fixtures: PostgreSQL databases for the tests of resources."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.faults import postgresql
from tests.resources import served


@pytest.fixture(scope="session")
def postgresql_cluster() -> Iterator[postgresql.Cluster]:
    """A PostgreSQL server of the tests' own."""
    if reason := postgresql.why_not():
        pytest.skip(reason)
    cluster = postgresql.Cluster()
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.remove()


@pytest.fixture
def postgresql_url(postgresql_cluster: postgresql.Cluster) -> Iterator[str]:
    """The URL of an empty PostgreSQL database, for libpq; SQLAlchemy wants ``postgresql+psycopg``."""
    name = postgresql_cluster.create()
    yield f"postgresql://tests:{postgresql.PASSWORD}@127.0.0.1:{postgresql_cluster.port}/{name}"
    postgresql_cluster.execute("postgres", f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.acceptance)])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> dict[str, Any]:
    """The settings of an empty database: of SQLite, and among the slow tests of PostgreSQL."""
    if request.param == "sqlite":
        return served.sqlite(tmp_path)
    return served.postgresql(request.getfixturevalue("postgresql_cluster"))
