"""Rows of jobs on their way through a broker: turns that fail, and rows that others lock."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from sqlalchemy import Connection, Engine

from debonair.database.engine import db, engine_of
from debonair.jobs import publication, store
from debonair.jobs.setup import settings_of
from debonair.jobs.table import JOBS, State, now
from debonair.worker import owners
from debonair.worker.rabbitmq_queue import RabbitQueue
from tests.faults.rabbitmq import free_port
from tests.faults.sample import wait_for
from tests.jobs.conftest import Orders

OWNER = "host 1 2.3 4.5"
RELAY = OWNER + owners.RELAY
LEASE = 30_000

_c = JOBS.c


@pytest.fixture
def on_postgresql(
    make_orders: Callable[..., Orders],
    make_database: Callable[[str], dict[str, Any]],
) -> Orders:
    """The service on PostgreSQL."""
    return make_orders(make_database("postgresql"))


@pytest.fixture
def queue_for() -> Iterator[Callable[[Flask], RabbitQueue]]:
    """A function that makes the queue of a worker whose RabbitMQ is away."""
    made: list[RabbitQueue] = []

    def make(app: Flask) -> RabbitQueue:
        settings = settings_of(app)
        object.__setattr__(settings, "broker", f"amqp://127.0.0.1:{free_port()}")
        made.append(RabbitQueue(settings, "orders", lambda: None))
        return made[-1]

    yield make
    for queue in made:
        queue.close()


def published(service: Orders, count: int, owner: str | None) -> tuple[Engine, list[int]]:
    """Enqueue jobs and mark them as published; return the engine and their ids."""
    with service.app.app_context():
        for number in range(count):
            service.jobs.send_receipt.enqueue(number)
        db.session.commit()
    engine = engine_of(service.app)
    with engine.begin() as connection:
        connection.execute(sa.update(JOBS).values(state=State.PUBLISHED, owner=owner, lease=now() + LEASE))
        return engine, sorted(connection.execute(sa.select(_c.id)).scalars())


def turn(queue: RabbitQueue, engine: Engine, *, fails: bool = False) -> None:
    queue.prepare(0, False)
    with engine.connect() as connection, connection.begin() as transaction:
        queue.relay(connection, ["send_receipt"], OWNER, LEASE, beat=False)
        if fails:
            transaction.rollback()
            return
    queue.committed([])


def states(service: Orders) -> list[str]:
    return [row["state"] for row in service.rows()]


def lock(connection: Connection, job: int, **options: Any) -> None:
    connection.execute(sa.select(_c.id).where(_c.id == job).with_for_update(**options))


def test_jobs_of_a_queue_that_was_missing_are_queued_though_a_turn_fails(
    on_sqlite: Orders, queue_for: Callable[[Flask], RabbitQueue]
) -> None:
    engine, _ = published(on_sqlite, 2, None)
    queue = queue_for(on_sqlite.app)
    queue._note_created()
    turn(queue, engine, fails=True)
    assert states(on_sqlite) == ["published"] * 2
    turn(queue, engine)
    assert states(on_sqlite) == ["queued"] * 2
    published(on_sqlite, 0, None)
    turn(queue, engine)
    assert states(on_sqlite) == ["published"] * 2, "they are queued once for each time"


@pytest.mark.acceptance
def test_results_of_publications_wait_for_rows_that_others_lock(
    on_postgresql: Orders, queue_for: Callable[[Flask], RabbitQueue]
) -> None:
    engine, (sent, refused, claimed) = published(on_postgresql, 3, RELAY)
    queue = queue_for(on_postgresql.app)
    queue._publisher.results.extend([(sent, True), (refused, False), (claimed, True)])
    with engine.connect() as other, engine.connect() as claimer:
        lock(other, sent)
        lock(other, refused)
        assert publication.claim_published(claimer, [claimed], ["send_receipt"], "another", LEASE)
        turn(queue, engine)
        other.rollback()
        claimer.commit()
    assert [row["owner"] for row in on_postgresql.rows()] == [RELAY, RELAY, "another"]
    turn(queue, engine)
    assert states(on_postgresql) == ["published", "queued", "running"]
    assert [row["owner"] for row in on_postgresql.rows()] == [None, None, "another"]
    assert queue._results == {}, "there is nothing left to record"


@pytest.mark.acceptance
def test_leases_are_extended_in_the_order_in_which_jobs_are_claimed(on_postgresql: Orders) -> None:
    engine, (first, second) = published(on_postgresql, 2, RELAY)
    with engine.begin() as connection:  # now the second comes first in the table, and in the index of leases
        connection.execute(sa.update(JOBS).where(_c.id == first).values(lease=_c.lease + 1))

    def extend() -> None:
        with engine.begin() as connection:
            store.extend(connection, [RELAY], 2 * LEASE)

    waiting = sa.text("SELECT 1 FROM pg_locks WHERE NOT granted")
    extending = threading.Thread(target=extend)
    with engine.connect() as claimer, engine.connect() as observer:
        lock(claimer, first)
        extending.start()
        wait_for(lambda: observer.execute(waiting).first() is not None, "the other waits for a lock")
        lock(claimer, second, nowait=True)
    extending.join()
    assert len({row["lease"] for row in on_postgresql.rows()}) == 1
