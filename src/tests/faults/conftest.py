"""Fixtures: the sample service under its server, and a PostgreSQL that a test may stop or damage."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.faults import postgresql, rabbitmq
from tests.faults.sample import COMMAND, Sample, Serve
from tests.jobs.rabbitmq_workers import QUEUE, RabbitWorker


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip what serves the sample where it is not baked."""
    for item in items:
        if item.path.parent == Path(__file__).parent and not COMMAND.exists():
            item.add_marker(pytest.mark.skip(reason="there is no sample service: make bake"))


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite database at the head revision, to copy."""
    sample = Sample(tmp_path_factory.mktemp("migrated"))
    upgrade = sample.command("db", "upgrade")
    assert (upgrade.communicate()[0], upgrade.returncode)[1] == 0
    return sample.database


@pytest.fixture
def serve(tmp_path: Path, migrated: Path) -> Iterator[Serve]:
    """A function that serves the sample on SQLite, with further options."""
    numbers = itertools.count()
    served: list[Sample] = []

    def begin(*, ready: bool = True, **options: Any) -> Sample:
        served.append(Sample(tmp_path / str(next(numbers)), database=migrated, **options))
        served[-1].start(ready=ready)
        return served[-1]

    yield begin
    for sample in served:
        sample.stop()


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory, migrated: Path) -> Iterator[Sample]:
    """The sample on SQLite, shared by the tests of a module that do not change it."""
    sample = Sample(tmp_path_factory.mktemp("shared"), database=migrated)
    sample.start()
    yield sample
    sample.stop()


@pytest.fixture(scope="session")
def _cluster() -> Iterator[postgresql.Cluster]:
    if reason := postgresql.why_not():
        pytest.skip(reason)
    cluster = postgresql.Cluster()
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.remove()


@pytest.fixture
def cluster(_cluster: postgresql.Cluster) -> Iterator[postgresql.Cluster]:
    """A PostgreSQL that runs, and that is started again after the test."""
    yield _cluster
    _cluster.resume()
    _cluster.start()


@pytest.fixture(scope="session")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with the driver of PostgreSQL."""
    return postgresql.libraries(tmp_path_factory.mktemp("driver"))


@pytest.fixture(scope="session")
def _template(_cluster: postgresql.Cluster, driver: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    name = _cluster.create()
    sample = Sample(tmp_path_factory.mktemp("template"), libraries=driver, **_cluster.options(name))
    upgrade = sample.command("db", "upgrade")
    assert (upgrade.communicate()[0], upgrade.returncode)[1] == 0
    return name


@pytest.fixture
def database(cluster: postgresql.Cluster, _template: str) -> str:
    """The name of a migrated database on PostgreSQL, of the test's own."""
    return cluster.create(_template)


@pytest.fixture
def on_postgresql(
    serve: Serve, cluster: postgresql.Cluster, database: str, driver: Path
) -> Callable[..., Sample]:
    """A function that serves the sample on that database."""

    def begin(**options: Any) -> Sample:
        return serve(libraries=driver, **cluster.options(database), **options)

    return begin


@pytest.fixture(scope="session")
def _broker() -> Iterator[rabbitmq.Broker]:
    if reason := rabbitmq.why_not():
        pytest.skip(reason)
    broker = rabbitmq.Broker()
    try:
        broker.start()
        yield broker
    finally:
        broker.remove()


@pytest.fixture
def broker(_broker: rabbitmq.Broker) -> Iterator[rabbitmq.Broker]:
    """A RabbitMQ that runs, and that is started again, without the queue of the sample, after the test."""
    yield _broker
    _broker.start()
    _broker.delete(QUEUE)


@pytest.fixture
def rabbit(
    tmp_path: Path, cluster: postgresql.Cluster, broker: rabbitmq.Broker, libraries: Path
) -> Iterator[Callable[..., RabbitWorker]]:
    """A function that makes the sample with jobs on PostgreSQL and that broker, with further options."""
    made: list[RabbitWorker] = []

    def make(*, uri: str | None = None, **options: Any) -> RabbitWorker:
        directory = tmp_path / f"rabbit-{len(made)}"
        name = cluster.create()
        made.append(
            RabbitWorker(directory, cluster, name, uri or broker.uri(), libraries=libraries, **options)
        )
        return made[-1]

    yield make
    for sample in made:
        sample.stop()


@pytest.fixture(scope="session")
def libraries(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with the driver of PostgreSQL and the client of RabbitMQ."""
    directory = tmp_path_factory.mktemp("libraries")
    return rabbitmq.libraries(postgresql.libraries(directory))
