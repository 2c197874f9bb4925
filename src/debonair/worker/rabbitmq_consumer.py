"""Messages from RabbitMQ, over a connection that only consumes.

A worker gets as many messages as it has idle threads (prefetch), and some more while its jobs are short. So
those that it cannot run soon are left to other workers. A delivery is acknowledged when the end of its job is
committed, by the number that it has on its own channel: RabbitMQ delivers it again when that is lost.
"""

from __future__ import annotations

import collections
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import pika
from pika.adapters.select_connection import IOLoop

from debonair.worker.rabbitmq_connection import Link, is_open

_AHEAD = 128
"""How many messages more than it has threads a process gets while its jobs are short."""

_SLOW = 30.0
"""Seconds for which it gets no more than it has idle threads, after it had to return some."""


@dataclass(frozen=True)
class Delivery:
    """A message that was delivered.

    :param job: the job that it names. :param tag: its number on its channel. :param channel: which channel.
    :param consumer: the consumer on that channel.
    """

    job: int
    tag: int
    channel: int
    consumer: str


class Consumer:
    """Consumes a queue.

    :param threads: how many jobs run at the same time. :param wake: called when there are messages.
    :param changed: called when the connection is usable, with None, or is lost, with the reason.
    :param created: called when the queue was missing: the messages that were in it are lost.
    """

    def __init__(
        self,
        loop: IOLoop,
        hosts: Sequence[pika.URLParameters],
        queue: str,
        threads: int,
        wake: Callable[[], None],
        changed: Callable[[str | None], None],
        created: Callable[[], None],
    ) -> None:
        self._loop = loop
        self._queue = queue
        self._threads = threads
        self._wake = wake
        self._changed = changed
        self._created = created
        self._link = Link(loop, hosts, queue, self._opened, self._lost)
        self._buffer: collections.deque[Delivery] = collections.deque()
        self._channel: Any = None
        self._generation = 0
        self._tag: str | None = None  # of the consumer, while there is one
        self._changing = False
        self._wanted = self._prefetch = threads
        self._under_way = 0  # deliveries to this consumer that are not acknowledged
        self._held_at = -_SLOW
        self._unacknowledged: dict[int, Delivery] = {}  # of this channel, in the order of their tags

    # Called by the thread of the dispatcher.

    @property
    def waiting(self) -> int:
        """How many messages have arrived, and are not taken."""
        return len(self._buffer)

    @property
    def fast(self) -> bool:
        """Whether it gets more messages than there are threads, as its jobs are short."""
        return self._wanted > self._threads

    def take(self, most: int, idle: int) -> list[Delivery]:
        """Return messages that have arrived.

        :param most: how many at most; more than there are threads while jobs are short.
        :param idle: how many threads are idle.
        """
        found: list[Delivery] = []
        while len(found) < most:
            try:
                found.append(self._buffer.popleft())
            except IndexError:
                break
        slow = time.monotonic() - self._held_at < _SLOW
        if most > self._threads and not slow:
            self._want(self._threads + _AHEAD)
        elif idle > 0 and (not self._wanted or (not found and self._is_full())):
            self._want(idle, anew=True)
        return found

    def _is_full(self) -> bool:
        """Return whether it gets no message, though the threads run those of an earlier consumer."""
        return self._under_way >= self._prefetch and not self._changing and self._channel is not None

    def put_back(self, deliveries: Sequence[Delivery]) -> None:
        """Have messages taken again that could not be claimed."""
        self._buffer.extendleft(reversed(deliveries))

    def hold(self) -> None:
        """Return the messages that are not taken, and get no more until the next :meth:`take`."""
        if self._wanted and (self._buffer or self._under_way < self._prefetch):
            self._held_at = time.monotonic()
            self._want(0)

    def acknowledge(self, deliveries: Sequence[Delivery]) -> None:
        """Acknowledge messages; those of a channel that is lost are forgotten."""
        if deliveries:
            self._loop.add_callback_threadsafe(partial(self._acknowledge, deliveries))

    def _want(self, prefetch: int, *, anew: bool = False) -> None:
        if prefetch != self._wanted or anew:
            self._wanted = prefetch
            self._loop.add_callback_threadsafe(self._change)

    # Called by the thread of pika's loop.

    def open(self) -> None:
        """Connect."""
        self._link.open()

    def reset(self) -> None:
        """Close the connection, and open another one."""
        self._link.reset("it is opened again")

    def close(self) -> None:
        """Return the messages that are not taken, and close the connection."""
        self._return(self._drain())
        self._link.close()

    def _opened(self, channel: Any, created: bool) -> None:
        self._generation += 1
        self._channel, self._tag, self._changing = channel, None, False
        self._unacknowledged.clear()
        channel.add_on_cancel_callback(lambda _: self._link.reset(f"the queue {self._queue} is missing"))
        if created:
            self._created()
        self._changed(None)
        self._consume()

    def _lost(self, reason: str) -> None:
        self._generation += 1
        self._channel, self._tag, self._changing, self._under_way = None, None, False, 0
        self._buffer.clear()
        self._changed(reason)

    def _change(self) -> None:
        """Replace the consumer by one with another prefetch."""
        if not is_open(self._channel) or self._changing:
            return
        if self._tag is None:
            self._consume()
            return
        self._changing = True
        responded = self._link.expect("the end of a consumer")
        self._channel.basic_cancel(self._tag, callback=partial(self._cancelled, self._generation, responded))

    def _cancelled(self, generation: int, responded: Callable[[], None], _: Any) -> None:
        responded()
        if generation != self._generation:
            return
        self._tag, self._changing = None, False
        if not self._wanted:
            self._return(self._drain())
        self._consume()

    def _consume(self) -> None:
        if not self._wanted or not is_open(self._channel):
            return
        self._prefetch, self._under_way, self._changing = self._wanted, 0, True
        self._channel.basic_qos(prefetch_count=self._prefetch)
        responded = self._link.expect("a consumer")
        self._tag = self._channel.basic_consume(
            self._queue,
            partial(self._delivered, self._generation),
            callback=partial(self._consuming, self._generation, responded, self._prefetch),
        )

    def _consuming(self, generation: int, responded: Callable[[], None], prefetch: int, _: Any) -> None:
        responded()
        if generation != self._generation:
            return
        self._changing = False
        if self._wanted != prefetch:
            self._change()

    def _delivered(self, generation: int, _: Any, method: Any, properties: Any, body: bytes) -> None:
        if generation != self._generation:  # of a connection that is given up
            return
        try:
            job = int(body)
        except ValueError:  # not of ours
            if is_open(self._channel):
                self._channel.basic_ack(method.delivery_tag)
            return
        self._under_way += method.consumer_tag == self._tag
        delivery = Delivery(job, method.delivery_tag, self._generation, method.consumer_tag)
        self._unacknowledged[delivery.tag] = delivery
        self._buffer.append(delivery)
        self._wake()

    def _drain(self) -> Iterable[Delivery]:
        while self._buffer:
            try:
                yield self._buffer.popleft()
            except IndexError:  # the other thread has taken it
                return

    def _return(self, deliveries: Iterable[Delivery]) -> None:
        for delivery in deliveries:
            if self._is_current(delivery):
                self._settle(delivery)
                self._channel.basic_nack(delivery.tag, requeue=True)

    def _acknowledge(self, deliveries: Iterable[Delivery]) -> None:
        ended = {delivery.tag: delivery for delivery in deliveries if self._is_current(delivery)}
        last = 0
        for tag in self._unacknowledged:
            if tag not in ended:
                break
            last = tag
        for tag, delivery in ended.items():
            self._settle(delivery)
            if tag > last:
                self._channel.basic_ack(tag)
        if last:
            self._channel.basic_ack(last, multiple=True)

    def _settle(self, delivery: Delivery) -> None:
        self._unacknowledged.pop(delivery.tag, None)
        self._under_way -= delivery.consumer == self._tag

    def _is_current(self, delivery: Delivery) -> bool:
        return delivery.channel == self._generation and is_open(self._channel)
