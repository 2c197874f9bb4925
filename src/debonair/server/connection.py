"""One connection of a client: what it has sent, the request that arrives, and the response that is sent."""

from __future__ import annotations

import io
import re
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from enum import Enum
from typing import Any

from gunicorn.http.body import Body, LengthReader
from gunicorn.http.errors import InvalidHeader, NoMoreData

from debonair.server.http_request import (
    CHUNKED,
    LARGEST_HEADERS,
    ClientUnreader,
    Environ,
    Head,
    parse,
    parse_rare,
)
from debonair.server.http_response import Exchange
from debonair.server.responses import received as read_to_end
from debonair.server.streamed_body import Limits, receive

COLLECTED = 2**16
"""The longest body in bytes that is collected before a thread handles its request."""

_READ = 2**13
_BARE_LINE_FEED = re.compile(rb"(?<!\r)\n")


class Phase(Enum):
    """What a connection waits for."""

    IDLE = 1
    """The first byte of a request."""
    HEADERS = 2
    BODY = 3
    THREAD = 4
    """One of the threads that may wait for a body."""
    RESPONSE = 5
    """That the client takes more of the response."""


class Connection:
    """A connection. One thread at a time uses it: see :class:`~debonair.server.event_loop.Epoll`.

    :param template: what the environs of its requests have in common.
    :param limits: how long the client may take.
    :param config: gunicorn's configuration.
    :ivar deadline: when it is late for what it waits for, by ``time.monotonic()``.
    :ivar exchange: the response that is sent.
    :ivar registered: whether the epoll descriptor knows it.
    :ivar reads: whether it has one of the threads that may wait for a body.
    """

    __slots__ = (
        *("_began", "_buffer", "_config", "_head", "_limits", "_template", "_unix", "_unreader", "address"),
        *("closed_by_client", "deadline", "exchange", "fd", "phase", "reads", "registered", "socket"),
    )

    def __init__(
        self, client: socket.socket, address: Any, template: Environ, limits: Limits, config: Any
    ) -> None:
        self.socket = client
        self.fd = client.fileno()
        self.address = address
        self.phase = Phase.IDLE
        self.closed_by_client = False
        self.exchange: Exchange | None = None
        self.registered = False
        self.reads = False
        self._unreader: ClientUnreader | None = None
        self._template = template
        self._unix = not isinstance(address, tuple)
        self._limits = limits
        self._config = config
        self._buffer = b""
        self._head: Head | None = None
        self._began = time.monotonic()
        self.deadline = self._began + limits.pause

    def receive(self) -> None:
        """Add to the buffer what the client has sent, without waiting."""
        missing = self._head.length - len(self._buffer) if self._head else 0
        try:
            data = self.socket.recv(missing if missing > _READ else _READ)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if data:
            self._buffer = self._buffer + data if self._buffer else data
        else:
            self.closed_by_client = True

    def wait(self, keep_alive: float) -> None:
        """Set the deadline for what the client has to send now.

        :param keep_alive: seconds that an idle connection is kept open.
        """
        now = time.monotonic()
        if self.streams:
            self.phase = Phase.THREAD
            self.deadline = self._began + self._limits.body
        elif self._head is not None:
            self.phase = Phase.BODY
            self.deadline = self._limits.body_deadline(self._began, now, len(self._buffer))
        elif not self._buffer:
            if self.phase is not Phase.IDLE:
                self.phase = Phase.IDLE
                self.deadline = now + keep_alive
        elif self.phase is not Phase.HEADERS:
            self.phase = Phase.HEADERS
            self.deadline = now + self._limits.pause

    def wait_to_send(self) -> None:
        """Set the deadline for the client to take more of the response."""
        self.phase = Phase.RESPONSE
        self.deadline = time.monotonic() + self._limits.pause

    def next_request(self) -> Head | None:
        """Return the next request when it can be handled, or None until more of it has arrived.

        It can be handled when its body is in ``wsgi.input``, or when :attr:`streams` is true.

        :raises gunicorn.http.errors.ParseException: when the request is refused.
        """
        head = self._head
        if head is None:
            head = self._parse()
            if head is None:
                return None
            if not head.length:
                head.environ["wsgi.input"] = io.BytesIO()
                return head
            self._head, self._began = head, time.monotonic()
        if self.streams:
            return head
        if len(self._buffer) < head.length:
            if self.closed_by_client:
                raise InvalidHeader("the body ended early")
            self._continue(head)
            return None
        body, self._buffer = self._buffer[: head.length], self._buffer[head.length :]
        head.environ["wsgi.input"] = io.BytesIO(body)
        self._head = None
        return head

    @property
    def streams(self) -> bool:
        """Whether the thread that handles the request reads its body."""
        return self._head is not None and not 0 < self._head.length <= COLLECTED

    def _parse(self) -> Head | None:
        buffer = self._buffer
        if not buffer:
            return None
        end = buffer.find(b"\r\n\r\n")
        if end >= 0:
            head = parse(buffer, end, self._template)
            if head is not None:
                self._buffer = buffer[end + 4 :]
                return self._named(head)
        elif len(buffer) < LARGEST_HEADERS and not _BARE_LINE_FEED.search(buffer):
            return None
        head, self._buffer = parse_rare(buffer, self._config, self.address, self._template)
        return self._named(head)

    def _named(self, head: Head) -> Head:
        """Name the server in the environ as the client does, where the listening socket has no name."""
        if self._unix and (host := head.environ.get("HTTP_HOST")):
            name, _, port = host.partition(":")
            head.environ["SERVER_NAME"], head.environ["SERVER_PORT"] = name, port or "80"
        return head

    def stream(self, received: Callable[[], None]) -> tuple[Head, Callable[[], bool]]:
        """Let ``wsgi.input`` read the body while it arrives; called by the thread that handles the request.

        :param received: called when the body has been received, if its length is known.
        :return: the request, and a function that returns whether the body has been read.
        """
        assert self._head is not None  # nosec B101
        head, self._head = self._head, None
        if head.length == CHUNKED:
            unreader, body = head.message.unreader, head.message.body
            unreader.unread(self._buffer)
        else:
            unreader = ClientUnreader(self._buffer)
            body = Body(LengthReader(unreader, head.length))
        read = self._limits.bound(
            receive(self.socket, self._limits.pause), spent=time.monotonic() - self._began
        )
        missing = head.length - len(self._buffer)

        def more(size: int | None) -> bytes:
            nonlocal missing
            self._continue(head)
            data = read(size)
            if not data:
                raise NoMoreData
            missing -= len(data)
            if 0 <= -missing < len(data):
                received()
            return data

        unreader.receive = more
        self._unreader, self._buffer = unreader, b""
        head.environ["wsgi.input"] = body
        return head, lambda: read_to_end(body.reader)

    def end_request(self) -> None:
        """Prepare for the next request, when the response has been sent."""
        self.exchange = None
        self.phase = Phase.RESPONSE
        if self._unreader is not None:
            self._buffer = self._unreader.take_buffered()
            self._unreader = None

    def _continue(self, head: Head) -> None:
        """Ask for the body, if the client waits for that."""
        if head.expects:
            head.expects = False
            with suppress(BlockingIOError):
                self.socket.send(b"HTTP/1.1 100 Continue\r\n\r\n")
