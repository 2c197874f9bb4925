"""How jobs end: done with their changes, retried, dead, or lost to another worker."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa

from debonair import db
from debonair.database.engine import engine_of
from debonair.jobs import execution, store
from debonair.jobs.declaration import declared_jobs
from debonair.jobs.table import JOBS, State, now
from tests.jobs.conftest import Orders


def enqueue(service: Orders, name: str, *args: Any, **options: Any) -> int:
    with service.app.app_context():
        number: int = getattr(service.jobs, name).enqueue(*args, **options).id
        db.session.commit()
        return number


def claim(service: Orders, owner: str = "me", most: int = 10, lease: int = 60_000) -> list[store.Claimed]:
    with engine_of(service.app).begin() as connection:
        names = sorted(declared_jobs("orders"))
        return store.claim(connection, names, owner, lease, most, suspects=False)


def receipts(service: Orders) -> list[int]:
    with service.app.app_context():
        return list(db.session.execute(sa.select(service.jobs.receipts)).scalars())


def make_due(service: Orders) -> None:
    with engine_of(service.app).begin() as connection:
        connection.execute(sa.update(JOBS).values(due=now() - 1))


def test_failing_job_is_retried_and_then_dead(service: Orders) -> None:
    number = enqueue(service, "fail", 7)
    endings = []
    for _ in range(3):
        endings += service.queue.run()
        make_due(service)
    assert endings == [("fail", "waiting"), ("fail", "waiting"), ("fail", "dead")]
    assert service.queue.run() == [], "a dead job is not run"
    [row] = service.rows()
    assert row["id"] == number and row["failures"] == 2 and "the printer is away" in row["error"]
    assert receipts(service) == [], "what the job has written is rolled back"


def test_pause_before_a_retry_doubles_up_to_its_bound_with_a_random_part(on_sqlite: Orders) -> None:
    job = on_sqlite.jobs.send_receipt
    bounds = []
    for failures in range(21):
        claimed = store.Claimed("me", 1, job.name, "{}", failures + 1, failures, 0, None, None, None, "1")
        delays = [execution.failed(job, claimed, "").delay for _ in range(200)] if failures < 10 else [0]
        bounds.append((min(delays), max(delays)))
    for failures, (least, most) in enumerate(bounds[:10]):
        pause = 1000 * 2**failures
        assert pause / 2 <= least < most <= pause
    assert execution.failed(job, claimed, "").state is State.DEAD


def test_job_whose_row_is_not_kept_leaves_none(service: Orders) -> None:
    enqueue(service, "forget")
    assert service.queue.run() == [("forget", "done")]
    assert service.rows() == []


def test_changes_of_a_job_that_another_worker_has_taken_are_rolled_back(service: Orders) -> None:
    enqueue(service, "send_receipt", 7)
    [mine] = claim(service)
    with engine_of(service.app).begin() as connection:
        connection.execute(sa.update(JOBS).values(lease=now() - 1))
        assert store.take_expired(connection) == 1
    [theirs] = claim(service, "they")
    job = service.jobs.send_receipt
    assert execution.execute(service.app, job, theirs) is None
    assert execution.execute(service.app, job, mine) is None
    assert receipts(service) == [7] and len(service.jobs.calls) == 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ('{"order_id":1,"colour":"red"}', "got an unexpected keyword argument 'colour'"),
        ("{}", "missing a required argument: 'order_id'"),
        ('{"order_id":"1"}', "order_id cannot be '1'"),
    ],
)
def test_job_of_a_release_with_another_signature_is_set_aside(
    on_sqlite: Orders, arguments: str, message: str
) -> None:
    enqueue(on_sqlite, "send_receipt", 7)
    with engine_of(on_sqlite.app).begin() as connection:
        connection.execute(sa.update(JOBS).values(arguments=arguments, version="0"))
    assert on_sqlite.queue.run() == [("send_receipt", "dead")]
    [row] = on_sqlite.rows()
    assert message in row["error"] and "it was enqueued by version 0" in row["error"]


def test_job_of_a_newer_release_waits_for_its_worker(on_sqlite: Orders) -> None:
    enqueue(on_sqlite, "send_receipt", 7)
    with engine_of(on_sqlite.app).begin() as connection:
        connection.execute(sa.update(JOBS).values(arguments='{"order_id":1,"colour":"red"}', version="99.1"))
    assert on_sqlite.queue.run() == [("send_receipt", "waiting")]
    [row] = on_sqlite.rows()
    assert "version 99.1, which is newer than this worker's" in row["error"] and row["failures"] == 0


def test_many_jobs_end_by_one_statement_and_only_those_of_their_owner(service: Orders) -> None:
    for name in ("forget", "tidy", "send_receipt", "forget"):
        enqueue(service, name, *([1] if name == "send_receipt" else []))
    claimed = claim(service)
    with engine_of(service.app).begin() as connection:
        connection.execute(sa.update(JOBS).where(JOBS.c.id == claimed[-1].id).values(attempts=2))
        endings = {
            "forget": store.Ending(State.DONE),
            "tidy": store.Ending(State.DONE, keep=1000),
            "send_receipt": store.Ending(State.DONE, result='"x"', keep=1000),
        }
        store.end_all(connection, [(job, endings[job.name]) for job in claimed])
    found = [(row["name"], row["state"], row["result"]) for row in service.rows()]
    assert found == [("tidy", "done", None), ("send_receipt", "done", '"x"'), ("forget", "running", None)]


def test_job_that_this_release_does_not_have_stays_in_the_queue(service: Orders) -> None:
    enqueue(service, "send_receipt", 7)
    with engine_of(service.app).begin() as connection:
        connection.execute(sa.update(JOBS).values(name="of the next release"))
    assert claim(service) == []
    assert [row["state"] for row in service.rows()] == ["queued"]


def test_jobs_are_claimed_by_priority_and_then_by_age(service: Orders) -> None:
    numbers = [
        enqueue(service, "send_receipt", 1),
        enqueue(service, "send_receipt", 2, priority=9),
        enqueue(service, "send_receipt", 3),
        enqueue(service, "tidy"),
    ]
    assert [job.id for job in claim(service, most=3)] == [numbers[1], numbers[3], numbers[0]]
    assert [job.id for job in claim(service)] == [numbers[2]]


def test_lease_that_is_extended_is_not_taken(service: Orders) -> None:
    enqueue(service, "send_receipt", 7)
    claim(service, lease=0)
    with engine_of(service.app).begin() as connection:
        store.extend(connection, ["me"], 60_000)
        assert store.take_expired(connection) == 0
        assert store.give_back(connection, ["me"]) == 1
    assert [job.attempts for job in claim(service)] == [2]


def test_job_that_ends_its_process_is_dead_when_it_has_run_alone(service: Orders) -> None:
    enqueue(service, "send_receipt", 7)
    with engine_of(service.app).begin() as connection:
        for crash, alone in enumerate([False, True, True], 1):
            [job] = store.claim(connection, ["send_receipt"], "me", 1000, 1, suspects=crash > 1)
            assert job.crashes == crash - 1
            store.take_from_dead(connection, "me", alone=alone, at_fault=True)
            assert store.has_suspects(connection, ["send_receipt"]) == (crash < 3)
            assert not store.has_suspects(connection, ["of another release"])
    [row] = service.rows()
    assert (row["state"], row["crashes"]) == ("dead", 3) and "ended its process 3 times" in row["error"]


def test_end_of_the_whole_worker_is_no_fault_of_a_job(service: Orders) -> None:
    enqueue(service, "send_receipt", 7)
    claim(service)
    with engine_of(service.app).begin() as connection:
        store.take_from_dead(connection, "me", alone=True, at_fault=False)
    [row] = service.rows()
    assert (row["state"], row["crashes"]) == ("queued", 0)


def test_done_jobs_are_deleted_when_they_are_kept_no_longer(service: Orders) -> None:
    enqueue(service, "send_receipt", 7)
    service.queue.run()
    with engine_of(service.app).begin() as connection:
        assert store.delete_expired(connection, 10) == 0
        connection.execute(sa.update(JOBS).values(expires=now() - 1))
        assert store.delete_expired(connection, 10) == 1


def test_log_names_job_attempt_and_trace(
    make_orders: Callable[..., Orders], tmp_path: Any, caplog: pytest.LogCaptureFixture
) -> None:
    service = make_orders({"uri": f"sqlite:///{tmp_path}/orders.db"})
    number = enqueue(service, "fail", 7)
    with caplog.at_level(logging.INFO, "debonair.jobs"):
        service.queue.run()
    [record] = [record for record in caplog.records if record.name == "debonair.jobs"]
    assert record.levelname == "WARNING" and "the printer is away" in record.getMessage()
    assert vars(record)["job_id"] == number and vars(record)["attempt"] == 1


def test_result_that_json_does_not_have_is_kept_as_text(
    make_orders: Callable[..., Orders], tmp_path: Any
) -> None:
    source = "\n\n@debonair.job\ndef today() -> object:\n    return {'day': datetime.date(2026, 2, 3)}\n"
    service = make_orders({"uri": f"sqlite:///{tmp_path}/orders.db"}, source)
    enqueue(service, "today")
    service.queue.run()
    assert json.loads(service.rows()[0]["result"]) == {"day": "2026-02-03"}


@pytest.mark.parametrize("raised", ["asyncio.CancelledError()", "KeyboardInterrupt()", "OSError('\\udcff')"])
def test_job_that_raises_whatever_it_likes_has_failed(
    make_orders: Callable[..., Orders], tmp_path: Any, raised: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL, "debonair.jobs")  # pytest cannot report a lone surrogate
    source = f"\n\n@debonair.job\ndef odd() -> None:\n    import asyncio\n\n    raise {raised}\n"
    service = make_orders({"uri": f"sqlite:///{tmp_path}/orders.db"}, source)
    enqueue(service, "odd")
    assert service.queue.run() == [("odd", "waiting")]


def test_result_with_characters_that_no_database_takes_is_kept(
    make_orders: Callable[..., Orders], tmp_path: Any
) -> None:
    source = "\n\n@debonair.job\ndef odd() -> str:\n    return '\\udcff'\n"
    service = make_orders({"uri": f"sqlite:///{tmp_path}/orders.db"}, source)
    enqueue(service, "odd")
    assert service.queue.run() == [("odd", "done")]
    assert json.loads(service.rows()[0]["result"]) == "\udcff"


def test_dead_jobs_are_deleted_after_a_month(service: Orders) -> None:
    enqueue(service, "fail", 7)
    with engine_of(service.app).begin() as connection:
        connection.execute(sa.update(JOBS).values(failures=2))
    service.queue.run()
    [row] = service.rows()
    assert row["expires"] - row["finished"] == 30 * 86_400_000
