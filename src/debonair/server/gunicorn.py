"""gunicorn, set up by the settings of a service."""

from __future__ import annotations

import gc
import importlib.util
import os
import shutil
from collections.abc import Callable
from typing import Any

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
from debonair.errors import CommandError
from debonair.server.answers import Answer
from debonair.server.arbiter import Arbiter, choose_processor, keep_to_processor, pass_sockets_on, take_over
from debonair.server.sockets import addresses_of, bracketed, claim
from debonair.server.started import Started
from debonair.server.worker import worker_class, write_problem
from debonair.settings import ServerSection


def prepare(configuration: Configuration) -> None:
    """Make ready what must be so before the application is imported: runtime directory and metrics.

    :raises CommandError: when the address is taken, or the directory cannot be made.
    """
    gc.disable()  # what is built from here to the fork stays: see _keep
    settings = configuration.settings[ServerSection]
    require_workers(settings)
    if not systemd.listen_fds(unset_environment=False):
        claim(settings.host, settings.port)
    directory = configuration.service.runtime_directory() / "metrics"
    try:
        shutil.rmtree(directory, ignore_errors=True)
        directory.mkdir(parents=True)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise CommandError(
            f"cannot make {directory}: {reason}; under systemd RuntimeDirectory makes it"
        ) from None
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(directory)


def require_workers(settings: ServerSection) -> None:
    """Make sure that the workers can be had as the settings want them.

    :raises CommandError: when its package is missing, or it cannot drain or keep to a processor as it is to.
    """
    if settings.worker_class == "gevent" and importlib.util.find_spec("gevent") is None:
        raise CommandError("[server] worker_class is gevent: install debonair[gevent]")
    if settings.worker_class == "gevent" and settings.drain:
        raise CommandError(
            "[server] drain needs another worker_class than gevent: take it out, or use gthread"
        )
    if settings.pin_cpus:
        try:
            os.sched_setaffinity(0, os.sched_getaffinity(0))
        except PermissionError:
            raise CommandError(
                "[server] pin_cpus is not allowed here: the unit wants SystemCallFilter=sched_setaffinity"
            ) from None


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
        app.debug = False  # FLASK_DEBUG is for runserver, whose debugger shows what went wrong
        app.register_error_handler(ParseException, _refuse_malformed_body)
        return app

    def run(self) -> None:
        # gunicorn has no hook for either.
        gunicorn.util.write_error = write_problem
        gunicorn.http.wsgi.Response = Answer
        Arbiter(self).run()


def _refuse_malformed_body(error: ParseException) -> ResponseReturnValue:
    """Answer 400 where a view comes upon a body that breaks HTTP, such as a chunk of the wrong size."""
    problem = BadRequest(f"The body is not what HTTP asks for: {error}.")
    return current_app.handle_user_exception(problem)


def options(configuration: Configuration) -> dict[str, Any]:
    """Return gunicorn's settings for the configuration of a service."""
    settings = configuration.settings[ServerSection]
    started = Started(configuration)
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
        # gevent must come before everything that it changes, and it does so in each worker.
        "preload_app": settings.worker_class != "gevent",
        "logger_class": Logger,
        # The one in C, where it is installed, takes a bare line feed for the end of a line.
        "http_parser": "python",
        "proc_name": configuration.service.name,
        # It would be made under $HOME, which a service does not have.
        "control_socket_disable": True,
        # Who is trusted is the application's business (trusted_hops), for all servers alike.
        "forwarded_allow_ips": "",
        "on_starting": lambda arbiter: started.note(addresses_of(settings)),
        "when_ready": _keep,
        "on_exit": lambda arbiter: _leave(arbiter, started),
        "pre_exec": pass_sockets_on,
        "post_worker_init": take_over,
        "child_exit": _forget_worker,
    }


def _keep(arbiter: Any) -> None:
    """Have the collector pass over what stands before the fork: then workers go on sharing it (gc.freeze)."""
    gc.freeze()
    gc.enable()


def _seconds(duration: float) -> int:
    return max(1, round(duration)) if duration else 0


def _leave(arbiter: Any, started: Started) -> None:
    """Clear up behind this process, and name the one that succeeds it to systemd."""
    started.clear()
    if arbiter.reexec_pid:
        systemd.sd_notify(f"MAINPID={arbiter.reexec_pid}", arbiter.log)


def _forget_worker(server: Any, worker: Any) -> None:
    from prometheus_client import multiprocess

    multiprocess.mark_process_dead(worker.pid)  # type: ignore[no-untyped-call]
