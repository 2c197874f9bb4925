"""Workers that are killed under load: others take over, and what was acknowledged stays."""

from __future__ import annotations

import os
import signal

import pytest

from tests.faults.sample import Sample, Serve, Writers, wait_for

pytestmark = pytest.mark.acceptance

PATIENT = {"database_timeout": "20s"}
"""SQLite admits one writer, and those that wait ask again at intervals, the longest waiting one not first: on
a busy machine with a full load of writers one of them waits for seconds."""


def test_killed_worker_is_replaced_and_loses_no_acknowledged_write(serve: Serve) -> None:
    sample = serve(**PATIENT)
    with Writers(sample).at_work() as writers:
        for _ in range(3):
            writers.wait_for_more()
            killed = min(sample.workers())
            os.kill(killed, signal.SIGKILL)
            wait_for(lambda: len(sample.workers() - {killed}) == 2, "the worker is replaced")  # noqa: B023
            assert sample.alive()
    sample.becomes_ready()
    assert set(writers.refused) <= {None}, errors_of(sample)
    assert sample.users() >= set(writers.acknowledged)
    assert any("SIGKILL" in entry["message"] for entry in sample.entries())


def test_all_workers_killed_are_replaced_and_metrics_go_on(serve: Serve) -> None:
    sample = serve(**PATIENT)
    with Writers(sample).at_work() as writers:
        writers.wait_for_more()
        # A killed worker loses what it has counted in the last second, and nothing before.
        counted = len(writers.acknowledged)
        wait_for(lambda: checked_in(sample) >= counted, "the requests are counted")
        killed = sample.workers()
        for pid in killed:
            os.kill(pid, signal.SIGKILL)
        wait_for(lambda: len(sample.workers() - killed) == 2, "the workers are replaced")
        replaced = len(writers.acknowledged)
        writers.wait_for_more()
    sample.becomes_ready()
    assert set(writers.refused) <= {None}, errors_of(sample)
    assert sample.users() >= set(writers.acknowledged)
    counted += len(writers.acknowledged) - replaced
    wait_for(lambda: checked_in(sample) >= counted, "the counts continue")


def checked_in(sample: Sample) -> float:
    """Return how many check-ins the metrics count."""
    lines = sample.ask("GET", "/metrics").body.decode().splitlines()
    found = [
        line
        for line in lines
        if "http_requests_total{" in line and 'rule="/checkin/<user>",status="200"' in line
    ]
    return float(found[0].split()[-1]) if found else 0.0


@pytest.mark.parametrize("worker_class", ["epoll", "gthread", "sync"])
def test_workers_replaced_by_sighup_lose_no_request(serve: Serve, worker_class: str) -> None:
    sample = serve(server_worker_class=worker_class, **PATIENT)
    with Writers(sample).at_work() as writers:
        for _ in range(3):
            replace_workers(sample)
            writers.wait_for_more()
    sample.becomes_ready()
    assert writers.refused == [], errors_of(sample)
    assert sample.users() >= set(writers.acknowledged)


def errors_of(sample: Sample) -> list[str]:
    return [entry["message"] for entry in sample.entries() if entry["level"] in ("ERROR", "CRITICAL")]


def replace_workers(sample: Sample) -> None:
    before = sample.workers()
    os.kill(sample.process.pid, signal.SIGHUP)
    wait_for(lambda: len(sample.workers()) == 2 and not sample.workers() & before, "all workers are new")


def test_hung_worker_is_replaced(serve: Serve) -> None:
    sample = serve(server_timeout="2s", server_workers=1)
    (hung,) = sample.workers()
    os.kill(hung, signal.SIGSTOP)
    wait_for(lambda: len(sample.workers() - {hung}) == 1, "the worker is replaced")
    sample.becomes_ready()
    assert sample.check_in("after").status == 200
