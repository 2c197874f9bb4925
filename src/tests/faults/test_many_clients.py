"""Many clients at once: idle ones, slow ones, and those that send several requests together."""

from __future__ import annotations

import http.client
import json
import resource
import socket
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import BinaryIO

import pytest

from tests.faults.sample import PATIENCE, Sample, Serve, wait_for
from tests.faults.test_clients import assert_others_are_served, crowd
from tests.faults.test_slow_bodies import LARGE, SMALL, headers
from tests.faults.test_workers import replace_workers

pytestmark = pytest.mark.acceptance

IDLE = 1000
SLOW = 64


@pytest.fixture
def _descriptors() -> Iterator[None]:
    """Allow this process, and the service that it starts, enough file descriptors for the clients."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 4 * IDLE
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted if hard == -1 else min(wanted, hard), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def read(stream: BinaryIO) -> tuple[int, bytes]:
    """Read one response whose length is known; return its status and body."""
    status = int(stream.readline().split()[1])
    length = int(http.client.parse_headers(stream)["Content-Length"])
    return status, stream.read(length)


def is_open(connection: socket.socket) -> bool:
    """Return whether the server has not closed a connection on which nothing is to be read."""
    connection.setblocking(False)
    try:
        return connection.recv(1, socket.MSG_PEEK) != b""
    except BlockingIOError:
        return True
    except OSError:
        return False
    finally:
        connection.settimeout(PATIENCE)


@pytest.mark.usefixtures("_descriptors")
def test_thousand_idle_clients_delay_no_other(serve: Serve) -> None:
    sample = serve(server_workers=1, server_threads=2, server_keep_alive="1h", server_read_timeout="1h")
    with ExitStack() as stack:
        idle = []
        for number in range(IDLE):
            idle.append(stack.enter_context(sample.connect()))
            if number % 2:  # the others send nothing at all
                idle[-1].sendall(b"GET /health/live HTTP/1.1\r\nHost: a\r\n\r\n")
                assert read(idle[-1].makefile("rb"))[0] == 200
        assert_others_are_served(sample)
        # The oldest make room for the others, one for each.
        assert sum(map(is_open, idle)) > IDLE - 100
        connection = idle[-1]
        connection.sendall(b"GET /health/live HTTP/1.1\r\nHost: a\r\n\r\n")
        assert read(connection.makefile("rb"))[0] == 200


def test_idle_clients_leave_file_descriptors_to_the_application(serve: Serve) -> None:
    sample = serve(server_workers=2, server_threads=2, server_keep_alive="1h", server_read_timeout="1h")
    limit = 120
    resource.prlimit(sample.process.pid, resource.RLIMIT_NOFILE, (limit, limit))
    replace_workers(sample)
    with ExitStack() as stack:
        idle = [stack.enter_context(sample.connect()) for _ in range(3 * limit)]
        assert_others_are_served(sample)
        wait_for(lambda: sum(map(is_open, idle)) < 2 * limit, "the oldest idle clients are disconnected")
        for worker in sample.workers():
            assert len(list(Path(f"/proc/{worker}/fd").iterdir())) < limit
    assert not [entry for entry in sample.entries() if "Cannot accept" in entry["message"]]


DOCUMENTS = 400
"""So many times ``/openapi.json`` is more than the system keeps for a connection."""


def stalled(sample: Sample, stack: ExitStack) -> list[socket.socket]:
    """Return clients that have asked for more than the system keeps for them, and read nothing of it."""
    connected = [stack.enter_context(sample.connect()) for _ in range(SLOW)]
    for connection in connected:
        connection.sendall(b"GET /openapi.json HTTP/1.1\r\nHost: a\r\n\r\n" * DOCUMENTS)
    return connected


@pytest.mark.parametrize("length", [SMALL, LARGE], ids=["small", "large"])
def test_slow_readers_and_slow_senders_together_delay_no_other(serve: Serve, length: int) -> None:
    patient = {"server_body_timeout": "1h", "server_read_timeout": "1h"}
    sample = serve(server_workers=1, server_threads=4, **patient)
    with ExitStack() as stack:
        readers = stalled(sample, stack)
        with crowd(sample, headers("/checkin/a", length), b" " * 55, clients=SLOW) as held:
            assert_others_are_served(sample)
            assert held() == SLOW
        for number, connection in enumerate(readers):
            stream = connection.makefile("rb")
            for _ in range(DOCUMENTS if number == 0 else 1):
                status, body = read(stream)
                assert status == 200 and "paths" in json.loads(body)


def test_pipelined_requests_are_answered_in_order(shared: Sample) -> None:
    count = 50
    requests = []
    for number in range(count):
        requests.append(b"GET /nowhere/%d HTTP/1.1\r\nHost: a\r\n\r\n" % number)
        requests.append(headers(f"/checkin/b{number}", 2) + b"{}")
    with closing(shared.connect()) as connection:
        connection.sendall(b"".join(requests))
        stream = connection.makefile("rb")
        for number in range(count):
            status, body = read(stream)
            assert status == 404 and json.loads(body)["instance"] == f"/nowhere/{number}"
            status, body = read(stream)
            assert status == 200 and b"b%d" % number in body
        assert is_open(connection)


def test_refused_request_does_not_spoil_the_responses_before_it(shared: Sample) -> None:
    with closing(shared.connect()) as connection:
        connection.sendall(b"GET /nowhere/1 HTTP/1.1\r\nHost: a\r\n\r\nGET /nowhere/2 HTTP/1.1\nHost: a\n\n")
        stream = connection.makefile("rb")
        assert [read(stream)[0], read(stream)[0]] == [404, 400]
        assert stream.read() == b""
