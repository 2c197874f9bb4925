"""Jobs that reach workers on several hosts through RabbitMQ. The database stays the truth.

In the order of time: a process of a worker chooses rows that are queued, and its ``publisher`` sends a
message for each, which holds the number of the row. RabbitMQ confirms it, and the row is marked. The
``consumer`` of a process gets the message, and the process claims the row; if it cannot, the message is
dropped. When the end of the job is committed, the message is acknowledged. Nothing is lost with a message:
rows that are published for long, while the queue is empty or was missing, are published again.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from functools import partial

from pika.adapters.select_connection import IOLoop
from sqlalchemy import Connection

from debonair.jobs import metrics, publication, store
from debonair.jobs.publication import Publication
from debonair.jobs.store import Claimed
from debonair.settings import JobsSection
from debonair.worker import owners
from debonair.worker.rabbitmq_connection import parameters_of
from debonair.worker.rabbitmq_consumer import Consumer, Delivery
from debonair.worker.rabbitmq_publisher import Publisher

_BATCH = 500
"""How many jobs are chosen for publication in one transaction."""

_LONG_QUEUE, _SHORT_QUEUE = 1000, 32
"""How many messages may wait in the queue, while jobs are short and else; other jobs wait in the database."""

_GATHERING = 0.002
"""Seconds from the arrival of a message until the thread of the dispatcher is woken."""

_LONGEST_UNACKNOWLEDGED = 300.0
"""Seconds after which the message of a job that still runs is acknowledged.

RabbitMQ closes a channel with a message that is unacknowledged for 30 minutes (its ``consumer_timeout``).
"""

_LONG_AWAY = 30.0
"""Seconds without a connection after which the worker is not healthy."""

_log = logging.getLogger(__name__)


class RabbitQueue:
    """The rows of the database, distributed by RabbitMQ.

    :param name: the name of the service, and of its queue. :param wake: wakes the thread of the dispatcher.
    """

    def __init__(self, settings: JobsSection, name: str, wake: Callable[[], None]) -> None:
        self._threads = settings.threads
        self._trust = round(float(settings.lease) * 2000)
        self._loop = IOLoop()
        self._away: dict[str, float] = dict.fromkeys(("publish", "consume"), time.monotonic())
        self._reason: str | None = None
        hosts = parameters_of(settings.broker, settings.broker_password, f"{name} worker")

        self._wake, self._waking = wake, False
        changed = partial(self._changed, "publish"), partial(self._changed, "consume")
        self._publisher = Publisher(self._loop, hosts, name, self._wake_soon, changed[0], self._note_created)
        self._consumer = Consumer(
            self._loop, hosts, name, self._threads, self._wake_soon, changed[1], self._note_created
        )
        self._idle = 0
        self._running: dict[tuple[int, int], tuple[Delivery | None, float]] = {}
        self._taken: list[Delivery] = []
        self._claimed: list[Claimed] = []
        self._chosen: list[Publication] = []
        self._results: dict[int, bool] = {}
        self._locked: dict[int, bool] = {}
        self._created = self._handled = self._republished = 0  # how many times the queue was missing
        self._overdue = self._in_doubt = False
        for connection in self._away:
            metrics.CONNECTED.labels(connection).set(0)
        self._loop.add_callback_threadsafe(self._publisher.open)
        self._loop.add_callback_threadsafe(self._consumer.open)
        self._thread = threading.Thread(target=self._serve, name="rabbitmq", daemon=True)
        self._thread.start()

    # Called by the thread of the dispatcher.

    def has_news(self) -> bool:
        """Return whether messages have arrived, or publications have ended."""
        return bool(self._consumer.waiting or self._publisher.results)

    def prepare(self, idle: int, hold: bool) -> None:
        """Take back what the turn before could not claim; return messages that others can run sooner."""
        self._consumer.put_back(self._taken)
        self._taken, self._claimed, self._chosen = [], [], []
        self._handled = self._republished
        self._idle = idle
        if hold:
            self._consumer.hold()

    def take(
        self,
        connection: Connection,
        names: Sequence[str],
        owner: str,
        lease: int,
        most: int,
        *,
        suspects: bool,
    ) -> list[Claimed]:
        """Claim jobs whose messages have arrived; suspects are claimed without a message."""
        if suspects:
            return store.claim(connection, names, owner, lease, most, suspects=True)
        self._taken = self._consumer.take(most, self._idle)
        if self._taken:
            ids = sorted({delivery.job for delivery in self._taken})
            self._claimed = publication.claim_published(connection, ids, names, owner, lease)
        return self._claimed

    def relay(
        self, connection: Connection, names: Sequence[str], owner: str, lease: int, *, beat: bool
    ) -> None:
        """Record which publications have ended, and choose jobs to publish when this is committed."""
        owner += owners.RELAY
        self._results.update(self._publisher.take_results())
        locked: set[int] = set()
        if self._in_doubt:
            locked |= publication.withdraw(connection, None, owner)
        self._in_doubt = True
        if confirmed := [job for job, positive in self._results.items() if positive]:
            locked |= publication.confirm(connection, confirmed, owner, self._trust)
        if refused := [job for job, positive in self._results.items() if not positive]:
            locked |= publication.withdraw(connection, refused, owner)
        self._locked = {job: self._results.get(job, False) for job in locked}
        if beat or self._created != self._republished:
            self._find_lost(connection)
        queue = _LONG_QUEUE if self._consumer.fast else max(_SHORT_QUEUE, 2 * self._threads)
        if (room := min(_BATCH, self._publisher.room(queue))) > 0:
            self._chosen = publication.choose(connection, names, owner, lease, room)

    def committed(self, ended: Sequence[Claimed]) -> None:
        """Acknowledge the messages of jobs that have ended or cannot be claimed, and send those chosen."""
        self._in_doubt = False
        self._results = self._locked
        self._republished = self._handled
        moment = time.monotonic()
        acknowledged = [self._running.pop((job.id, job.attempts), (None, moment))[0] for job in ended]
        claimed = {job.id: job for job in self._claimed}
        for delivery in self._taken:
            if (job := claimed.pop(delivery.job, None)) is None:
                acknowledged.append(delivery)
            else:
                self._running[job.id, job.attempts] = delivery, moment
        for key, (kept, since) in self._running.items():
            if moment - since < _LONGEST_UNACKNOWLEDGED:
                break
            acknowledged.append(kept)
            self._running[key] = None, since
        self._consumer.acknowledge([delivery for delivery in acknowledged if delivery is not None])
        if self._chosen:
            self._publisher.publish(self._chosen)
            self._publisher.ask()
        self._taken, self._claimed, self._chosen = [], [], []

    def failing(self) -> str | None:
        """Return since when there is no connection with RabbitMQ, if that is for long."""
        away = [since for since in self._away.values() if since]
        if not away or time.monotonic() - min(away) < _LONG_AWAY:
            return None
        return f"no connection with RabbitMQ for more than {_LONG_AWAY:g} s: {self._reason}"

    def close(self) -> None:
        """Return the messages of jobs that have not begun, and close the connections."""

        def end() -> None:
            self._consumer.close()
            self._publisher.close()
            self._loop.call_later(0.2, self._loop.stop)

        self._loop.add_callback_threadsafe(end)
        self._thread.join(5)
        if not self._thread.is_alive():
            self._loop.close()

    def _find_lost(self, connection: Connection) -> None:
        """Queue the rows whose messages are lost."""
        count = 0
        self._handled = self._created
        if self._handled != self._republished:
            count = publication.republish(connection, every=True)
        overdue = publication.has_overdue(connection)
        if overdue and self._overdue and self._publisher.ready_messages == 0:
            count += publication.republish(connection, every=False)
        elif overdue:
            self._publisher.ask()
        self._overdue = overdue
        if count:
            _log.warning("%d jobs are published again: RabbitMQ has lost their messages.", count)

    # Called by the thread of pika's loop.

    def _serve(self) -> None:
        while True:
            try:
                self._loop.start()
                return
            except Exception:
                _log.exception("The connections with RabbitMQ are opened again after an error.")
                self._loop.add_callback_threadsafe(self._publisher.reset)
                self._loop.add_callback_threadsafe(self._consumer.reset)

    def _note_created(self) -> None:
        self._created += 1
        self._wake_soon()

    def _wake_soon(self) -> None:
        """Wake the thread of the dispatcher when more may have arrived: one transaction is for all of it."""
        if not self._waking:
            self._waking = True
            self._loop.call_later(_GATHERING, self._wake_now)

    def _wake_now(self) -> None:
        self._waking = False
        self._wake()

    def _changed(self, connection: str, reason: str | None) -> None:
        """Note that a connection is usable or lost; both are lost and back at about the same time."""
        metrics.CONNECTED.labels(connection).set(reason is None)
        was_away = any(self._away.values()) and self._reason is not None
        if reason is None:
            self._away[connection] = 0.0
            if was_away and not any(self._away.values()):
                _log.info("RabbitMQ is back.")
                self._reason = None
        else:
            self._away[connection] = self._away[connection] or time.monotonic()
            if not was_away:
                _log.error("RabbitMQ is away, and is tried again; jobs wait in the database: %s", reason)
                self._reason = reason
