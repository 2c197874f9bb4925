"""Fixtures: PostgreSQL databases for the tests of resources."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.faults import postgresql


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


@pytest.fixture
def make_database(
    request: pytest.FixtureRequest, tmp_path: Path
) -> Iterator[Callable[[str], dict[str, Any]]]:
    """A function that returns the settings of an empty database, of ``sqlite`` or ``postgresql``."""
    made: list[str] = []

    def make(backend: str) -> dict[str, Any]:
        if backend == "sqlite":
            return {"uri": f"sqlite:///{tmp_path}/tests.db"}
        cluster = request.getfixturevalue("postgresql_cluster")
        made.append(cluster.create())
        uri = f"postgresql+psycopg://tests@127.0.0.1:{cluster.port}/{made[-1]}"
        return {"uri": uri, "password": postgresql.PASSWORD}

    yield make
    for name in made:
        request.getfixturevalue("postgresql_cluster").execute(
            "postgres", f"DROP DATABASE {name} WITH (FORCE)"
        )


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.acceptance)])
def database(
    request: pytest.FixtureRequest, make_database: Callable[[str], dict[str, Any]]
) -> dict[str, Any]:
    """The settings of an empty database: of SQLite, and among the slow tests of PostgreSQL."""
    found: dict[str, Any] = make_database(request.param)
    return found
