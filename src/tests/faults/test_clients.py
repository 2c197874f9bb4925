"""Slow clients: however slowly they send or read, others are served."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress

import pytest

from tests.faults.sample import Sample, Serve, wait_for

pytestmark = pytest.mark.acceptance

CLIENTS = 4
BODY = (
    b"POST /checkin/a HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 9999\r\n\r\n"
)


@contextmanager
def crowd(sample: Sample, begin: bytes, more: bytes, clients: int = CLIENTS) -> Iterator[Callable[[], int]]:
    """Keep more clients than there are threads, each of which sends something ten times a second.

    Yields a function that returns how many of them are still connected.
    """
    ended = threading.Event()
    with ExitStack() as stack:
        connected = [stack.enter_context(sample.connect()) for _ in range(clients)]
        for connection in connected:
            connection.sendall(begin)
        held = set(connected)

        def trickle() -> None:
            while not ended.wait(0.1):
                for connection in list(held):
                    try:
                        connection.sendall(more)
                        connection.setblocking(False)
                        if not connection.recv(4096):
                            held.discard(connection)
                    except BlockingIOError:
                        pass
                    except OSError:
                        held.discard(connection)
                    finally:
                        connection.setblocking(True)

        thread = threading.Thread(target=trickle)
        thread.start()
        try:
            yield lambda: len(held)
        finally:
            ended.set()
            thread.join()


def serve_few(serve: Serve) -> Sample:
    return serve(server_workers=1, server_threads=2, server_read_timeout="2s")


def assert_others_are_served(sample: Sample) -> None:
    workers = sample.workers()
    for number in range(5):
        assert sample.check_in(f"other-{number}").status == 200
        assert sample.alive() and not sample.down()
    assert sample.workers() == workers


def test_slow_head_takes_no_worker(serve: Serve) -> None:
    sample = serve_few(serve)
    with crowd(sample, b"GET /health/live HTTP/1.1\r\n", b"X: y\r\n") as held:
        assert_others_are_served(sample)
        wait_for(lambda: held() == 0, "clients whose headers never end are disconnected")


def test_silent_client_takes_no_worker(serve: Serve) -> None:
    sample = serve_few(serve)
    with crowd(sample, b"", b"") as held:
        assert_others_are_served(sample)
        wait_for(lambda: held() == 0, "silent clients are disconnected")


def test_body_that_stands_still_takes_no_worker_for_ever(serve: Serve) -> None:
    sample = serve_few(serve)
    with crowd(sample, BODY, b"") as held:
        wait_for(lambda: held() < CLIENTS, "a client whose body stops is disconnected")
        assert_others_are_served(sample)


def test_slow_body_takes_no_worker_for_ever(serve: Serve) -> None:
    sample = serve_few(serve)
    with crowd(sample, BODY, b" ") as held:
        wait_for(lambda: held() < CLIENTS, "a client whose body does not end is disconnected", patience=10)
        assert_others_are_served(sample)


def test_reader_that_stands_still_takes_no_worker_for_ever(serve: Serve) -> None:
    sample = serve_few(serve)
    # Each response is as long as the path, and none is read: the system's buffers fill.
    asking = (b"GET /" + b"a" * 4000 + b" HTTP/1.1\r\nHost: a\r\n\r\n") * 16
    with ExitStack() as stack:
        connected = [stack.enter_context(socket.socket()) for _ in range(CLIENTS)]
        for connection in connected:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1024)
            connection.connect(("127.0.0.1", sample.port))
            connection.setblocking(False)

        def disconnected() -> bool:
            try:
                for connection in connected:
                    with suppress(BlockingIOError):
                        connection.sendall(asking)
            except ConnectionError:
                return True
            return False

        wait_for(disconnected, "a client that does not read is disconnected")
        assert_others_are_served(sample)
