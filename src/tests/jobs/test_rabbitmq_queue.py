"""The connections with RabbitMQ without a server: how the queue is declared, and a channel that is closed."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pika
import pytest
from pika.adapters.select_connection import IOLoop
from pika.adapters.utils.connection_workflow import (
    AMQPConnectionWorkflowFailed,
    AMQPConnectorSocketConnectError,
)
from pika.exceptions import ChannelClosedByBroker, ChannelWrongStateError

from debonair.jobs.publication import Publication
from debonair.worker.rabbitmq_connection import Link, _described, parameters_of
from debonair.worker.rabbitmq_consumer import Consumer
from debonair.worker.rabbitmq_publisher import Publisher

QUORUM = {"x-queue-type": "quorum"}


class Channel:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add_on_close_callback(self, callback: Callable[..., Any]) -> None:
        self._closed = callback

    def queue_declare(self, queue: str, callback: Callable[..., Any], **how: Any) -> None:
        assert queue == "orders"
        self._connection.declared.append(how)
        code = self._connection.refusals.pop(0)
        if code:
            self._closed(self, ChannelClosedByBroker(code, "refused"))
        else:
            callback(None)


class Connection:
    """A connection whose broker refuses declarations with these codes; 0 is accepted."""

    is_open = True

    def __init__(self, *refusals: int) -> None:
        self.refusals = list(refusals)
        self.declared: list[dict[str, Any]] = []
        self.closed = False

    def channel(self, on_open_callback: Callable[[Channel], None]) -> None:
        on_open_callback(Channel(self))

    def close(self) -> None:
        self.closed = True

    def add_on_connection_blocked_callback(self, callback: Callable[..., Any]) -> None:
        pass

    add_on_connection_unblocked_callback = add_on_connection_blocked_callback


@pytest.mark.parametrize(
    ("refusals", "declared", "created"),
    [
        ([0], [{"passive": True}], [False]),
        ([404, 0], [{"passive": True}, {"durable": True, "arguments": QUORUM}], [True]),
        (
            [404, 406, 0],
            [{"passive": True}, {"durable": True, "arguments": QUORUM}, {"durable": True}],
            [True],
        ),
        ([403], [{"passive": True}], []),
        ([404, 403], [{"passive": True}, {"durable": True, "arguments": QUORUM}], []),
    ],
)
def test_queue_that_exists_is_used_and_a_new_one_is_a_quorum_queue_where_there_are_such(
    refusals: list[int], declared: list[dict[str, Any]], created: list[bool]
) -> None:
    opened: list[bool] = []
    hosts = parameters_of("amqp://one", None, "orders worker")
    link = Link(IOLoop(), hosts, "orders", lambda channel, new: opened.append(new), lambda reason: None)
    connection = link._connection = Connection(*refusals)
    link._declare(connection)
    assert connection.declared == declared and opened == created
    assert connection.closed == (not created), "a refusal for another reason closes the connection"


def test_error_of_a_connection_is_described_by_its_cause() -> None:
    refused = AMQPConnectorSocketConnectError(ConnectionRefusedError(111, "Connection refused"))
    assert _described(AMQPConnectionWorkflowFailed([refused])) == "[Errno 111] Connection refused"


class Used:
    """An open channel that takes some messages, and then raises; and its connection."""

    def __init__(self, messages: int = 1000) -> None:
        self.is_open = True
        self.calls: list[str] = []
        self._messages = messages

    def close(self) -> None:
        self.is_open = False

    def basic_publish(self, *_: Any, **__: Any) -> None:
        if self.calls.count("basic_publish") == self._messages:
            raise ValueError("no more")
        self._call("basic_publish")

    def _call(self, name: str) -> None:
        if not self.is_open:
            raise ChannelWrongStateError("the channel is closed")
        self.calls.append(name)

    def __getattr__(self, name: str) -> Callable[..., None]:
        return lambda *_, **__: self._call(name)


THREE = [Publication(number, "orders.jobs.send", 0) for number in (7, 8, 9)]


def made_publisher(channel: Used) -> Publisher:
    hosts = parameters_of("amqp://one", None, "orders worker")
    publisher = Publisher(IOLoop(), hosts, "orders", lambda: None, lambda reason: None, lambda: None)
    publisher._link._connection = channel
    publisher._usable(channel, False)
    publisher.ready_messages = 0
    return publisher


def test_publications_given_to_a_channel_that_closes_are_refused() -> None:
    channel = Used()
    publisher = made_publisher(channel)
    publisher._publish(THREE[:1])
    publisher.reset()
    assert not channel.is_open and publisher.room(100) == 0
    assert publisher.take_results() == [(7, False)], "it is not waited for a RabbitMQ that hangs"
    publisher._publish(THREE[1:])
    publisher._ask()
    assert publisher.take_results() == [(8, False), (9, False)]


def test_publications_after_one_that_cannot_be_sent_are_refused() -> None:
    channel = Used(messages=1)
    publisher = made_publisher(channel)
    with pytest.raises(ValueError, match="no more"):
        publisher._publish(THREE)
    assert not channel.is_open and publisher.room(100) == 0, "it is opened again"
    publisher._lost("it is gone")
    assert publisher.take_results() == [(7, False), (8, False), (9, False)]


def test_consumer_leaves_a_channel_alone_that_is_closed() -> None:
    hosts = parameters_of("amqp://one", None, "orders worker")
    consumer = Consumer(IOLoop(), hosts, "orders", 2, lambda: None, lambda reason: None, lambda: None)
    channel = Used()
    consumer._opened(channel, False)
    assert channel.calls[-2:] == ["basic_qos", "basic_consume"]
    consumer._changing = False
    channel.close()
    called = list(channel.calls)
    consumer._change()
    consumer._cancelled(consumer._generation, lambda: None, None)
    assert channel.calls == called


def test_what_a_connection_reports_that_was_given_up_is_ignored() -> None:
    channel = Used()
    publisher = made_publisher(channel)
    publisher._publish(THREE)
    publisher.reset()
    publisher.take_results()
    frame = SimpleNamespace(method=pika.spec.Basic.Ack(delivery_tag=3, multiple=True))
    publisher._confirmed(channel, frame)
    publisher._link._closed(channel, ValueError("it is closed at last"))
    assert publisher.take_results() == []


def test_connection_is_opened_again_when_a_response_does_not_come(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("debonair.worker.rabbitmq_connection.RESPONSE", 0.05)
    channel = Used()
    publisher = made_publisher(channel)
    loop = publisher._loop
    publisher._link.expect("what it has answered")()
    publisher._link.expect("what it does not answer")
    monkeypatch.setattr(publisher, "_changed", lambda reason: (reasons.append(reason), loop.stop()))
    reasons: list[str | None] = []
    loop.start()
    loop.close()
    assert not channel.is_open
    assert reasons == ["one:5672: it does not respond to what it does not answer"]
