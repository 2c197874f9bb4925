"""Bodies that arrive slowly, or that nobody reads: they occupy no thread that others need."""

from __future__ import annotations

import http.client
from contextlib import closing

import pytest

from tests.faults.sample import Sample, Serve, wait_for
from tests.faults.test_clients import assert_others_are_served, crowd

pytestmark = pytest.mark.acceptance

SMALL, LARGE = 50_000, 10_000_000
"""Lengths of a body that the server collects, and of one that a thread reads."""


def headers(path: str, length: int) -> bytes:
    lines = [
        f"POST {path} HTTP/1.1",
        "Host: a",
        "Content-Type: application/json",
        f"Content-Length: {length}",
        "",
        "",
    ]
    return "\r\n".join(lines).encode()


@pytest.mark.parametrize("length", [SMALL, LARGE], ids=["small", "large"])
def test_forty_slow_bodies_delay_no_other_request(serve: Serve, length: int) -> None:
    sample = serve(server_workers=1, server_threads=4, server_body_timeout="1h", server_read_timeout="1m")
    # 550 bytes a second, as the server's least rate allows.
    with crowd(sample, headers("/checkin/a", length), b" " * 55, clients=40) as held:
        assert_others_are_served(sample)
        assert held() == 40


@pytest.mark.parametrize("length", [SMALL, LARGE], ids=["small", "large"])
def test_body_that_takes_too_long_is_refused(serve: Serve, length: int) -> None:
    sample = serve(server_workers=1, server_threads=2, server_body_timeout="2s")
    with crowd(sample, headers("/checkin/a", length), b" " * 200) as held:
        wait_for(lambda: held() == 0, "clients whose bodies do not end are disconnected")
    with sample.connect() as connection:
        connection.sendall(headers("/checkin/a", length))
        response = http.client.HTTPResponse(connection)
        response.begin()
        assert response.status == (408 if length == SMALL else 400)
        assert response.headers["Content-Type"] == "application/problem+json"
    assert_others_are_served(sample)


def test_slow_bodies_do_not_stop_a_worker_of_the_class_sync(serve: Serve) -> None:
    sample = serve(server_workers=1, server_worker_class="sync", server_body_timeout="1s")
    with crowd(sample, headers("/checkin/a", LARGE), b" " * 55) as held:
        wait_for(lambda: held() == 0, "clients whose bodies do not end are disconnected")
        assert_others_are_served(sample)


@pytest.mark.parametrize("worker_class", ["epoll", "gthread", "sync"])
def test_client_that_sends_a_too_large_body_can_read_the_413(serve: Serve, worker_class: str) -> None:
    sample = serve(server_worker_class=worker_class, server_max_body="1MiB")
    for _ in range(10):
        assert sends_before_reading(sample, 8 * 2**20) == 413


def sends_before_reading(sample: Sample, length: int) -> int:
    """Return the status of the response that a client reads after it has sent its whole body."""
    with sample.connect() as connection:
        connection.sendall(headers("/checkin/a", length))
        for _ in range(length // 2**16):
            connection.sendall(b" " * 2**16)
        response = http.client.HTTPResponse(connection)
        response.begin()
        assert response.headers["Connection"] == "close" and response.read()
        return response.status


def test_connection_is_kept_when_the_unread_body_has_arrived(serve: Serve) -> None:
    sample = serve(server_workers=1)
    with closing(http.client.HTTPConnection("127.0.0.1", sample.port, timeout=60)) as connection:
        for length in (10, 60_000, 1_000_000):
            connection.request("POST", "/nowhere", b" " * length)
            response = connection.getresponse()
            assert response.status == 404 and response.read()
            assert response.headers["Connection"] == ("close" if length == 1_000_000 else "keep-alive")
