"""A job is a row in the transaction of the data that it belongs to."""

from __future__ import annotations

import datetime
import decimal
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from debonair import CommandError, db
from debonair.testing import settings_for
from tests.jobs.conftest import Orders


def test_job_is_run_after_the_transaction_that_enqueues_it(service: Orders) -> None:
    with service.app.app_context():
        enqueued = service.jobs.send_receipt.enqueue(7, note="thanks")
        db.session.commit()
    assert enqueued.new
    assert service.queue.run() == [("send_receipt", "done")]
    [(order, note, current, _)] = service.jobs.calls
    assert (order, note) == (7, "thanks")
    assert (current.id, current.name, current.attempt) == (enqueued.id, "send_receipt", 1)
    [row] = service.rows()
    assert row["state"] == "done" and row["result"] == '"receipt 7"' and row["owner"] is None


def test_rolled_back_transaction_leaves_no_job(service: Orders) -> None:
    with service.app.app_context():
        service.jobs.send_receipt.enqueue(7)
        db.session.rollback()
    assert service.rows() == []


def test_calling_a_job_runs_it_at_once(on_sqlite: Orders) -> None:
    with on_sqlite.app.app_context():
        assert on_sqlite.jobs.send_receipt(3) == "receipt 3"
    assert on_sqlite.rows() == []


def test_once_key_enqueues_one_job(service: Orders) -> None:
    with service.app.app_context():
        first = service.jobs.send_receipt.enqueue(1, once="receipt-1")
        again = service.jobs.send_receipt.enqueue(1, once="receipt-1")
        other = service.jobs.send_receipt.enqueue(2, once="receipt-2")
        db.session.commit()
    assert again.id == first.id and (first.new, again.new, other.new) == (True, False, True)
    service.queue.run()
    with service.app.app_context():
        assert not service.jobs.send_receipt.enqueue(1, once="receipt-1").new, "while the row is kept"
        db.session.commit()
    assert len(service.rows()) == 2


def test_unique_job_is_enqueued_again_when_it_has_begun(service: Orders) -> None:
    with service.app.app_context():
        results = [service.jobs.tidy.enqueue(path).new for path in ("/a", "/a", "/b")]
        db.session.commit()
    assert results == [True, False, True]
    service.queue.run()
    with service.app.app_context():
        assert service.jobs.tidy.enqueue("/a").new


@pytest.mark.parametrize("delay", ["1h", 3600, datetime.timedelta(hours=1)])
def test_delayed_job_waits(service: Orders, delay: Any) -> None:
    with service.app.app_context():
        service.jobs.send_receipt.enqueue(1, delay=delay)
        db.session.commit()
    assert service.queue.run() == []
    [row] = service.rows()
    assert row["state"] == "waiting" and abs(row["due"] - row["created"] - 3_600_000) < 60_000


def test_job_at_a_time_that_has_passed_is_due(service: Orders) -> None:
    now = datetime.datetime.now(datetime.UTC)
    with service.app.app_context():
        service.jobs.send_receipt.enqueue(1, at=now - datetime.timedelta(days=1))
        service.jobs.send_receipt.enqueue(2, at=now + datetime.timedelta(days=30))
        db.session.commit()
    assert [row["state"] for row in service.rows()] == ["queued", "waiting"]


def test_values_of_all_types_arrive_as_they_were(on_sqlite: Orders) -> None:
    vienna = datetime.timezone(datetime.timedelta(hours=1))
    given = (
        datetime.date(2026, 2, 28),
        datetime.datetime(2026, 2, 28, 12, 0, 0, 123456, vienna),
        decimal.Decimal("12.30"),
        uuid.UUID(int=5),
        on_sqlite.jobs.Color.BLUE,
        b"\x00\xff",
        datetime.timedelta(days=-1, microseconds=3),
        ["ä", "\u2028"],
        {"s": 1, "m": None},
    )
    with on_sqlite.app.app_context():
        on_sqlite.jobs.typed.enqueue(*given, rate=2)
        db.session.commit()
    assert on_sqlite.queue.run() == [("typed", "done")]
    assert on_sqlite.jobs.calls == [(*given, 2.0)]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda job: job.enqueue(), "missing a required argument: 'order_id'"),
        (lambda job: job.enqueue(1, 2, 3), "too many positional arguments"),
        (lambda job: job.enqueue(1, colour="red"), "unexpected keyword argument 'colour'"),
        (lambda job: job.enqueue("1"), "order_id cannot be '1'"),
        (lambda job: job.enqueue(True), "order_id cannot be True"),
        (lambda job: job.enqueue(1, note=None), "note cannot be None"),
        (lambda job: job.enqueue(1, note=b"x" * 500), "note cannot be b'xxx"),
    ],
)
def test_arguments_that_do_not_fit_are_refused(
    on_sqlite: Orders, call: Callable[[Any], Any], message: str
) -> None:
    with on_sqlite.app.app_context(), pytest.raises(TypeError, match=message) as refused:
        call(on_sqlite.jobs.send_receipt)
    assert len(str(refused.value)) < 300
    assert on_sqlite.rows() == []


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"delay": "soon"}, "a duration such as"),
        ({"delay": -1}, "at least 0 seconds"),
        ({"delay": float("nan")}, "at least 0 seconds"),
        ({"at": datetime.datetime(2026, 1, 1)}, "needs a time zone"),
        ({"at": datetime.datetime.now(datetime.UTC), "delay": 1}, "exclude each other"),
        ({"once": ""}, "a once key has 1 to 255 characters"),
        ({"once": "x" * 256}, "a once key has 1 to 255 characters"),
        ({"once": "a\0b"}, "a once key has 1 to 255 characters"),
        ({"priority": 101}, "from -100 to 100"),
    ],
)
def test_options_out_of_their_bounds_are_refused(
    on_sqlite: Orders, options: dict[str, Any], message: str
) -> None:
    with on_sqlite.app.app_context(), pytest.raises(ValueError, match=message):
        on_sqlite.jobs.send_receipt.enqueue(1, **options)


def test_job_has_the_request_id_and_trace_of_the_request(on_sqlite: Orders) -> None:
    trace = "00-" + "a" * 32 + "-" + "b" * 16 + "-01"

    @on_sqlite.app.post("/orders")
    def order() -> str:
        on_sqlite.jobs.send_receipt.enqueue(1)
        db.session.commit()
        return "ok"

    headers = {"X-Request-ID": "request-12345", "traceparent": trace}
    assert on_sqlite.app.test_client().post("/orders", headers=headers).status_code == 200
    on_sqlite.queue.run()
    [(_, _, _, request_id)] = on_sqlite.jobs.calls
    assert request_id == "request-12345"
    [row] = on_sqlite.rows()
    assert row["traceparent"] == trace


def test_service_without_the_module_is_told_so(package: Path, tmp_path: Path) -> None:
    import orders.application

    import debonair

    app = orders.application.create_app(
        settings_for("orders", database={"uri": f"sqlite:///{tmp_path}/orders.db"})
    )

    @debonair.job(name="elsewhere")
    def elsewhere() -> None: ...

    with app.app_context(), pytest.raises(CommandError, match=r"declare them in its module orders\.jobs"):
        elsewhere.enqueue()
