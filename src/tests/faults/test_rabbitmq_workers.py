"""Workers on RabbitMQ that are stopped, paused, cut off, or of another release."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator

import pytest

from tests.faults.proxy import Proxy
from tests.faults.rabbitmq import Broker
from tests.faults.sample import wait_for
from tests.jobs.rabbitmq_workers import QUEUE, RabbitWorker

pytestmark = pytest.mark.acceptance

Rabbit = Callable[..., RabbitWorker]

HEARTBEAT = int(os.environ.get("HEARTBEAT", "2"))
"""Seconds between signs of life on a connection; 20 is the default of the chassis."""


BROKEN = """
from debonair.worker import rabbitmq_consumer

def fail_once(*arguments):
    if "failed" not in LEDGER.read_text():
        note("failed")
        raise RuntimeError("a fault of the chassis")
    return original(*arguments)

original = rabbitmq_consumer.Consumer._delivered
rabbitmq_consumer.Consumer._delivered = fail_once
"""


@pytest.fixture
def proxy(broker: Broker) -> Iterator[Proxy]:
    proxy = Proxy(broker.port)
    yield proxy
    proxy.close()


def test_partition_is_noticed_and_healed_without_a_loss(rabbit: Rabbit, broker: Broker, proxy: Proxy) -> None:
    sample = rabbit(uri=broker.uri(proxy.port, query=f"?heartbeat={HEARTBEAT}"))
    sample.work()
    gate = sample.checkout / "gate"
    sample.enqueue(f'wait_for_file.enqueue("before", "{gate}")')
    wait_for(lambda: sample.executions() == ["begin before"], "a job runs")
    proxy.cut()
    sample.enqueue_many("effect.enqueue(str(n))", 20)
    wait_for(lambda: "RabbitMQ is away" in sample.worker_log(), "the worker notices", 200)
    wait_for(lambda: "<" not in broker.control("-q", "list_connections", "pid"), "RabbitMQ too", 200)
    gate.touch()
    wait_for(lambda: sample.effects() == ["before"], "the job that runs ends")
    proxy.heal()
    sample.wait_until(done=21)
    assert sample.worker_log().count("RabbitMQ is back") == 1
    assert len(set(sample.effects())) == len(sample.effects()) == 21
    print(f"{len(sample.executions()) - 21} executions more than jobs")


def test_job_of_a_paused_worker_is_run_by_another_one_and_has_its_effect_once(
    rabbit: Rabbit, broker: Broker
) -> None:
    sample = rabbit(uri=broker.uri(query=f"?heartbeat={HEARTBEAT}"), jobs_threads=1)
    first = sample.work()
    gate = sample.checkout / "gate"
    sample.enqueue(f'wait_for_file.enqueue("a", "{gate}")')
    wait_for(lambda: sample.executions() == ["begin a"], "the job runs")
    os.killpg(first.pid, signal.SIGSTOP)
    sample.begin_work()
    wait_for(lambda: sample.executions() == ["begin a"] * 2, "another worker runs it")
    gate.touch()
    sample.wait_until(done=1)
    os.killpg(first.pid, signal.SIGCONT)
    wait_for(lambda: "was taken by another worker" in sample.worker_log(), "the first one has lost it")
    sample.enqueue('effect.enqueue("b")', 'effect.enqueue("c")')
    sample.wait_until(done=3)
    assert sorted(sample.effects()) == ["a", "b", "c"]


def test_stopped_worker_gives_back_what_it_has_not_begun(rabbit: Rabbit, broker: Broker) -> None:
    sample = rabbit()
    worker = sample.work()
    sample.enqueue_many('sleep.enqueue(f"{n:02}", 0.3)', 50)
    wait_for(lambda: len(sample.executions()) >= 8, "some jobs run")
    worker.send_signal(signal.SIGTERM)
    worker.wait()
    states = sample.states()
    print(f"after the stop: {states}, {broker.ready(QUEUE)} messages")
    assert set(states) <= {"done", "queued", "published"} and states["done"] < 50
    assert sample.query("SELECT count(*) FROM debonair_job WHERE owner IS NOT NULL") == [(0,)]
    sample.work()
    sample.wait_until(done=50)
    assert len(sample.executions()) == 100, "no job was begun twice"


def test_message_of_a_long_job_is_acknowledged_while_it_runs(rabbit: Rabbit, broker: Broker) -> None:
    limit = "\nfrom debonair.worker import rabbitmq_queue\nrabbitmq_queue._LONGEST_UNACKNOWLEDGED = 0.1\n"
    sample = rabbit(source=limit)
    sample.work()
    gate = sample.checkout / "gate"
    sample.enqueue(f'wait_for_file.enqueue("a", "{gate}")')
    wait_for(lambda: sample.executions() == ["begin a"], "the job runs")
    wait_for(lambda: "0" in broker.control("-q", "list_queues", "messages").split(), "no message is left")
    assert sample.states() == {"running": 1}
    gate.touch()
    sample.wait_until(done=1)


def test_error_in_the_thread_of_rabbitmq_opens_its_connections_again(rabbit: Rabbit) -> None:
    sample = rabbit(source=BROKEN)
    sample.work()
    sample.enqueue('effect.enqueue("a")')
    sample.wait_until(done=1)
    assert "a fault of the chassis" in sample.worker_log()


def test_two_workers_share_long_jobs(rabbit: Rabbit) -> None:
    sample = rabbit(jobs_threads=2)
    sample.work()
    sample.begin_work()
    sample.enqueue_many("effect.enqueue(str(n))", 100)
    sample.wait_until(done=100)
    gate = sample.checkout / "gate"
    sample.enqueue(*[f'wait_for_file.enqueue("long {n}", "{gate}")' for n in range(6)])
    wait_for(lambda: sum("begin" in line for line in sample.executions()) == 4, "all threads of both run one")
    gate.touch()
    sample.wait_until(done=106)
    assert len(sample.query("SELECT 1 FROM debonair_job WHERE attempts > 1")) == 0


def test_jobs_of_the_highest_priority_run_first(rabbit: Rabbit) -> None:
    sample = rabbit(jobs_threads=1)
    sample.enqueue('effect.enqueue("low", priority=-1)', 'effect.enqueue("normal")',
                   'effect.enqueue("high", priority=1)')  # fmt: skip
    sample.work()
    sample.wait_until(done=3)
    assert sample.executions() == ["high", "normal", "low"]


def test_job_of_another_release_is_left_to_its_workers_and_other_messages_are_dropped(
    rabbit: Rabbit, broker: Broker
) -> None:
    sample = rabbit()
    sample.work()
    sample.enqueue('effect.enqueue("a", delay="1h")')
    wait_for(lambda: broker.ready(QUEUE) == 0, "the worker has declared its queue")
    sample.query("UPDATE debonair_job SET name = 'of_newer', state = 'published', lease = due")
    with broker.channel() as channel:
        for body in (b"1", b"no number", b"9223372036854775807"):
            channel.basic_publish("", QUEUE, body)
    sample.wait_until(queued=1)
    sample.enqueue('effect.enqueue("b")')
    sample.wait_until(queued=1, done=1)
    wait_for(lambda: "0" in broker.control("-q", "list_queues", "messages").split(), "no message is left")
