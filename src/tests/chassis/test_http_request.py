"""Requests are read as gunicorn's parser reads them, in one piece or byte by byte."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from gunicorn.config import Config
from gunicorn.http.errors import NoMoreData, ParseException
from hypothesis import given
from hypothesis import strategies as st

from debonair.server.connection import COLLECTED, Connection, Phase
from debonair.server.http_request import CHUNKED, Head, parse, parse_rare, template
from debonair.server.streamed_body import Limits

CONFIG = Config()
CONFIG.set("forwarded_allow_ips", "")
CONFIG.set("http_parser", "python")
CLIENT = ("192.0.2.1", 4711)
TEMPLATE = template(("127.0.0.1", 80), CLIENT, CONFIG)
LIMITS = Limits(pause=10.0, body=60.0)
POST = b"POST / HTTP/1.1\r\nHost: a\r\n"

METHODS = st.sampled_from(["GET", "POST", "M-SEARCH", "METHOD9", "get", "CONNECT", "OPTIONS", "", "G\x00T"])
TARGETS = st.one_of(
    st.sampled_from(
        ["/", "//a/b", "*", "/a%20b?c=%26&d#e", "http://a/b?c", "a:1", "", "/?", "/a?b?c", "/[x]:1"]
    ),
    st.text(st.characters(min_codepoint=0x20, max_codepoint=0xFF), max_size=8).map(lambda text: "/" + text),
)
KNOWN = "Host Content-Length content-length Transfer-Encoding Connection Content-Type Expect X-A x-a X_A"
NAMES = st.one_of(
    st.sampled_from([*KNOWN.split(), "Host ", ""]),
    st.text(st.characters(min_codepoint=0x20, max_codepoint=0xFF), max_size=5),
)
PLAIN = ["0", "5", "05", "+5", "5 ", "chunked", "gzip, chunked", "close", "Keep-Alive", "100-continue", " \t"]
VALUES = st.one_of(
    st.sampled_from([*PLAIN, "a\r\nX: b", "a\nX: b", "a\r\n b", "a\rb", "\x00", "x" * 9000]),
    st.text(st.characters(max_codepoint=0xFF), max_size=8),
)
LINES = st.lists(st.tuples(NAMES, st.sampled_from([":", ": ", ":\t", " : "]), VALUES), max_size=6)
VERSIONS = st.sampled_from(["HTTP/1.1", "HTTP/1.0", "HTTP/1.2", "HTTP/2.0", "http/1.1", ""])


def rare(data: bytes) -> tuple[Head, bytes] | None:
    try:
        return parse_rare(data, CONFIG, CLIENT, TEMPLATE)
    except ParseException:
        return None


@given(METHODS, TARGETS, VERSIONS, LINES, st.sampled_from([b"", b"hello", b"GET / HTTP/1.1\r\n"]))
def test_what_is_read_without_gunicorns_parser_is_what_that_parser_reads(
    method: str, target: str, version: str, lines: list[tuple[str, str, str]], rest: bytes
) -> None:
    text = f"{method} {target} {version}\r\n" + "".join(f"{''.join(line)}\r\n" for line in lines) + "\r\n"
    data = text.encode("latin-1") + rest
    end = data.index(b"\r\n\r\n")
    ours = parse(data, end, TEMPLATE)
    if ours is None:
        return
    theirs = rare(data)
    assert theirs
    head, behind = theirs
    assert ours.environ == head.environ
    assert (ours.length, ours.keep_alive) == (head.length, head.keep_alive)
    assert data[end + 4 :] == behind


@pytest.mark.parametrize(
    "headers",
    [
        b"",
        b"Content-Length: 5\r\nContent-Type: text/plain\r\n",
        b"Connection: close\r\nX-A: 1\r\nx-a: 2 \r\nAccept:\r\n",
        b"X-Forwarded-For: 192.0.2.7\r\nCookie: a=b; c=d\r\n",
    ],
)
def test_common_requests_need_not_gunicorns_parser(headers: bytes) -> None:
    data = b"GET /a%20b/?c=d HTTP/1.1\r\nHost: a\r\n" + headers + b"\r\n"
    head = parse(data, len(data) - 4, TEMPLATE)
    assert head
    names = ("REQUEST_METHOD", "PATH_INFO", "QUERY_STRING", "SERVER_PROTOCOL", "REMOTE_ADDR")
    assert [head.environ[name] for name in names] == ["GET", "/a b/", "c=d", "HTTP/1.1", "192.0.2.1"]


@pytest.fixture
def pair() -> Iterator[tuple[Connection, socket.socket]]:
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    with ours, theirs:
        yield Connection(ours, CLIENT, TEMPLATE, LIMITS, CONFIG), theirs


def read_all(connection: Connection, send: Callable[[bytes], Any], parts: list[bytes]) -> list[Any]:
    """Send the parts one by one, and return the environs with their bodies, or the exception that refuses."""
    found: list[Any] = []
    for part in parts:
        send(part)
        connection.receive()
        try:
            while (head := connection.next_request()) is not None and not connection.streams:
                body = head.environ.pop("wsgi.input").read()
                found.append((head.environ, body, head.keep_alive))
                connection.end_request()
        except ParseException as error:
            return [*found, str(error)]
    return found


REQUESTS = st.lists(
    st.sampled_from(
        [
            b"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
            POST + b"Content-Length: 5\r\nX-A: \xff \r\n\r\nhello",
            POST + b"Content-Length: 2\r\n\r\n\n\n",
            b"METHOD9 //a?b#c HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
            POST + b"Content-Length: 2\r\nContent-Length: 2\r\n\r\nab",
            b"GET / HTTP/1.1\r\nHost: a\r\nX: \x00\r\n\r\n",
        ]
    ),
    max_size=4,
)


@given(REQUESTS, st.integers(1, 40))
def test_request_is_the_same_however_it_is_split(requests: list[bytes], size: int) -> None:
    data = b"".join(requests)
    found = []
    for step in (len(data) or 1, size, 1):
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        with ours, theirs:
            connection = Connection(ours, CLIENT, TEMPLATE, LIMITS, CONFIG)
            parts = [data[at : at + step] for at in range(0, len(data), step)]
            found.append(read_all(connection, theirs.sendall, parts))
    assert found[0] == found[1] == found[2]
    assert len(found[0]) <= len(requests)


@pytest.mark.parametrize(
    ("data", "ready", "streams"),
    [
        (b"", False, False),
        (b"GET / HTTP/1.1\r\nHost: a\r\n", False, False),
        (b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", True, False),
        (POST + b"Content-Length: 0\r\n\r\n", True, False),
        (POST + b"Content-Length: 3\r\n\r\n\n\n", False, False),
        (POST + b"content-length:3\r\n\r\nabc", True, False),
        (POST + b"Content-Length: 3\r\nExpect: 100-continue\r\n\r\n", False, False),
        (POST + b"Content-Length: %d\r\n\r\nabc" % (COLLECTED + 1), True, True),
        (POST + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", True, True),
    ],
)
def test_request_is_collected_until_its_body_has_arrived(
    pair: tuple[Connection, socket.socket], data: bytes, ready: bool, streams: bool
) -> None:
    connection, client = pair
    client.sendall(data)
    connection.receive()
    assert (connection.next_request() is not None, connection.streams) == (ready, streams)


@pytest.mark.parametrize("data", [b"A\n\n", b"GET / HTTP/1.1\nHost", b"GET / HTTP/1.1\r\nX: " + b"a" * 2**16])
def test_request_that_cannot_become_valid_is_refused_at_once(
    pair: tuple[Connection, socket.socket], data: bytes
) -> None:
    connection, client = pair
    client.sendall(data)
    for _ in range(1 + len(data) // 8192):
        connection.receive()
    with pytest.raises(ParseException):
        connection.next_request()


def test_client_that_expects_it_is_asked_for_its_body(pair: tuple[Connection, socket.socket]) -> None:
    connection, client = pair
    client.sendall(POST + b"Content-Length: 3\r\nExpect: 100-continue\r\n\r\n")
    connection.receive()
    assert connection.next_request() is None
    assert client.recv(99) == b"HTTP/1.1 100 Continue\r\n\r\n"
    client.sendall(b"abc")
    connection.receive()
    head = connection.next_request()
    assert head and head.environ["wsgi.input"].read() == b"abc"


@pytest.mark.parametrize("chunked", [False, True])
def test_large_body_is_read_while_it_arrives_and_what_follows_is_kept(
    pair: tuple[Connection, socket.socket], chunked: bool
) -> None:
    connection, client = pair
    body = b"x" * (COLLECTED + 5)
    sent = b"10005\r\n" + body + b"\r\n0\r\nX-Trailer: a\r\n\r\n" if chunked else body
    framing = b"Transfer-Encoding: chunked" if chunked else b"Content-Length: %d" % len(body)
    client.sendall(POST + framing + b"\r\n\r\n")
    connection.receive()
    head = connection.next_request()
    assert head and connection.streams and (head.length == CHUNKED) is chunked
    calls: list[int] = []
    head, is_read = connection.stream(lambda: calls.append(1))
    assert not is_read()
    client.sendall(sent + b"GET / HTTP/1.1\r\n\r\n")
    assert head.environ["wsgi.input"].read() == body
    assert is_read() and len(calls) == (0 if chunked else 1)
    connection.end_request()
    connection.receive()
    following = connection.next_request()
    assert following and following.environ["REQUEST_METHOD"] == "GET"


def test_large_body_that_ends_early_is_not_taken_for_whole(pair: tuple[Connection, socket.socket]) -> None:
    connection, client = pair
    client.sendall(POST + b"Content-Length: 100000\r\n\r\nabc")
    connection.receive()
    assert connection.next_request()
    head, _ = connection.stream(lambda: None)
    client.close()
    with pytest.raises(NoMoreData):
        head.environ["wsgi.input"].read()


def test_connection_is_late_after_the_pause_and_a_body_by_its_rate_or_whole_time(
    pair: tuple[Connection, socket.socket],
) -> None:
    connection, client = pair
    client.sendall(b"POST / HTTP/1.1\r\n")
    connection.receive()
    connection.wait(5.0)
    assert connection.phase is Phase.HEADERS
    first = connection.deadline
    client.sendall(b"Content-Length: 50000\r\n")
    connection.receive()
    connection.wait(5.0)
    assert connection.deadline == first  # no header prolongs the time for all
    began = time.monotonic()
    assert LIMITS.body_deadline(began, began, 0) == began + 10
    assert LIMITS.body_deadline(began, began + 9, 500) == began + 11
    assert LIMITS.body_deadline(began, began + 9, 50_000) == began + 19
    assert LIMITS.body_deadline(began, began + 59, 50_000) == began + 60


def test_slow_read_fails_and_a_slow_view_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])
    took = 1.0

    def read(_: int) -> bytes:
        clock[0] += took
        return b"a" * 500

    bounded = LIMITS.bound(read)
    for _ in range(59):
        assert bounded(None)
        clock[0] += 100
    took = 1.5
    with pytest.raises(NoMoreData):
        bounded(None)
    took = 12.0
    with pytest.raises(NoMoreData):
        LIMITS.bound(read)(None)
    took = 6.0
    with pytest.raises(NoMoreData):
        LIMITS.bound(read, spent=55.0)(None)


def test_server_of_a_unix_socket_has_the_name_that_the_client_uses() -> None:
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    with ours, theirs:
        connection = Connection(ours, "", template("/run/a.socket", "", CONFIG), LIMITS, CONFIG)
        theirs.sendall(b"GET / HTTP/1.1\r\nHost: a.example:8080\r\n\r\n")
        connection.receive()
        head = connection.next_request()
    assert head
    names = ("SERVER_NAME", "SERVER_PORT", "REMOTE_ADDR")
    assert [head.environ[name] for name in names] == ["a.example", "8080", ""]
