"""The start of the production server: gunicorn with the settings of a service."""

from __future__ import annotations

import gc
import importlib.util
import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import gunicorn.app.base
import gunicorn.glogging
import gunicorn.http.wsgi
import gunicorn.util
from flask import Flask, current_app
from flask.typing import ResponseReturnValue
from gunicorn import systemd
from gunicorn.http.errors import ParseException
from werkzeug.exceptions import BadRequest

from debonair.config import Configuration
from debonair.errors import CommandError, reason_of
from debonair.names import WEB
from debonair.server.handover import Handover
from debonair.server.master import Master, choose_processor, keep_to_processor, pass_sockets_on
from debonair.server.metrics_directory import VARIABLE, MetricsDirectory, enter
from debonair.server.refusals import write_problem
from debonair.server.responses import ClosingResponse
from debonair.server.sockets import bracketed, claim, inherited, predecessor_pid
from debonair.server.state_file import StateFile
from debonair.server.streamed_body import Limits
from debonair.server.worker import worker_class
from debonair.settings import ServerSection
from debonair.web.health import monitor_of

if TYPE_CHECKING:
    from debonair.web.metrics_files import EndedProcesses


def prepare(configuration: Configuration, role: str = WEB) -> MetricsDirectory:
    """Prepare the process before the application is imported: runtime directory and metrics.

    :param role: the process role, see :mod:`debonair.names`.
    :raises CommandError: when the address is in use, or the directory cannot be made.
    """
    gc.disable()  # what is built from here to the fork is kept: see _keep
    settings = configuration.settings[ServerSection]
    require_workers(settings)
    if role == WEB and not inherited():
        claim(settings.host, settings.port)
    parent = configuration.service.metrics_directory(role)
    try:
        directory = enter(parent, os.environ.get(VARIABLE) if predecessor_pid() else None)
    except OSError as error:
        reason = reason_of(error)
        raise CommandError(
            f"cannot make {parent}: {reason}; under systemd RuntimeDirectory makes it"
        ) from None
    os.environ[VARIABLE] = str(directory.path)
    return directory


def require_workers(settings: ServerSection) -> None:
    """Check that workers can run as the settings say.

    :raises CommandError: when a package is missing, or the workers cannot drain or be pinned to a processor.
    """
    if settings.worker_class == "gevent" and importlib.util.find_spec("gevent") is None:
        raise CommandError("[server] worker_class is gevent: install debonair[gevent]")
    if settings.worker_class == "gevent" and settings.drain:
        raise CommandError("[server] drain does not work with worker_class gevent: remove it, or use epoll")
    if settings.pin_cpus:
        try:
            os.sched_setaffinity(0, os.sched_getaffinity(0))
        except PermissionError:
            raise CommandError(
                "[server] pin_cpus is not allowed here: the unit needs SystemCallFilter=sched_setaffinity"
            ) from None


class Logger(gunicorn.glogging.Logger):
    """gunicorn's logger, whose messages go through the logging of the service."""

    def setup(self, cfg: Any) -> None:
        """Remove the handlers that gunicorn adds."""
        super().setup(cfg)
        self.error_log.handlers.clear()
        self.error_log.propagate = True


class Server(gunicorn.app.base.BaseApplication):
    """gunicorn for one service.

    :param configuration: its configuration.
    :param load_app: builds the application; called once, before the fork.
    :param metrics: what :func:`prepare` has returned.
    :param role: the process role, see :mod:`debonair.names`.
    """

    def __init__(
        self,
        configuration: Configuration,
        load_app: Callable[[], Flask],
        metrics: MetricsDirectory,
        role: str = WEB,
    ) -> None:
        self._configuration = configuration
        self._load_app = load_app
        self._metrics = metrics
        self._settings = configuration.settings[ServerSection]
        self._state_file = StateFile(configuration, role)
        self.handover = Handover(self._state_file, self.options()["bind"])
        self.drain = self._settings.drain
        self.limits = Limits(self._settings.read_timeout, self._settings.body_timeout)
        self._ended: EndedProcesses | None = None
        super().__init__()

    def load_config(self) -> None:
        """Set gunicorn's options and hooks."""
        for key, value in {**self.options(), **self._hooks()}.items():
            self.cfg.set(key, value)

    def options(self) -> dict[str, Any]:
        """Return gunicorn's options."""
        return options(self._configuration)

    def load(self) -> Flask:
        """Build the application."""
        app = self._load_app()
        app.debug = False  # FLASK_DEBUG is for runserver, whose debugger shows the error
        app.register_error_handler(ParseException, _refuse_malformed_body)
        return app

    def run(self) -> None:
        """Serve until a signal stops the server; raises SystemExit then."""
        # gunicorn has no setting for any of them.
        gunicorn.util.chown = _chown
        gunicorn.util.write_error = write_problem
        gunicorn.http.wsgi.Response = ClosingResponse
        Master(self).run()

    def _hooks(self) -> dict[str, Any]:
        return {
            "on_starting": lambda master: self.handover.begin(),
            "when_ready": _keep,
            "pre_exec": pass_sockets_on,
            "post_worker_init": self._begin_work,
            "child_exit": lambda master, worker: self.process_ended(worker.pid),
            "on_exit": self._leave,
        }

    def on_loop(self) -> None:
        """Complete a reload and merge metrics; called in each turn of the master's loop."""
        self.handover.complete()
        if self._ended is not None:
            self._ended.merge()

    def _begin_work(self, worker: Any) -> None:
        monitor_of(worker.wsgi).start()
        self.handover.worker_is_ready()

    def process_ended(self, pid: int) -> None:
        """Merge the metrics of a process of this server that has ended."""
        if self._ended is None:
            from debonair.web.metrics_files import EndedProcesses

            self._ended = EndedProcesses(self._metrics.path)
        self._ended.add(pid)

    def _leave(self, master: Any) -> None:
        """Remove the files of this process, and tell systemd which one has replaced it."""
        self._state_file.remove()
        self.process_ended(os.getpid())
        self._metrics.leave()
        if master.reexec_pid:
            systemd.sd_notify(f"MAINPID={master.reexec_pid}", master.log)


def options(configuration: Configuration) -> dict[str, Any]:
    """Return gunicorn's options for the configuration of a service, without hooks of the application."""
    settings = configuration.settings[ServerSection]
    pinned = {"pre_fork": choose_processor, "post_fork": keep_to_processor} if settings.pin_cpus else {}
    return {
        **pinned,
        "bind": [f"{bracketed(settings.host)}:{settings.port}"],
        "worker_class": worker_class(settings.worker_class),
        "workers": settings.workers,
        "threads": settings.threads,
        "timeout": _seconds(settings.timeout),
        "graceful_timeout": _seconds(settings.graceful_timeout),
        "keepalive": _seconds(settings.keep_alive),
        "backlog": settings.backlog,
        "max_requests": settings.max_requests,
        "max_requests_jitter": settings.max_requests // 10,
        # gevent must replace parts of the standard library before anything uses them: in each worker.
        "preload_app": settings.worker_class != "gevent",
        "logger_class": Logger,
        # The parser in C, used where it is installed, takes a bare line feed for the end of a line.
        "http_parser": "python",
        "proc_name": configuration.service.name,
        # It would be made under $HOME, which a service does not have.
        "control_socket_disable": True,
        # Which proxies are trusted is decided by the application ([server] trusted_hops), for every server.
        "forwarded_allow_ips": "",
    }


def _chown(path: str, uid: int, gid: int) -> None:
    """Change the owner of a Unix socket, if it has another one: the sandbox of a unit allows no chown(2)."""
    status = os.stat(path)
    if (status.st_uid, status.st_gid) != (uid, gid):
        os.chown(path, uid, gid)


def _refuse_malformed_body(error: ParseException) -> ResponseReturnValue:
    """Respond with 400 when a view reads a body that breaks HTTP, such as a chunk of the wrong size."""
    problem = BadRequest(f"The body is not valid HTTP: {error}.")
    return current_app.handle_user_exception(problem)


def _keep(arbiter: Any) -> None:
    """Exclude what exists before the fork from garbage collection: workers go on sharing it (gc.freeze)."""
    gc.freeze()
    gc.enable()


def _seconds(duration: float) -> int:
    return max(1, round(duration)) if duration else 0
