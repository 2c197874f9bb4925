"""The thread that claims jobs, in this process: nothing that a job or the database does stops it."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from debonair import db
from debonair.database.engine import engine_of
from debonair.jobs.table import JOBS, now
from debonair.settings import Settings
from debonair.testing import settings_for
from debonair.worker.dispatcher import Dispatcher
from tests.faults.sample import wait_for
from tests.jobs.conftest import Orders

SOURCE = """

import asyncio
import threading

go = threading.Event()


@debonair.job
def wait() -> None:
    go.wait(60)


@debonair.job(retries=0)
def odd() -> None:
    raise asyncio.CancelledError


@debonair.job
def quick() -> None: ...
"""


@pytest.fixture
def queue(make_orders: Callable[..., Orders], tmp_path: Path) -> Orders:
    return make_orders({"uri": f"sqlite:///{tmp_path}/orders.db"}, SOURCE)


def enqueue(service: Orders, *names: str, **options: Any) -> None:
    with service.app.app_context():
        for name in names:
            getattr(service.jobs, name).enqueue(**options)
        db.session.commit()


def change(service: Orders, **values: Any) -> None:
    with engine_of(service.app).begin() as connection:
        connection.execute(sa.update(JOBS).values(**values))


def states(service: Orders) -> list[tuple[str, str]]:
    return [(row["name"], row["state"]) for row in service.rows()]


@contextmanager
def working(service: Orders) -> Iterator[Dispatcher]:
    """Run jobs within the block; those that wait may go on at its end."""
    replaced: list[None] = []
    dispatcher = Dispatcher(service.app, lambda: replaced.append(None))
    dispatcher.start()
    try:
        yield dispatcher
    finally:
        service.jobs.go.set()
        dispatcher.stop(lambda: None)
        assert not replaced


def test_odd_exceptions_of_jobs_end_no_thread(queue: Orders) -> None:
    enqueue(queue, *["odd"] * 8, "quick")
    with working(queue):
        wait_for(lambda: states(queue) == [("odd", "dead")] * 8 + [("quick", "done")], "all jobs have ended")


def test_job_whose_end_cannot_be_recorded_is_tried_again(
    queue: Orders, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> None:
        raise OverflowError("cannot")

    monkeypatch.setattr("debonair.jobs.execution._report", fail)
    enqueue(queue, "quick")
    with working(queue):
        wait_for(lambda: states(queue) == [("quick", "waiting")], "the job has failed")
    assert "OverflowError: cannot" in queue.rows()[0]["error"]


def test_error_while_changes_are_waited_for_is_survived(queue: Orders) -> None:
    class Damaged:
        def execute(self, _: str) -> None:
            raise sqlite3.DatabaseError("file is not a database")

        def close(self) -> None: ...

    with working(queue) as dispatcher:
        wait_for(lambda: dispatcher._wakeups._connection is not None, "it waits for changes")
        dispatcher._wakeups._connection = Damaged()
        enqueue(queue, "quick")
        wait_for(lambda: states(queue) == [("quick", "done")], "jobs run")
        assert not isinstance(dispatcher._wakeups._connection, Damaged)


def test_worker_that_stops_takes_few_turns_while_a_job_ends(
    queue: Orders, monkeypatch: pytest.MonkeyPatch
) -> None:
    turns: list[float] = []
    turn = Dispatcher._turn
    monkeypatch.setattr(Dispatcher, "_turn", lambda self: turns.append(time.monotonic()) or turn(self))
    enqueue(queue, "wait")
    with working(queue) as dispatcher:
        wait_for(lambda: states(queue) == [("wait", "running")], "the job runs")
        enqueue(queue, "quick", delay=0.1)
        dispatcher._stopping = True
        dispatcher._wakeups.wake()
        wait_for(
            lambda: queue.rows()[1]["due"] < time.time() * 1000 - 500, "the other job has been due for long"
        )
        assert len(turns) < 100
    assert states(queue)[0] == ("wait", "done")


def test_suspect_of_another_release_stops_nothing(queue: Orders) -> None:
    enqueue(queue, "quick")
    change(queue, name="of another release", crashes=1)
    enqueue(queue, "wait")
    with working(queue):
        wait_for(lambda: ("wait", "running") in states(queue), "the long job runs")
        enqueue(queue, "quick")
        wait_for(lambda: ("quick", "done") in states(queue), "another job runs beside it")


def test_suspect_runs_alone(queue: Orders) -> None:
    enqueue(queue, "wait")
    change(queue, crashes=1)
    enqueue(queue, "quick")
    with working(queue) as dispatcher:
        wait_for(lambda: states(queue)[0] == ("wait", "running"), "the suspect runs")
        before = dispatcher._turned
        dispatcher._next_beat = 0.0
        dispatcher._wakeups.wake()
        wait_for(lambda: dispatcher._turned > before, "the worker has looked for jobs")
        assert queue.rows()[0]["owner"].endswith(" alone")
        queue.jobs.go.set()
        wait_for(lambda: states(queue) == [("wait", "done"), ("quick", "done")], "both have ended")
        first, second = queue.rows()
        assert second["started"] >= first["finished"]


def test_expired_jobs_are_deleted_however_many(queue: Orders) -> None:
    enqueue(queue, *["quick"] * 1200)
    change(queue, state="done", finished=now(), expires=now() - 1)
    with working(queue):
        wait_for(lambda: states(queue) == [], "all are deleted")


def test_pool_has_connections_for_all_threads(package: Path, tmp_path: Path) -> None:
    (package / "jobs.py").write_text("")
    import orders.application

    def settings(threads: int) -> Settings:
        uri = f"sqlite:///{tmp_path}/{threads}.db"
        return settings_for("orders", database={"uri": uri}, jobs={"threads": threads})

    for threads in (4, 50):
        pool: Any = engine_of(orders.application.create_app(settings(threads))).pool
        assert pool.size() + pool._max_overflow >= threads + 2
