"""Metrics of jobs, by the name of the job."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import sqlalchemy as sa
from prometheus_client import Counter, Gauge, Histogram
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from debonair.database.engine import reading
from debonair.jobs.table import JOBS, PENDING, State, now

ENDED = Counter(
    "jobs_ended_total", "Attempts of jobs that have ended: done, retried or dead.", ["job", "ending"]
)
DURATION = Histogram(
    "job_duration_seconds",
    "Time of an attempt of a job, in seconds.",
    ["job"],
    buckets=(0.01, 0.1, 1, 10, 60, 600, 3600, 36000),
)
PUBLISHED = Counter("jobs_published_total", "Messages of jobs that RabbitMQ has confirmed.")
UNCONFIRMED = Gauge(
    "jobs_unconfirmed",
    "Messages of jobs that RabbitMQ has not confirmed yet.",
    multiprocess_mode="livesum",
)
CONNECTED = Gauge(
    "jobs_broker_connected",
    "1 while a worker is connected with RabbitMQ to publish or to consume, else 0; the least of all workers.",
    ["connection"],
    multiprocess_mode="livemin",
)

_ENDINGS = {State.DONE: "done", State.WAITING: "retried", State.DEAD: "dead"}


def ended(name: str, state: State, seconds: float) -> None:
    """Count an attempt that has ended, and how long it took."""
    ENDED.labels(name, _ENDINGS[state]).inc()
    DURATION.labels(name).observe(seconds)


class Queue(Collector):
    """The jobs in the database, counted when the metrics are read.

    :param engine: returns the engine of the application, in the process that serves the metrics.
    """

    def __init__(self, engine: Callable[[], Engine]) -> None:
        self._engine = engine

    def describe(self) -> Iterable[Metric]:
        """Return no metrics: those of :meth:`collect` need the database."""
        return ()

    def collect(self) -> Iterable[Metric]:
        """Return the number of jobs in each state, and the age of the oldest one that is due."""
        length = GaugeMetricFamily(
            "jobs_in_queue", "Jobs that have not ended, and dead ones, by state.", labels=["job", "state"]
        )
        oldest = GaugeMetricFamily(
            "job_oldest_due_seconds",
            "Seconds for which the oldest job that is due has waited.",
            labels=["job"],
        )
        try:
            with reading(self._engine()) as connection:
                for name, state, count, age in connection.execute(_COUNTS):
                    length.add_metric([name, state], count)
                    if state in (State.QUEUED, State.PUBLISHED):
                        oldest.add_metric([name], max(0, age) / 1000)
        except SQLAlchemyError:
            return  # the other metrics are needed most while the database is away
        yield length
        yield oldest


_COUNTS = (
    sa.select(JOBS.c.name, JOBS.c.state, sa.func.count(), now() - sa.func.min(JOBS.c.due))
    .where(JOBS.c.state.in_([*PENDING, State.RUNNING, State.DEAD]))
    .group_by(JOBS.c.name, JOBS.c.state)
)
