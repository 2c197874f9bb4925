"""Faults of RabbitMQ while it takes jobs to workers: killed, short of memory, away, its queue lost."""

from __future__ import annotations

import collections
import os
import signal
import statistics
import threading
import time
from collections.abc import Callable

import pytest

from tests.faults.rabbitmq import Broker, free_port
from tests.faults.sample import children, wait_for
from tests.jobs.rabbitmq_workers import QUEUE, RabbitWorker

pytestmark = pytest.mark.acceptance

Rabbit = Callable[..., RabbitWorker]

JOBS = int(os.environ.get("JOBS", "600"))
"""How many jobs are run while processes are killed; the claim is made for 10,000."""

KILLS = 5

LOST = "RabbitMQ has lost their messages"


def killing(where: str) -> str:
    """Return source that ends the process the first time that a method of the publisher is called."""
    return f"""
from debonair.worker import rabbitmq_publisher

def kill_once(*_):
    if "killed" not in LEDGER.read_text():
        note("killed")
        os.kill(os.getpid(), signal.SIGKILL)
    return original(*_)

original = rabbitmq_publisher.Publisher.{where}
rabbitmq_publisher.Publisher.{where} = kill_once
"""


def test_rabbitmq_and_workers_are_killed_again_and_again_and_nothing_is_lost(
    rabbit: Rabbit, broker: Broker
) -> None:
    sample = rabbit()
    worker = sample.work()
    enqueuing = threading.Thread(target=sample.enqueue_many, args=("effect.enqueue(str(n))", JOBS))
    enqueuing.start()
    for number in range(KILLS):
        progress(sample, JOBS * (2 * number + 1) // (2 * KILLS + 2))
        broker.kill()
        broker.start()
        progress(sample, JOBS * (2 * number + 2) // (2 * KILLS + 2))
        os.killpg(worker.pid, signal.SIGKILL)
        worker = sample.work()
    enqueuing.join()
    sample.wait_until(done=JOBS)
    assert sorted(sample.effects(), key=int) == [str(number) for number in range(JOBS)]
    counts = collections.Counter(sample.executions())
    print(f"{JOBS} jobs, {KILLS} kills of RabbitMQ and of the worker: 0 lost, each effect once, "
          f"{sum(counts.values()) - JOBS} executions more than jobs")  # fmt: skip


def progress(sample: RabbitWorker, count: int) -> None:
    """Wait until so many jobs have been executed."""
    wait_for(lambda: len(set(sample.executions())) >= count, f"{count} jobs are executed", 180)


@pytest.mark.parametrize("where", ["publish", "_confirmed"])
def test_process_killed_between_commit_and_publish_or_before_the_confirm_loses_no_job(
    rabbit: Rabbit, where: str
) -> None:
    sample = rabbit(source=killing(where))
    sample.work()
    sample.enqueue_many("effect.enqueue(str(n))", 20)
    sample.wait_until(done=20)
    assert sorted(sample.effects(), key=int) == [str(number) for number in range(20)]
    executions = sample.executions()
    assert executions.count("killed") == 1
    print(f"killed in {where}: {len(executions) - 21} executions more than jobs")


def test_memory_alarm_blocks_publishing_and_nothing_else(rabbit: Rabbit, broker: Broker) -> None:
    sample = rabbit()
    sample.work()
    gate = sample.checkout / "gate"
    sample.enqueue(f'wait_for_file.enqueue("before", "{gate}")')
    wait_for(lambda: sample.executions() == ["begin before"], "a job runs")
    broker.control("set_vm_memory_high_watermark", "absolute", "1MB")
    try:
        sample.enqueue_many("effect.enqueue(str(n))", 20)
        wait_for(lambda: "takes no messages for now" in sample.worker_log(), "the alarm is logged")
        gate.touch()
        wait_for(lambda: sample.effects() == ["before"], "the job that runs ends")
        assert '"status":"ready"' in sample.run("health", "--role", "worker")
        assert "RabbitMQ is away" not in sample.worker_log()
    finally:
        broker.control("set_vm_memory_high_watermark", "absolute", "2GB")
    sample.wait_until(done=21)
    wait_for(lambda: "takes messages again" in sample.worker_log(), "the end of the alarm is logged")
    assert len(sample.effects()) == 21


def fill(sample: RabbitWorker, broker: Broker) -> int:
    """Occupy all threads, have more jobs published, and return how many jobs there are."""
    gate = sample.checkout / "gate"
    sample.enqueue(*[f'wait_for_file.enqueue("long {n}", "{gate}")' for n in range(4)])
    wait_for(lambda: len(sample.executions()) == 4, "all threads run a job")
    sample.enqueue_many("effect.enqueue(str(n))", 20)
    wait_for(lambda: broker.ready(QUEUE) == 20, "the others are in the queue")
    return 24


def test_deleted_queue_is_declared_again_and_its_jobs_are_published_again(
    rabbit: Rabbit, broker: Broker
) -> None:
    sample = rabbit(jobs_lease="30s")
    sample.work()
    count = fill(sample, broker)
    broker.delete(QUEUE)
    wait_for(lambda: broker.ready(QUEUE) == 20, "the messages are in a new queue")
    assert f"20 jobs are published again: {LOST}" in sample.worker_log()
    (sample.checkout / "gate").touch()
    sample.wait_until(done=count)
    assert len(set(sample.effects())) == len(sample.effects()) == count


def test_jobs_of_a_purged_queue_are_published_again_after_a_while(rabbit: Rabbit, broker: Broker) -> None:
    sample = rabbit()
    sample.work()
    count = fill(sample, broker)
    with broker.channel() as channel:
        channel.queue_purge(QUEUE)
    wait_for(lambda: broker.ready(QUEUE) == 20, "the messages are in the queue again")
    (sample.checkout / "gate").touch()
    sample.wait_until(done=count)
    assert len(set(sample.effects())) == len(sample.effects()) == count


def test_connections_closed_in_the_middle_of_a_job_change_nothing(rabbit: Rabbit, broker: Broker) -> None:
    sample = rabbit()
    sample.work()
    gate = sample.checkout / "gate"
    sample.enqueue(f'wait_for_file.enqueue("a", "{gate}")')
    wait_for(lambda: sample.executions() == ["begin a"], "the job runs")
    broker.control("close_all_connections", "maintenance")
    wait_for(lambda: "RabbitMQ is back" in sample.worker_log(), "the worker connects again")
    gate.touch()
    sample.enqueue('effect.enqueue("b")')
    sample.wait_until(done=2)
    assert sample.effects() == ["a", "b"] and sample.executions() == ["begin a", "b"]
    assert sample.worker_log().count("RabbitMQ is away") == sample.worker_log().count("RabbitMQ is back")
    wait_for(lambda: "0\t0" in broker.control("-q", "list_queues", "messages", "messages_unacknowledged"),
             "no message is left")  # fmt: skip


def test_first_broker_of_the_uri_is_dead_and_the_next_one_is_used(rabbit: Rabbit, broker: Broker) -> None:
    sample = rabbit(uri=broker.uri(free_port(), broker.port))
    sample.work()
    sample.enqueue('effect.enqueue("a")')
    sample.wait_until(done=1)


IMPATIENT = """
import sys

if "worker" in sys.argv:
    from debonair.worker import rabbitmq_queue

    rabbitmq_queue._LONG_AWAY = 0.1
"""

VIEW = """

@checkins.post("/enqueue/<key>")
@checkins.response(204)
def enqueue(key: str) -> None:
    from example_service import jobs

    jobs.effect.enqueue(key)
    models.db.session.commit()
"""


def test_requests_do_not_notice_that_rabbitmq_is_away_and_all_jobs_run_on_its_return(
    rabbit: Rabbit, broker: Broker
) -> None:
    sample = rabbit(source=IMPATIENT)
    with (sample.checkout / "src" / "example_service" / "views.py").open("a") as file:
        file.write(VIEW)
    sample.start()
    sample.work()
    with_it = durations(sample, "with")
    sample.wait_until(done=100)
    broker.kill()
    wait_for(lambda: "no connection with RabbitMQ" in sample.health(), "the worker is not healthy")
    without = durations(sample, "without")
    assert not sample.down(), "the service itself is ready"
    assert sample.states() == {"done": 100, "queued": 100}
    broker.start()
    returned = time.monotonic()
    sample.wait_until(done=200)
    print(f"a request takes {with_it:.2f} ms, and {without:.2f} ms without RabbitMQ; 100 jobs ran within "
          f"{time.monotonic() - returned:.1f} s of its return")  # fmt: skip
    wait_for(lambda: '"status":"ready"' in sample.health(), "the worker is healthy")
    assert sample.python("import sys\nfrom example_service import jobs\njobs.effect.enqueue('x')\n"
                         "print('pika' in sys.modules)") == "False\n"  # fmt: skip


def durations(sample: RabbitWorker, prefix: str) -> float:
    """Send 100 requests that each enqueue a job; return the median of their durations in milliseconds."""
    found = []
    for number in range(100):
        began = time.perf_counter()
        assert sample.ask("POST", f"/enqueue/{prefix}-{number}").status == 204
        found.append((time.perf_counter() - began) * 1000)
    return statistics.median(found)


def test_delays_survive_restarts_and_can_be_cancelled_as_no_message_waits_in_rabbitmq(
    rabbit: Rabbit, broker: Broker
) -> None:
    sample = rabbit()
    worker = sample.work()
    sample.enqueue('effect.enqueue("minutes", delay="31m")', 'effect.enqueue("days", delay="30d")',
                   'effect.enqueue("cancelled", delay="31m")')  # fmt: skip
    broker.kill()
    os.killpg(worker.pid, signal.SIGKILL)
    broker.start()
    sample.work()
    assert sample.states() == {"waiting": 3}
    wait_for(lambda: broker.ready(QUEUE) == 0, "the worker has declared its queue")
    sample.run("jobs", "cancel", "3")
    sample.query("UPDATE debonair_job SET due = due - 31 * 60000 WHERE id <> 2")
    sample.wait_until(done=1, waiting=1, cancelled=1)
    sample.query("UPDATE debonair_job SET due = due - 30 * 86400000::bigint WHERE id = 2")
    sample.wait_until(done=2, cancelled=1)
    assert sample.effects() == ["minutes", "days"]


def test_job_that_kills_its_process_is_set_aside_and_the_others_go_on(rabbit: Rabbit) -> None:
    sample = rabbit()
    worker = sample.work()
    sample.enqueue("kill.enqueue()")
    sample.enqueue_many("effect.enqueue(str(n))", 20)
    sample.wait_until(done=20, dead=1)
    assert sample.executions().count("kill") == 3 and len(sample.effects()) == 20
    assert len(children(worker.pid)) == 1
