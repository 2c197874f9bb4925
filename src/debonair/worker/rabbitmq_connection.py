"""A connection to RabbitMQ that is opened again whenever it is lost, and the queue at its other end.

All of it runs in the thread of pika's event loop. After a loss the hosts are tried in turn, each round later
than the one before. A connection that RabbitMQ has blocked, as it is short of memory or disk, is not lost.
"""

from __future__ import annotations

import logging
import random
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any
from urllib.parse import unquote, urlsplit, urlunsplit

import pika
from pika.adapters.select_connection import IOLoop
from pika.exceptions import ChannelClosedByBroker

from debonair.settings.broker_uri import brokers

_HEARTBEAT = 20
"""Seconds without a sign of life after which a connection is lost, unless the URI says otherwise."""

_log = logging.getLogger(__name__)

_SILENT = 2
"""How many times in a row a queue does not confirm messages before it is deleted."""

RESPONSE = 10.0
"""Seconds in which RabbitMQ responds, or the connection is opened again."""

_FIRST_PAUSE, _LONGEST_PAUSE = 0.2, 4.0
"""Seconds until all hosts are tried again; twice as many after each round."""

_WAYS: tuple[tuple[dict[str, Any], int], ...] = (
    ({"passive": True}, 404),
    ({"durable": True, "arguments": {"x-queue-type": "quorum"}}, 406),
    ({"durable": True}, 0),
)
"""How a queue is declared, and the code (AMQP 0-9-1) of the refusal after which the next way is tried.

A queue that is there is used, of whatever type; a new one is a quorum queue, or classic where there are none.
"""

logging.getLogger("pika").setLevel(logging.CRITICAL)  # what is lost, and when it is back, is logged once


def parameters_of(uri: str, password: str | None, client: str) -> list[pika.URLParameters]:
    """Return how each broker that a URI names is reached.

    :param password: used when the URI has none. :param client: a name that RabbitMQ's tools show.
    """
    found = []
    for one in brokers(uri):
        parts = urlsplit(one)
        place = parts.netloc.rpartition("@")[2]
        parameters = pika.URLParameters(urlunsplit(parts._replace(netloc=place)))
        parameters.credentials = pika.PlainCredentials(
            unquote(parts.username or "guest"), unquote(parts.password or password or "guest")
        )
        if parameters.heartbeat is None:
            parameters.heartbeat = _HEARTBEAT
        parameters.socket_timeout, parameters.stack_timeout = 5, 10
        parameters.blocked_connection_timeout = None
        parameters.client_properties = {"connection_name": client}
        found.append(parameters)
    return found


class Link:
    """One connection with one channel.

    :param hosts: where to connect to. :param queue: the queue that is declared first.
    :param opened: called with each new channel, and whether the queue was missing.
    :param lost: called with the reason, once for each channel and each attempt that has failed.
    """

    def __init__(
        self,
        loop: IOLoop,
        hosts: Sequence[pika.URLParameters],
        queue: str,
        opened: Callable[[Any, bool], None],
        lost: Callable[[str], None],
        blocked: Callable[[str | None], None] = lambda reason: None,
    ) -> None:
        self._loop = loop
        self._hosts = hosts
        self._queue = queue
        self._opened = opened
        self._lost = lost
        self._blocked = blocked
        self._connection: Any = None
        self._attempts = 0
        self._silent = 0
        self._ending = False

    @property
    def place(self) -> str:
        """The broker that is tried, or used."""
        host = self._hosts[self._attempts % len(self._hosts)]
        return f"{host.host}:{host.port}"

    def open(self) -> None:
        """Connect, now and whenever the connection is lost."""
        if self._ending:
            return
        self._connection = pika.SelectConnection(
            self._hosts[self._attempts % len(self._hosts)],
            on_open_callback=self._declare,
            on_open_error_callback=self._closed,
            on_close_callback=self._closed,
            custom_ioloop=self._loop,
        )

    def reset(self, reason: str) -> None:
        """Close the connection, and open another one.

        It is not waited for: RabbitMQ does not close a channel that hangs. What the old connection reports
        from now on is ignored; it ends by its heartbeat at the latest.
        """
        connection = self._connection
        if connection is not None and connection.is_open:
            self._connection = None
            connection.close()
            self._try_again(reason)

    def reset_silent(self, reason: str) -> None:
        """Open the connection again, as the queue does not respond; the second time in a row, delete the
        queue.

        A quorum queue of RabbitMQ 3.10 whose server is killed within seconds of its creation has no leader
        afterwards, and never gets one. Nothing is lost with it: the jobs are in the database.
        """
        self._silent += 1
        self.reset(reason)

    def responds(self) -> None:
        """Note that the queue responds."""
        self._silent = 0

    def expect(self, what: str) -> Callable[[], None]:
        """Open the connection again unless RabbitMQ responds in time.

        A queue that recovers after a crash can block a channel for ever.

        :param what: what it is to respond to. :return: a function to call when it has.
        """
        timer = self._loop.call_later(RESPONSE, partial(self.reset, f"it does not respond to {what}"))
        return partial(self._loop.remove_timeout, timer)

    def close(self) -> None:
        """Close the connection for good."""
        self._ending = True
        if self._connection is not None and self._connection.is_open:
            self._connection.close()

    def _closed(self, connection: Any, error: BaseException) -> None:
        if connection is self._connection and not self._ending:
            self._try_again(_described(error))

    def _try_again(self, reason: str) -> None:
        self._lost(f"{self.place}: {reason}")
        rounds, place = divmod(self._attempts + 1, len(self._hosts))
        self._attempts += 1
        pause = min(_LONGEST_PAUSE, _FIRST_PAUSE * 2 ** min(rounds, 20)) if place == 0 else 0.0
        self._loop.call_later(pause * random.uniform(0.5, 1), self.open)  # nosec B311

    def _declare(self, connection: Any) -> None:
        connection.add_on_connection_blocked_callback(
            lambda _, frame: self._blocked(str(frame.method.reason))
        )
        connection.add_on_connection_unblocked_callback(lambda *_: self._blocked(None))
        connection.channel(on_open_callback=partial(self._begin, connection))

    def _begin(self, connection: Any, channel: Any) -> None:
        if self._silent < _SILENT:
            self._declare_by(connection, channel, 0)
            return
        self._silent = 0
        _log.warning("The queue %s of RabbitMQ does not respond: it is deleted and made anew.", self._queue)
        responded = self.expect("the deletion of the queue")

        def deleted(_: Any) -> None:
            responded()
            self._declare_by(connection, channel, 0)

        channel.queue_delete(self._queue, callback=deleted)

    def _declare_by(self, connection: Any, channel: Any, way: int) -> None:
        """Declare the queue in one of the ways; each refusal closes a channel."""
        how, code = _WAYS[way]
        responded = self.expect("the declaration of the queue")

        def declared(_: Any) -> None:
            nonlocal code
            code = 0
            responded()
            if connection is not self._connection:
                return
            self._attempts %= len(self._hosts)
            self._opened(channel, way > 0)

        def closed(_: Any, error: BaseException) -> None:
            responded()
            if connection is not self._connection:
                return
            if code and isinstance(error, ChannelClosedByBroker) and error.reply_code == code:
                connection.channel(
                    on_open_callback=lambda channel: self._declare_by(connection, channel, way + 1)
                )
            else:
                self.reset(_described(error))

        channel.add_on_close_callback(closed)
        channel.queue_declare(self._queue, callback=declared, **how)


def is_open(channel: Any) -> bool:
    """Return whether there is a channel that can be used.

    A channel is closed before its link reports it as lost: while the connection closes, which takes as long
    as RabbitMQ does not respond.
    """
    return channel is not None and bool(channel.is_open)


def _described(error: BaseException) -> str:
    """Return an error of pika as one line: its causes may be nested exceptions."""
    while inner := [each for each in _causes(error) if isinstance(each, BaseException)]:
        error = inner[-1]
    text = getattr(error, "reply_text", None) or str(error) or type(error).__name__
    return str(text).partition("\n")[0][:200]


def _causes(error: BaseException) -> list[Any]:
    """Return what an error holds in place of a text of its own."""
    return [*error.args, *getattr(error, "exceptions", ()), getattr(error, "exception", None)]
