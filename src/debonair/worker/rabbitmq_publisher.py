"""Messages for RabbitMQ, each confirmed by it, over a connection that only publishes.

RabbitMQ blocks connections that publish while it is short of memory or disk, so consuming needs another one.
At most :data:`_MOST` messages are unconfirmed at a time, and the queue is kept short: the jobs that wait are
in the database, in the order of their priority.
"""

from __future__ import annotations

import collections
import itertools
import logging
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import pika
from pika.adapters.select_connection import IOLoop

from debonair.jobs import metrics
from debonair.jobs.publication import Publication
from debonair.worker.rabbitmq_connection import RESPONSE, Link, is_open

_MOST = 1000
"""How many messages may be unconfirmed."""

_ASK_INTERVAL = 0.05
"""Seconds between two questions for the length of the queue."""

_ENOUGH = 250
"""How many results wake the thread that records them."""

_HIGH, _NORMAL = 9, 1
"""Priorities of messages: RabbitMQ 4 has two levels in a quorum queue, above 4 and not; 3.10 has none."""

_log = logging.getLogger(__name__)


class Publisher:
    """Publishes jobs to a queue.

    :param wake: called when there are results, or room for more.
    :param changed: called when the connection is usable, with None, or is lost, with the reason.
    :param created: called when the queue was missing: the messages that were in it are lost.
    """

    def __init__(
        self,
        loop: IOLoop,
        hosts: Sequence[pika.URLParameters],
        queue: str,
        wake: Callable[[], None],
        changed: Callable[[str | None], None],
        created: Callable[[], None],
    ) -> None:
        self.results: collections.deque[tuple[int, bool]] = collections.deque()
        """The jobs whose publication has ended, and whether RabbitMQ has the message."""
        self.ready_messages: int | None = None
        """How many messages wait in the queue for a consumer, when it was last asked for."""
        self._loop = loop
        self._queue = queue
        self._wake = wake
        self._changed = changed
        self._created = created
        self._link = Link(loop, hosts, queue, self._opened, self._lost, self._block)
        self._channel: Any = None
        self._blocked = False
        self._unconfirmed: dict[int, int] = {}  # by the number of the message on this channel
        self._returned: set[int] = set()
        self._number = 0
        self._given = 0
        self._asked, self._asked_at = False, 0.0
        self._progress = time.monotonic()

    # Called by the thread of the dispatcher.

    def room(self, most: int) -> int:
        """Return how many jobs may be published now. :param most: how many messages the queue may have."""
        if not is_open(self._channel) or self._blocked:
            return 0
        if self._given and time.monotonic() - self._progress > RESPONSE:
            self._loop.add_callback_threadsafe(partial(self._link.reset_silent, "it confirms no messages"))
        if self.ready_messages is None or self.ready_messages >= most:
            self.ask()
            return 0
        return max(0, min(most - self.ready_messages, _MOST) - self._given)

    def ask(self) -> None:
        """Ask how many messages wait in the queue, not too often; fewer wake the thread of the dispatcher."""
        moment = time.monotonic()
        if not self._asked and (self.ready_messages is None or moment - self._asked_at > _ASK_INTERVAL):
            self._asked, self._asked_at = True, moment
            self._loop.add_callback_threadsafe(self._ask)

    def publish(self, jobs: Sequence[Publication]) -> None:
        """Publish jobs, in their order; each has a result later."""
        self._given += len(jobs)
        self._loop.add_callback_threadsafe(partial(self._publish, jobs))

    def take_results(self) -> list[tuple[int, bool]]:
        """Return the results that there are, and forget them."""
        found = [self.results.popleft() for _ in range(len(self.results))]
        self._given -= len(found)
        return found

    # Called by the thread of pika's loop.

    def open(self) -> None:
        """Connect."""
        self._link.open()

    def reset(self) -> None:
        """Close the connection, and open another one."""
        self._link.reset("it is opened again")

    def close(self) -> None:
        """Close the connection."""
        self._link.close()

    def _opened(self, channel: Any, created: bool) -> None:
        responded = self._link.expect("the mode of confirmations")

        def confirms(_: Any) -> None:
            responded()
            self._usable(channel, created)

        channel.confirm_delivery(partial(self._confirmed, channel), callback=confirms)
        channel.add_on_return_callback(self._refused)

    def _usable(self, channel: Any, created: bool) -> None:
        if not is_open(channel):
            return
        self._number, self._channel, self._blocked, self._asked = 0, channel, False, False
        self._progress = time.monotonic()
        if created:
            self._created()
        self._changed(None)
        self._wake()

    def _lost(self, reason: str) -> None:
        self._channel, self.ready_messages = None, None
        self.results.extend((job, False) for job in self._unconfirmed.values())
        self._unconfirmed.clear()
        self._returned.clear()
        self._count()
        self._changed(reason)
        self._wake()

    def _block(self, reason: str | None) -> None:
        if reason:
            _log.warning("RabbitMQ at %s takes no messages for now: %s.", self._link.place, reason)
        else:
            _log.info("RabbitMQ at %s takes messages again.", self._link.place)
        self._blocked = bool(reason)
        self._progress = time.monotonic()
        self._wake()

    def _ask(self) -> None:
        if not is_open(self._channel):
            self._asked = False
            return
        self._channel.queue_declare(self._queue, passive=True, callback=self._told)

    def _told(self, frame: Any) -> None:
        self._asked = False
        before, self.ready_messages = self.ready_messages, frame.method.message_count
        if before is None or self.ready_messages < before:
            self._wake()

    def _publish(self, jobs: Sequence[Publication]) -> None:
        if not is_open(self._channel):
            self.results.extend((job.id, False) for job in jobs)
            self._wake()
            return
        if not self._unconfirmed:
            self._progress = time.monotonic()
        # All are noted before the first is sent: when one cannot be, those after it have a result too.
        self._unconfirmed.update((number, job.id) for number, job in enumerate(jobs, self._number + 1))
        self._number += len(jobs)
        try:
            for job in jobs:
                self._send(job)
        except Exception:
            self._channel = None  # its numbers are not those of RabbitMQ any more
            self._link.reset("a message cannot be sent")
            raise
        self._count()

    def _send(self, job: Publication) -> None:
        properties = pika.BasicProperties(
            type=job.name, delivery_mode=2, priority=_HIGH if job.priority > 0 else _NORMAL
        )
        self._channel.basic_publish("", self._queue, str(job.id).encode(), properties, mandatory=True)

    def _confirmed(self, channel: Any, frame: Any) -> None:
        """Record a confirmation, or a refusal (nack), of one message or of all until it."""
        if channel is not self._channel:  # of a connection that is given up
            return
        self._link.responds()
        last, positive = frame.method.delivery_tag, isinstance(frame.method, pika.spec.Basic.Ack)
        numbers = [last]
        if frame.method.multiple:
            numbers = list(itertools.takewhile(lambda number: number <= last, self._unconfirmed))
        confirmed = 0
        for number in numbers:
            job = self._unconfirmed.pop(number, None)
            if job is not None:
                accepted = positive and job not in self._returned
                confirmed += accepted
                self._returned.discard(job)
                self.results.append((job, accepted))
        metrics.PUBLISHED.inc(confirmed)
        self._progress = time.monotonic()
        if not self._unconfirmed or len(self.results) > _ENOUGH:
            self._count()
            self._wake()

    def _refused(self, _: Any, method: Any, properties: Any, body: bytes) -> None:
        """Note a message that no queue has taken; it is confirmed all the same, after this."""
        self._returned.add(int(body))
        self._loop.call_later(0.05, partial(self._link.reset, f"the queue {self._queue} is missing"))

    def _count(self) -> None:
        metrics.UNCONFIRMED.set(len(self._unconfirmed))
