"""The production server: gunicorn, set up by the settings and by what systemd hands over.

In the order of time: the metrics' directory is emptied, the application is built once in the first
process and its configuration noted in ``/run/<svc>/started``, then the workers are forked from it.

On SIGUSR2 (``systemctl reload``) all of that happens once more in a second process, which listens on the
same socket. When its first worker is ready it ends the first process, which answers what it has begun;
when it does not come so far, the first one goes on.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import selectors
import shutil
import signal
import socket
import struct
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import gunicorn.app.base
import gunicorn.arbiter
import gunicorn.glogging
from flask import Flask, current_app
from flask.typing import ResponseReturnValue
from gunicorn import systemd
from gunicorn.http.errors import ParseException
from gunicorn.workers.gthread import TConn, ThreadWorker
from werkzeug.exceptions import BadRequest

from debonair.config import Configuration
from debonair.errors import CommandError
from debonair.health import monitor_of
from debonair.settings import ServerSection

_LARGEST_READ = 2**13
_LARGEST_HEAD = 2**16


class Logger(gunicorn.glogging.Logger):
    """gunicorn's messages, sent the way of all others."""

    def setup(self, cfg: Any) -> None:
        super().setup(cfg)
        self.error_log.handlers.clear()
        self.error_log.propagate = True


class Server(gunicorn.app.base.BaseApplication):
    """gunicorn for one service.

    :param configuration: its configuration.
    :param load_app: builds the application; called once, before the fork.
    """

    def __init__(self, configuration: Configuration, load_app: Callable[[], Flask]) -> None:
        self._configuration = configuration
        self._load_app = load_app
        self.drain = configuration.settings[ServerSection].drain
        self.read_timeout = configuration.settings[ServerSection].read_timeout
        super().__init__()

    def load_config(self) -> None:
        for key, value in options(self._configuration).items():
            self.cfg.set(key, value)

    def load(self) -> Flask:
        app = self._load_app()
        app.register_error_handler(ParseException, _refuse_malformed_body)
        return app

    def run(self) -> None:
        _Arbiter(self).run()


def _refuse_malformed_body(error: ParseException) -> ResponseReturnValue:
    """Answer 400 where a view comes upon a body that breaks HTTP, such as a chunk of the wrong size."""
    problem = BadRequest(f"The body is not what HTTP asks for: {error}.")
    return current_app.handle_user_exception(problem)


class _Arbiter(gunicorn.arbiter.Arbiter):
    """gunicorn's first process, which on SIGTERM has the service say that it drains before it stops."""

    _stop_at: float | None = None
    _stopping = False

    def handle_term(self) -> None:
        drain = float(self.app.drain)
        if not drain:
            super().handle_term()
        monitor_of(self.app.wsgi()).drain()
        self._stop_at = self._stop_at or time.monotonic() + drain

    def stop(self, graceful: bool = True) -> None:
        self._stopping = graceful
        super().stop(graceful)

    def reap_workers(self) -> None:
        super().reap_workers()
        if self._stopping:
            # gunicorn tells them once; a worker just forked that has no handler yet would not hear it.
            self.kill_workers(signal.SIGTERM)

    def murder_workers(self) -> None:
        super().murder_workers()
        if "WATCHDOG_USEC" in os.environ:
            # Once a second: systemd knows that this loop, which looks after the workers, goes on.
            systemd.sd_notify("WATCHDOG=1", self.log)
        if self._stop_at is not None and time.monotonic() >= self._stop_at:
            raise StopIteration


class Worker(ThreadWorker):
    """gunicorn's worker with threads, which no slow client can keep one of.

    The head of a request is gathered before a thread is given to its connection; one that is not whole
    in time is cut off, as is a client that then stands still within body or answer.
    """

    def init_process(self) -> None:
        self._patience = float(self.app.read_timeout)
        super().init_process()

    def enqueue_req(self, conn: TConn) -> None:
        conn.head = conn.parser.unreader.take_buffered() if conn.initialized else b""
        conn.sock.setblocking(False)
        if _whole(conn.head) or self._gather(conn):
            self._begin(conn)
            return
        conn.timeout = time.monotonic() + self._patience
        self.pending_conns.append(conn)
        self.poller.register(conn.sock, selectors.EVENT_READ, partial(self.on_pending_socket_readable, conn))

    def on_pending_socket_readable(self, conn: TConn, client: Any) -> None:
        if self._gather(conn):
            self.poller.unregister(client)
            self.pending_conns.remove(conn)
            self._begin(conn)

    @staticmethod
    def _gather(conn: TConn) -> bool:
        """Read what is there of a head, and tell whether no more is to be waited for."""
        try:
            data = conn.sock.recv(_LARGEST_READ)
        except BlockingIOError:
            return False
        except OSError:
            return True
        conn.head += data
        return not data or _whole(conn.head)

    def _begin(self, conn: TConn) -> None:
        """Give a thread to a connection whose request has arrived."""
        if not conn.initialized:
            for side in (socket.SO_RCVTIMEO, socket.SO_SNDTIMEO):
                conn.sock.setsockopt(socket.SOL_SOCKET, side, struct.pack("ll", round(self._patience), 0))
            conn.init()
        conn.parser.unreader.unread(conn.head)
        super().enqueue_req(conn)

    def _cap_keepalive(self, deadline: float) -> None:
        super()._cap_keepalive(deadline)
        for conn in self.pending_conns:
            conn.timeout = min(conn.timeout, deadline)


def _whole(head: bytes) -> bool:
    """Tell whether gunicorn has enough to parse or refuse, without waiting for the client."""
    return b"\r\n\r\n" in head or b"\n\n" in head or len(head) >= _LARGEST_HEAD


def options(configuration: Configuration) -> dict[str, Any]:
    """Return gunicorn's settings for the configuration of a service."""
    settings = configuration.settings[ServerSection]
    started = Started(configuration)
    return {
        "bind": [f"{_bracketed(settings.host)}:{settings.port}"],
        "worker_class": Worker if settings.worker_class == "gthread" else settings.worker_class,
        "workers": settings.workers,
        "threads": settings.threads,
        "timeout": _seconds(settings.timeout),
        "graceful_timeout": _seconds(settings.graceful_timeout),
        "keepalive": _seconds(settings.keep_alive),
        "backlog": settings.backlog,
        "max_requests": settings.max_requests,
        "max_requests_jitter": settings.max_requests // 10,
        # gevent must come before everything that it changes, and it does so in each worker.
        "preload_app": settings.worker_class != "gevent",
        "logger_class": Logger,
        "proc_name": configuration.service.name,
        # It would be made under $HOME, which a service does not have.
        "control_socket_disable": True,
        # Who is trusted is the application's business (trusted_hops), for all servers alike.
        "forwarded_allow_ips": "",
        "on_starting": lambda arbiter: started.note(_addresses(settings)),
        "on_exit": lambda arbiter: _leave(arbiter, started),
        "pre_exec": _pass_sockets_on,
        "post_worker_init": _take_over,
        "child_exit": _forget_worker,
    }


def _seconds(duration: float) -> int:
    return max(1, round(duration)) if duration else 0


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _pass_sockets_on(arbiter: Any) -> None:
    """Put systemd's sockets where the next process looks for them, before it replaces this fork.

    gunicorn has moved them: it duplicates what systemd passes, and closes the original.
    """
    if not arbiter.systemd:
        return
    first = systemd.SD_LISTEN_FDS_START
    past = first + len(arbiter.LISTENERS)
    copies = [fcntl.fcntl(listener, fcntl.F_DUPFD_CLOEXEC, past) for listener in arbiter.LISTENERS]
    for listener in arbiter.LISTENERS:
        os.set_inheritable(listener.fileno(), False)
    for number, copy in enumerate(copies, first):
        os.dup2(copy, number)


def _take_over(worker: Any) -> None:
    """Start the checks; in a process that is to succeed another one, end that one now."""
    monitor_of(worker.wsgi).start()
    predecessor = os.environ.get("GUNICORN_PID")
    if predecessor:
        os.kill(int(predecessor), signal.SIGTERM)


def _leave(arbiter: Any, started: Started) -> None:
    """Clear up behind this process, and name the one that succeeds it to systemd."""
    started.clear()
    if arbiter.reexec_pid:
        systemd.sd_notify(f"MAINPID={arbiter.reexec_pid}", arbiter.log)


def _forget_worker(server: Any, worker: Any) -> None:
    from prometheus_client import multiprocess

    multiprocess.mark_process_dead(worker.pid)  # type: ignore[no-untyped-call]


def _addresses(settings: ServerSection) -> list[str]:
    """Return what the server listens on: ``host:port`` or the path of a Unix socket."""
    count = systemd.listen_fds(unset_environment=False)
    if not count:
        return [f"{_bracketed(settings.host)}:{settings.port}"]
    addresses = []
    for descriptor in range(systemd.SD_LISTEN_FDS_START, systemd.SD_LISTEN_FDS_START + count):
        with socket.socket(fileno=os.dup(descriptor)) as listening:
            name = listening.getsockname()
        addresses.append(name if isinstance(name, str) else f"{_bracketed(name[0])}:{name[1]}")
    return addresses


def prepare(configuration: Configuration) -> None:
    """Make ready what must be so before the application is imported: runtime directory and metrics.

    :raises CommandError: when the address is taken, or the directory cannot be made.
    """
    settings = configuration.settings[ServerSection]
    if not systemd.listen_fds(unset_environment=False):
        claim(settings.host, settings.port)
    directory = configuration.service.runtime_directory / "metrics"
    try:
        shutil.rmtree(directory, ignore_errors=True)
        directory.mkdir(parents=True)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise CommandError(
            f"cannot make {directory}: {reason}; under systemd RuntimeDirectory makes it"
        ) from None
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(directory)


def claim(host: str, port: int) -> None:
    """Make sure that the address can be listened on.

    :raises CommandError: when it is taken, not of this machine, or not allowed.
    """
    hints = {
        errno.EADDRINUSE: "is in use: stop what listens there, or choose another port",
        errno.EADDRNOTAVAIL: "is not an address of this machine",
        errno.EACCES: "may not be listened on: ports below 1024 are for root or systemd's sockets",
    }
    try:
        with socket.create_server((host, port), family=_family(host)):
            pass
    except OSError as error:
        hint = hints.get(error.errno or 0, f"cannot be listened on: {error.strerror or error}")
        raise CommandError(f"{_bracketed(host)}:{port} {hint}") from None


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET


class Started:
    """The note ``/run/<svc>/started``: which version serves with which configuration.

    :param configuration: the configuration that the process was started with, or is compared with.
    """

    def __init__(self, configuration: Configuration) -> None:
        self._path = configuration.service.runtime_directory / "started"
        self._version = configuration.service.version
        self._digest = configuration.digest

    def note(self, addresses: list[str]) -> None:
        """Write the note for this process; whole or not at all."""
        content = {
            "version": self._version,
            "digest": self._digest,
            "pid": os.getpid(),
            "born": _birth(os.getpid()),
            "addresses": addresses,
        }
        draft = self._path.with_suffix(".new")
        draft.write_text(json.dumps(content) + "\n")
        draft.replace(self._path)

    def clear(self) -> None:
        """Remove the note of this process."""
        if (self.read() or {}).get("pid") == os.getpid():
            self._path.unlink(missing_ok=True)

    def read(self) -> dict[str, Any] | None:
        """Return the note of a living process, or None.

        :raises CommandError: when the note is there and may not be read.
        """
        try:
            content: dict[str, Any] = json.loads(self._path.read_text())
        except (FileNotFoundError, ValueError):
            return None
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            raise CommandError(f"cannot read {self._path}: {reason}; try as root") from None
        return content if _birth(content["pid"]) == content["born"] else None

    def difference(self) -> str | None:
        """Return how the running process differs from what is installed and configured, or None."""
        running = self.read()
        if running is None:
            return "is not running"
        if running["version"] != self._version:
            return f"runs version {running['version']}, and {self._version} is installed"
        if running["digest"] != self._digest:
            return "runs with an older configuration"
        return None


def _birth(pid: int) -> str | None:
    """Return when a process was started, in the kernel's ticks: a number is not used twice with it."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except OSError:
        return None
