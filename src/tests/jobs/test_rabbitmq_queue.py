"""How the queue is declared, and how errors of the client library are described, without a server."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from pika.adapters.select_connection import IOLoop
from pika.adapters.utils.connection_workflow import (
    AMQPConnectionWorkflowFailed,
    AMQPConnectorSocketConnectError,
)
from pika.exceptions import ChannelClosedByBroker

from debonair.worker.rabbitmq_connection import Link, _described, parameters_of

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
