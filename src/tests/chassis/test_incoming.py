"""What is collected of a request before a thread handles it, and when the rest of it is late."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator

import pytest
from gunicorn.http.errors import NoMoreData

from debonair.server.incoming import COLLECTED, Incoming, Limits

LIMITS = Limits(pause=10.0, body=60.0)
POST = b"POST / HTTP/1.1\r\nHost: a\r\n"


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    with ours, theirs:
        yield ours, theirs


@pytest.mark.parametrize(
    ("data", "whole", "ready"),
    [
        (b"", False, False),
        (b"GET / HTTP/1.1\r\nHost: a\r\n", False, False),
        (b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", True, True),
        (b"A\n\n", True, True),
        (b"GET / HTTP/1.1\r\nX: " + b"a" * 2**16, True, True),
        (POST + b"Content-Length: 0\r\n\r\n", True, True),
        (POST + b"Content-Length: 3\r\n\r\n\n\n", False, False),
        (POST + b"content-length:3\r\n\r\nabc", True, True),
        (POST + b"Content-Length: 3\r\n\r\nabcGET / HTTP/1.1\r\n", True, True),
        # These are read, or refused, by a thread.
        (POST + b"Content-Length: %d\r\n\r\nabc" % (COLLECTED + 1), False, True),
        (POST + b"Content-Length: 3\r\nExpect: 100-continue\r\n\r\n", False, True),
        (POST + b"Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd", False, True),
        (POST + b"Content-Length: three\r\n\r\nabc", False, True),
        (POST + b"Content-Length : 3\r\n\r\nabc", False, True),
        (POST + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", False, True),
    ],
)
def test_request_is_collected_until_it_is_whole(data: bytes, whole: bool, ready: bool) -> None:
    incoming = Incoming(data, LIMITS)
    assert (incoming.whole, incoming.ready) == (whole, ready)


def test_request_is_collected_part_by_part(pair: tuple[socket.socket, socket.socket]) -> None:
    ours, theirs = pair
    incoming = Incoming(b"", LIMITS)
    request = POST + b"Content-Length: 5\r\n\r\nhello"
    for at in range(len(request)):
        assert not incoming.ready
        incoming.receive(ours)  # nothing has arrived
        theirs.send(request[at : at + 1])
        incoming.receive(ours)
    assert incoming.ready and incoming.whole and incoming.data == request


def test_client_that_has_gone_is_not_waited_for(pair: tuple[socket.socket, socket.socket]) -> None:
    ours, theirs = pair
    incoming = Incoming(POST + b"Content-Length: 5\r\n\r\nhel", LIMITS)
    theirs.close()
    incoming.receive(ours)
    assert incoming.ready and incoming.whole


def test_headers_are_late_after_the_pause_and_a_body_by_its_rate_or_whole_time() -> None:
    now = time.monotonic()
    headers = Incoming(b"GET /", LIMITS)
    assert not headers.late(now + 9) and headers.late(now + 11)
    headers.end_by(now + 1)
    assert headers.late(now + 2)
    body = Incoming(POST + b"Content-Length: 50000\r\n\r\n", LIMITS)
    body.end_by(now + 1)
    assert not body.late(now + 9) and body.late(now + 11)
    large = Incoming(POST + b"Content-Length: 5000000\r\n\r\n", LIMITS)
    assert not large.late(now + 59) and large.late(now + 61)


def test_slow_read_fails_and_a_slow_view_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])

    def read(took: float) -> bytes:
        clock[0] += took
        return b"a" * 500

    bounded = Limits(pause=10.0, body=60.0).bound(lambda took: read(took))
    for _ in range(59):
        assert bounded(1.0)
        clock[0] += 100
    with pytest.raises(NoMoreData):
        bounded(1.5)
    with pytest.raises(NoMoreData):
        Limits(pause=10.0, body=60.0).bound(lambda took: read(took))(12.0)
    with pytest.raises(NoMoreData):
        Limits(pause=10.0, body=60.0).bound(lambda took: read(took), spent=55.0)(6.0)
