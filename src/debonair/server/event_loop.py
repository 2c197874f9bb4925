"""The worker that serves by default: threads that wait together for their clients, by epoll(7).

All threads wait for events of one epoll descriptor. The kernel wakes one of them for each event. That thread
receives, parses, calls the application and sends, until it would have to wait for the client. Nothing is
handed from one thread to another. A connection reports one event, and no more until it is armed again
(EPOLLONESHOT).

While a connection waits for its client it is in ``_waiting``. A thread that has an event, or the main thread
when the client is late, removes it from there, and uses it alone until it is armed again.

The main thread reports to gunicorn's master process, and looks twice a second for late clients.
"""

from __future__ import annotations

import itertools
import math
import os
import resource
import select
import socket
import threading
import time
from contextlib import suppress
from functools import partial

from gunicorn.http.errors import ParseException
from gunicorn.workers.base import Worker

from debonair.server.body_readers import BodyReaders
from debonair.server.connection import Connection, Phase
from debonair.server.http_request import template
from debonair.server.http_response import Exchange
from debonair.server.lingering import MOST, Lingering
from debonair.server.listeners import Listeners
from debonair.server.refusals import refuse
from debonair.server.service_worker import ServiceWorker

_ARRIVED = select.EPOLLIN | select.EPOLLONESHOT
_SENDABLE = select.EPOLLOUT | select.EPOLLONESHOT

_RECEIVES = (Phase.IDLE, Phase.HEADERS, Phase.BODY)

_SWEEP_INTERVAL = 0.5
"""Seconds between two looks at whether clients are late."""

_LAST_CHANCE = 2.0
"""Seconds that an idle connection stays open when the worker stops: a request may be on its way."""


class Epoll(ServiceWorker, Worker):
    """A worker whose threads wait together for all connections."""

    alive: bool

    def init_process(self) -> None:
        self._limits = self.app.limits
        self._epoll = select.epoll()
        self._listeners = Listeners(self.sockets, self._epoll)
        self._connections: dict[int, Connection] = {}
        self._waiting: dict[Connection, None] = {}
        self._numbers = itertools.count(1)
        self._readers = BodyReaders(max(1, self.cfg.threads // 2))
        self._keep_alive = float(self.cfg.keepalive)
        self._lingering = Lingering()
        # The application needs file descriptors too.
        descriptors = resource.getrlimit(resource.RLIMIT_NOFILE)[0] * 3 // 4
        self._most = max(min(self.cfg.worker_connections, descriptors), 1)
        super().init_process()

    def run(self) -> None:
        """Serve until the worker is told to stop."""
        for number in range(self.cfg.threads):
            threading.Thread(target=self._serve, name=f"request-{number}", daemon=True).start()
        self._listeners.activate(True)
        while self.alive and self.ppid == os.getppid():
            self._turn()
        self.alive = False
        self._listeners.activate(False)
        now = time.monotonic()
        self._finish(now + _LAST_CHANCE)
        while self._connections and time.monotonic() < now + self.cfg.graceful_timeout:
            self._turn()
        self._lingering.finish(self.notify)
        for listener in self.sockets:
            listener.close()

    def _finish(self, last_chance: float) -> None:
        """Let connections close after their request; those that have none, at ``last_chance``."""
        self._keep_alive = min(self._keep_alive, _LAST_CHANCE)
        for connection in list(self._connections.values()):
            if (exchange := connection.exchange) is not None and not exchange.headers_sent:
                exchange.keep_alive = False
            if connection.phase in (Phase.IDLE, Phase.HEADERS):
                connection.deadline = min(connection.deadline, last_chance)

    def _turn(self) -> None:
        self.notify()
        poll = select.poll()
        poll.register(self.PIPE[0], select.POLLIN)
        poll.register(self._lingering, select.POLLIN)
        poll.poll(_SWEEP_INTERVAL * 1000)
        with suppress(BlockingIOError):
            os.read(self.PIPE[0], 4096)
        self._lingering.sweep()
        self._sweep()

    def _wake(self) -> None:
        """Wake the main thread."""
        with suppress(BlockingIOError):
            os.write(self.PIPE[1], b".")

    # What the threads do.

    def _serve(self) -> None:
        while True:
            for descriptor, _ in self._epoll.poll(-1, 1):
                try:
                    if descriptor in self._listeners:
                        self._accept(descriptor)
                    elif (connection := self._connections.get(descriptor)) and self._take(connection):
                        if connection.phase in _RECEIVES:
                            connection.receive()
                        self._work(connection)
                except Exception:
                    self.log.exception("Error in a thread of the worker")

    def _take(self, connection: Connection) -> bool:
        """Take a connection that waits; return False when another thread was faster."""
        try:
            del self._waiting[connection]
        except KeyError:
            return False
        return True

    def _arm(self, connection: Connection, event: int) -> None:
        self._waiting[connection] = None
        # It may have been closed meanwhile, to make room for others.
        with suppress(OSError, ValueError):
            if connection.registered:
                self._epoll.modify(connection.fd, event)
            else:
                connection.registered = True
                self._epoll.register(connection.fd, event)

    def _accept(self, descriptor: int) -> None:
        try:
            accepted = self._listeners.accept(descriptor)
        except OSError as error:
            self.log.warning("Cannot accept a connection: %s", error)
            self._listeners.activate(False)
            return
        if accepted is None:
            return
        client, address, server = accepted
        connection = Connection(client, address, template(server, address, self.cfg), self._limits, self.cfg)
        self._connections[connection.fd] = connection
        room = self._most - len(self._connections)
        if room < MOST:
            self._lingering.limit(room)
        if room <= 0:
            self._make_room()
        connection.receive()
        self._work(connection)

    def _work(self, connection: Connection) -> None:
        """Go on with a connection until the client must be waited for."""
        try:
            while True:
                exchange = connection.exchange
                if exchange is not None:
                    complete = exchange.proceed()
                else:
                    exchange = self._next(connection)
                    if exchange is None:
                        return
                    connection.exchange = exchange
                    complete = exchange.begin(self.wsgi)
                if not complete:
                    connection.wait_to_send()
                    self._arm(connection, _SENDABLE)
                    return
                exchange.end()
                connection.end_request()
                self._stop_reading(connection)
                if not exchange.keep_alive:
                    self._close(connection)
                    return
        except (ConnectionError, TimeoutError) as error:
            self.log.debug("The client disconnected: %s", error)
            self._abort(connection)
        except ParseException as error:
            if connection.exchange is None:
                self.handle_error(None, connection.socket, connection.address, error)
                self._close(connection)
            else:
                self._fail(connection)
        except (Exception, SystemExit):
            self._fail(connection)

    def _next(self, connection: Connection) -> Exchange | None:
        """Return the exchange for the next request, or None when the connection waits."""
        head = connection.next_request()
        if head is None:
            if connection.closed_by_client:
                self._close(connection, linger=False)
            else:
                connection.wait(self._keep_alive)
                self._arm(connection, _ARRIVED)
            return None
        received = None
        if connection.streams:
            connection.wait(0)
            if not self._readers.enter(connection):
                return None
            head, received = connection.stream(partial(self._stop_reading, connection))
        if next(self._numbers) >= self.max_requests and self.alive:
            self.log.info("Autorestarting worker after current request.")
            self.alive = False
            self._wake()
        keep_alive = head.keep_alive and self.alive and self._keep_alive > 0
        return Exchange(connection.socket, head.environ, keep_alive, self._limits.pause, received)

    def _fail(self, connection: Connection) -> None:
        """Report an exception of the application, and close the connection."""
        exchange = connection.exchange
        if exchange is None or exchange.headers_sent:
            self.log.exception("Error while a response was sent")
        else:
            refuse(connection.socket, connection.address, 500, "", self.log)
        self._abort(connection)

    def _abort(self, connection: Connection) -> None:
        """Close a connection whose response is not complete."""
        try:
            if connection.exchange is not None:
                connection.exchange.end()
        except Exception:
            self.log.exception("Error closing a response")
        self._close(connection)

    def _close(self, connection: Connection, *, linger: bool = True) -> None:
        self._stop_reading(connection)
        if self._connections.get(connection.fd) is connection:
            del self._connections[connection.fd]
        if linger:
            self._lingering.add(connection.socket)
        else:
            connection.socket.close()
        if not self._listeners.active and (self.alive or not self._connections):
            self._wake()

    def _stop_reading(self, connection: Connection) -> None:
        """Let another thread wait for a body, when this one does not any more."""
        following = self._readers.leave(connection)
        if following is not None:
            # Nothing has to be sent, but a thread that is idle gets this event at once.
            self._arm(following, _SENDABLE)

    # What the main thread does, and a thread that finds too many connections.

    def _make_room(self) -> None:
        """Close connections that others do not need, oldest first; accept no more when there are none."""
        for connection in list(self._waiting):
            if len(self._connections) < self._most:
                return
            if connection.phase is Phase.IDLE and self._take(connection):
                self._close(connection, linger=False)
        if len(self._connections) >= self._most:
            self._listeners.activate(False)

    def _sweep(self) -> None:
        """Disconnect the clients that are late."""
        now = time.monotonic()
        for connection in list(self._waiting):
            if now >= connection.deadline:
                self._disconnect(connection)
        for connection in self._readers.late(now):
            self._refuse_late(connection)
        if self.alive and len(self._connections) < self._most:
            self._listeners.activate(True)

    def _disconnect(self, connection: Connection) -> None:
        if connection.phase is Phase.RESPONSE:
            # A thread finds the connection closed, and closes the response of the application.
            connection.deadline = math.inf
            with suppress(OSError):
                connection.socket.shutdown(socket.SHUT_RDWR)
        elif self._take(connection):
            if connection.phase in (Phase.IDLE, Phase.HEADERS):
                self._close(connection, linger=False)
            else:
                self._refuse_late(connection)

    def _refuse_late(self, connection: Connection) -> None:
        refuse(connection.socket, connection.address, 408, "The body did not arrive in time.", self.log)
        self._close(connection)
