"""The worker of the sample service on PostgreSQL and RabbitMQ."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

from tests.faults.postgresql import Cluster
from tests.faults.rabbitmq import free_port
from tests.faults.sample import COMMAND, Sample, wait_for
from tests.jobs.workers import SampleWorker

QUEUE = "example-service"
"""The name of the service, and so of its queue."""


class RabbitWorker(SampleWorker):
    """The sample service with the jobs of the tests; only its workers are started.

    :param uri: the URI of the broker. :param database: the name of its database in a cluster.
    """

    def __init__(self, directory: Path, cluster: Cluster, database: str, uri: str, **options: Any) -> None:
        self._cluster, self._name = cluster, database
        defaults = {"jobs_lease": "3s", "database_timeout": "5s", "jobs_broker": uri}
        super().__init__(directory, None, **{**cluster.options(database), **defaults, **options})
        self.migrate()

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        """Return the rows of a statement; it is committed."""
        return self._cluster.execute(self._name, sql)

    def enqueue_many(self, call: str, count: int) -> None:
        """Enqueue a call ``count`` times, each with its number ``n``, in transactions of a hundred."""
        self.python(
            f"""
            from example_service import jobs
            for n in range({count}):
                jobs.{call}
                if n % 100 == 99:
                    db.session.commit()
            db.session.commit()
            """
        )

    def begin_work(self) -> None:
        """Start one more worker: the commands report on the first one only."""
        count = self.worker_log().count("Booting worker")
        with self.stderr.open("ab") as stderr:
            self.masters.append(
                subprocess.Popen(
                    [COMMAND, "worker"],
                    env={**self.environment, "EXAMPLE_SERVICE_JOBS_LISTEN": f"127.0.0.1:{free_port()}"},
                    stderr=stderr,
                    start_new_session=True,
                )
            )
        wait_for(lambda: self.worker_log().count("Booting worker") > count, "another worker starts")

    def stop(self) -> None:
        """Stop all workers, and the server of requests."""
        super().stop()
        Sample.stop(self)

    def worker_log(self) -> str:
        """Return the log of the workers."""
        log = self.log.with_name("service-worker.log")
        return log.read_text() if log.exists() else ""

    def health(self) -> str:
        """Return the report of the worker's health."""
        output: str = self.command("health", "--role", "worker").communicate()[0]
        return output
