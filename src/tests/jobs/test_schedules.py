"""Schedules: their ticks, each taken once, whatever the clocks do."""

from __future__ import annotations

import datetime
import itertools
import zoneinfo
from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa

from debonair.database.engine import engine_of
from debonair.jobs.declaration import declared_jobs
from debonair.jobs.schedules import Schedule
from debonair.jobs.table import SCHEDULES, now
from debonair.jobs.ticks import take_ticks
from tests.jobs.conftest import Orders

HOUR = 3_600_000
SOURCE = """

@debonair.job(every="1h")
def hourly() -> None: ...


@debonair.job(every="1h", unique=True)
def alone() -> None: ...


@debonair.job(every="1h", catch_up=True)
def each_hour() -> None: ...
"""

UTC = zoneinfo.ZoneInfo("UTC")
VIENNA = zoneinfo.ZoneInfo("Europe/Vienna")


def moment(text: str, zone: zoneinfo.ZoneInfo = UTC) -> int:
    return round(datetime.datetime.fromisoformat(text).replace(tzinfo=zone).timestamp() * 1000)


@pytest.mark.parametrize(
    ("every", "start", "ticks"),
    [
        ("10m", "2026-01-01 00:05", ["2026-01-01 00:10", "2026-01-01 00:20"]),
        ("1d", "2026-01-01 00:00", ["2026-01-02 00:00", "2026-01-03 00:00"]),
        ("0 3 * * *", "2026-02-27 03:00", ["2026-02-28 03:00", "2026-03-01 03:00"]),
        ("*/15  9-10 * * 1", "2026-11-29 00:00", ["2026-11-30 09:00", "2026-11-30 09:15"]),
        ("0 0 29 2 *", "2026-01-01 00:00", ["2028-02-29 00:00", "2032-02-29 00:00"]),
    ],
)
def test_ticks_follow_each_other(every: str, start: str, ticks: list[str]) -> None:
    schedule, found = Schedule(every), [moment(start)]
    for _ in ticks:
        found.append(schedule.after(found[-1], UTC))
    assert found[1:] == [moment(tick) for tick in ticks]


def test_hours_that_the_clock_leaves_out_or_repeats_have_one_tick() -> None:
    schedule = Schedule("30 2 * * *")
    # 2026-03-29: 02:00 becomes 03:00. 2026-10-25: 03:00 becomes 02:00.
    for before, after in (("2026-03-28 12:00", "2026-03-30 12:00"), ("2026-10-24 12:00", "2026-10-26 12:00")):
        found, last = [], moment(before, VIENNA)
        while (last := schedule.after(last, VIENNA)) < moment(after, VIENNA):
            found.append(last)
        assert len(found) == 2


@pytest.fixture
def scheduled(make_orders: Callable[..., Orders], any_database: dict[str, Any]) -> Orders:
    return make_orders(any_database, SOURCE)


def take(service: Orders, name: str) -> float | None:
    with engine_of(service.app).begin() as connection:
        jobs = [job for job in declared_jobs("orders").values() if job.name == name]
        return take_ticks(connection, jobs, "UTC", "1.0")


def set_next(service: Orders, offset: int) -> None:
    with engine_of(service.app).begin() as connection:
        tick = sa.select(now()).scalar_subquery()
        rounded = connection.execute(sa.select(tick)).scalar_one() // HOUR * HOUR
        connection.execute(sa.update(SCHEDULES).values(next=rounded + offset))


def dues(service: Orders) -> list[int]:
    return [row["due"] for row in service.rows()]


def test_first_tick_is_in_the_future(scheduled: Orders) -> None:
    pause = take(scheduled, "hourly")
    assert pause is not None and 0 <= pause <= 3600
    assert dues(scheduled) == []


def test_tick_is_taken_once(scheduled: Orders) -> None:
    take(scheduled, "hourly")
    set_next(scheduled, 0)
    take(scheduled, "hourly")
    take(scheduled, "hourly")
    [due] = dues(scheduled)
    assert due % HOUR == 0
    assert scheduled.queue.run() == [("hourly", "done")]


@pytest.mark.parametrize(("name", "count"), [("hourly", 1), ("each_hour", 6)])
def test_missed_ticks_are_one_or_all(scheduled: Orders, name: str, count: int) -> None:
    take(scheduled, name)
    set_next(scheduled, -5 * HOUR)
    take(scheduled, name)
    found = dues(scheduled)
    assert len(found) == count and all(b - a == HOUR for a, b in itertools.pairwise(found))
    with engine_of(scheduled.app).connect() as connection:
        following = connection.execute(sa.select(SCHEDULES.c.next)).scalar_one()
        assert 0 < following - connection.execute(sa.select(now())).scalar_one() <= HOUR


def test_clock_that_was_set_back_repeats_no_tick(scheduled: Orders) -> None:
    take(scheduled, "hourly")
    set_next(scheduled, 0)
    take(scheduled, "hourly")
    # The tick that was taken is in the future again, and comes once more.
    set_next(scheduled, 5 * HOUR)
    take(scheduled, "hourly")
    set_next(scheduled, 0)
    take(scheduled, "hourly")
    assert len(dues(scheduled)) == 1


def test_clock_that_was_set_forward_and_back_keeps_no_schedule_waiting(scheduled: Orders) -> None:
    take(scheduled, "hourly")
    set_next(scheduled, 1000 * HOUR)
    pause = take(scheduled, "hourly")
    assert pause is not None and pause <= 3600


def test_schedule_of_another_release_is_replaced(scheduled: Orders) -> None:
    take(scheduled, "hourly")
    with engine_of(scheduled.app).begin() as connection:
        connection.execute(sa.update(SCHEDULES).values(every="0 3 * * *", next=SCHEDULES.c.next + 50 * HOUR))
    take(scheduled, "hourly")
    with engine_of(scheduled.app).connect() as connection:
        row = connection.execute(sa.select(SCHEDULES)).one()
        assert row.every == "1h" and row.next % HOUR == 0
    assert dues(scheduled) == []


def test_tick_that_has_come_is_taken_before_another_schedule_replaces_its_own(scheduled: Orders) -> None:
    take(scheduled, "hourly")
    set_next(scheduled, 0)
    with engine_of(scheduled.app).begin() as connection:
        connection.execute(sa.update(SCHEDULES).values(every="30m"))
    take(scheduled, "hourly")
    assert len(dues(scheduled)) == 1


def test_unique_job_of_a_schedule_waits_once(scheduled: Orders) -> None:
    take(scheduled, "alone")
    for offset in (-HOUR, 0):
        set_next(scheduled, offset)
        take(scheduled, "alone")
    assert len(dues(scheduled)) == 1
