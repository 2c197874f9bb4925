"""dramatiq and Celery doing nothing, many times, on RabbitMQ: the processes that the bench of jobs runs.

usage: python jobs_of_peers.py dramatiq|celery enqueue COUNT    (and as the module that their workers load)

``BENCH_BROKER`` is the URI of RabbitMQ. Each job adds one to the file ``BENCH_DONE`` by appending a byte, as
the job of ours does.
"""

from __future__ import annotations

import os
import sys

BROKER = os.environ["BENCH_BROKER"]
DONE = os.open(os.environ["BENCH_DONE"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
KIND = os.environ.get("BENCH_KIND") or sys.argv[1]

if KIND == "dramatiq":
    import dramatiq
    from dramatiq.brokers.rabbitmq import RabbitmqBroker

    # Its default enqueues without confirms: a broker that fails loses jobs. Ours confirms each.
    dramatiq.set_broker(RabbitmqBroker(url=BROKER, confirm_delivery=True))

    @dramatiq.actor
    def nothing() -> None:
        os.write(DONE, b".")

    enqueue = nothing.send
else:
    from celery import Celery

    app = Celery("jobs_of_peers", broker=BROKER)
    app.conf.update(
        task_ignore_result=True, task_acks_late=True, broker_transport_options={"confirm_publish": True}
    )

    @app.task
    def nothing() -> None:
        os.write(DONE, b".")

    enqueue = nothing.delay

if __name__ == "__main__":
    for _ in range(int(sys.argv[3])):
        enqueue()
