"""Clients that do not close their connection: they delay nobody, and lose nothing of their response."""

from __future__ import annotations

import math
import os
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from debonair.server import lingering
from debonair.server.lingering import Lingering
from tests.chassis.serving import Served


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield ours, theirs


def test_connection_is_closed_when_the_client_closes_it(pair: tuple[socket.socket, socket.socket]) -> None:
    ours, theirs = pair
    closing = Lingering()
    closing.add(ours)
    assert theirs.recv(1) == b""
    theirs.sendall(b"more")
    closing.sweep()
    assert ours.fileno() >= 0
    theirs.close()
    closing.sweep()
    assert ours.fileno() < 0
    assert closing.remaining() == math.inf


def test_connection_is_closed_when_time_is_over(
    pair: tuple[socket.socket, socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    closing = Lingering()
    closing.add(pair[0])
    closing.add(pair[0])  # again, as gunicorn does after an error
    now = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now + lingering.SECONDS)
    assert closing.remaining() == 0
    closing.sweep()
    assert pair[0].fileno() < 0


def test_file_descriptor_that_is_used_again_is_another_connection() -> None:
    closing = Lingering()
    first, client = socket.socketpair()
    number = first.fileno()
    closing.add(first)
    first.close()
    second = socket.socket(fileno=os.dup2(client.fileno(), number))
    with client, second:
        closing.add(second)
        closing.limit(0)
        assert second.fileno() < 0


def test_oldest_connections_are_closed_when_they_are_too_many() -> None:
    closing = Lingering()
    with ExitStack() as stack:
        pairs = [socket.socketpair() for _ in range(3)]
        for ours, theirs in pairs:
            stack.enter_context(ours)
            stack.enter_context(theirs)
            closing.add(ours)
        closing.limit(1)
        assert [ours.fileno() >= 0 for ours, _ in pairs] == [False, False, True]


def test_silent_connection_is_closed_at_the_end_and_one_that_sends_is_waited_for() -> None:
    closing = Lingering()
    with ExitStack() as stack:
        pairs = [socket.socketpair() for _ in range(2)]
        for ours, theirs in pairs:
            stack.enter_context(ours)
            stack.enter_context(theirs)
            closing.add(ours)
        (silent, _), (sending, client) = pairs
        client.sendall(b"more")
        seen: list[tuple[bool, bool]] = []

        def notify() -> None:
            seen.append((silent.fileno() >= 0, sending.fileno() >= 0))
            client.close()

        closing.finish(notify)
        assert seen[0] == (False, True)
        assert sending.fileno() < 0


@pytest.mark.parametrize("worker_class", ["epoll", "gthread", "sync"])
@pytest.mark.parametrize("sent", [b"GET / HTTP/1.0\r\n\r\n", b"A\n\n"], ids=["HTTP/1.0", "malformed"])
def test_clients_that_do_not_close_delay_no_other(package: Path, worker_class: str, sent: bytes) -> None:
    patient = "\nimport debonair.server.lingering\n\ndebonair.server.lingering.SECONDS = 600.0\n"
    service = Served(package, f"worker_class = {worker_class}\n", workers=1, code=patient)
    try:
        with ExitStack() as stack:
            clients = []
            for _ in range(5):
                client = stack.enter_context(socket.create_connection(("127.0.0.1", service.port), 10))
                client.sendall(sent)
                assert client.makefile("rb").read().startswith(b"HTTP/1.")
                clients.append(client)
            assert service.get("/") == (200, "here")
            # All of them were served before the server has closed the first one: that would be reset now.
            for _ in range(3):
                clients[0].sendall(b"more")
    finally:
        service.stop()
