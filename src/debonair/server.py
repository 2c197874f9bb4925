"""The production server: gunicorn, set up by the settings and by what systemd hands over.

In the order of time: the metrics' directory is emptied, the application is built once in the first
process and its configuration noted in ``/run/<svc>/started``, then the workers are forked from it.
"""

from __future__ import annotations

import errno
import json
import os
import shutil
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gunicorn.app.base
import gunicorn.arbiter
import gunicorn.glogging
from flask import Flask
from gunicorn import systemd

from debonair.config import Configuration
from debonair.errors import CommandError
from debonair.health import monitor_of
from debonair.settings import ServerSection


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
        super().__init__()

    def load_config(self) -> None:
        for key, value in options(self._configuration).items():
            self.cfg.set(key, value)

    def load(self) -> Flask:
        return self._load_app()

    def run(self) -> None:
        _Arbiter(self).run()


class _Arbiter(gunicorn.arbiter.Arbiter):
    """gunicorn's first process, which on SIGTERM has the service say that it drains before it stops."""

    _stop_at: float | None = None

    def handle_term(self) -> None:
        drain = float(self.app.drain)
        if not drain:
            super().handle_term()
        monitor_of(self.app.wsgi()).drain()
        self._stop_at = self._stop_at or time.monotonic() + drain

    def murder_workers(self) -> None:
        super().murder_workers()
        if self._stop_at is not None and time.monotonic() >= self._stop_at:
            raise StopIteration


def options(configuration: Configuration) -> dict[str, Any]:
    """Return gunicorn's settings for the configuration of a service."""
    settings = configuration.settings[ServerSection]
    started = Started(configuration)
    return {
        "bind": [f"{_bracketed(settings.host)}:{settings.port}"],
        "worker_class": "gthread",
        "workers": settings.workers,
        "threads": settings.threads,
        "timeout": _seconds(settings.timeout),
        "graceful_timeout": _seconds(settings.graceful_timeout),
        "keepalive": _seconds(settings.keep_alive),
        "backlog": settings.backlog,
        "max_requests": settings.max_requests,
        "max_requests_jitter": settings.max_requests // 10,
        "preload_app": True,
        "logger_class": Logger,
        "proc_name": configuration.service.name,
        # It would be made under $HOME, which a service does not have.
        "control_socket_disable": True,
        # Who is trusted is the application's business (trusted_hops), for all servers alike.
        "forwarded_allow_ips": "",
        "on_starting": lambda arbiter: started.note(_addresses(settings)),
        "on_exit": lambda arbiter: started.clear(),
        "post_worker_init": lambda worker: monitor_of(worker.wsgi).start(),
        "child_exit": _forget_worker,
    }


def _seconds(duration: float) -> int:
    return max(1, round(duration)) if duration else 0


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


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
