"""The check that ``serve`` would succeed: ``serve --check``, which changes nothing and listens nowhere.

In the order of time: the settings of the workers, the log files and the addresses are tried; the application
is built as for ``serve``, which imports its jobs; its health checks run once; it handles one request; its
blueprints are described. Under systemd the unit's sandbox applies when the command runs in the unit, or in
one with its settings (``/usr/lib/<svc>/in-unit``). ``worker --check`` is the same for the worker alone.
"""

from __future__ import annotations

import http.client
import json
import logging
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

from flask import Flask, got_request_exception

from debonair.api import openapi
from debonair.config import Configuration
from debonair.database.commands import difference
from debonair.errors import CommandError, reason_of
from debonair.jobs.setup import require_module
from debonair.logs.setup import file_of as log_file_of
from debonair.names import WEB, Service
from debonair.room import Context
from debonair.server.launch import options, require_workers
from debonair.server.sockets import bracketed, claim, inherited
from debonair.server.state_file import StateFile
from debonair.settings import JobsSection, LogSection, ServerSection
from debonair.web.health import monitor_of

_PROBE = "/health/live"


def run(context: Context, role: str = WEB) -> None:
    """Print the result of each health check, and return when the processes of the service can start.

    :param role: ``web`` checks the server, and the worker of a service with jobs; ``worker`` that one alone.
    :raises CommandError: when they cannot; the text is one line with the reason.
    """
    configuration = context.configuration
    service = configuration.service
    require_workers(configuration.settings[ServerSection])
    for each in service.roles if role == WEB else (role,):
        require_log_file(log_file_of(configuration.settings[LogSection], each))
        require_address(configuration, each)
    options(configuration)
    app = context.app
    require_module(service)
    # Each result is printed, one line each.
    logging.getLogger("debonair.health").setLevel(logging.CRITICAL)
    monitor = monitor_of(app)
    report = monitor.run_once()
    failed = []
    for name, check in report["checks"].items():
        reason = monitor.reason(name)
        line = f"{name}: {check.get('error', check['status'])}{f' ({reason})' if reason else ''}"
        print(line)
        if check["critical"] and check.get("error"):
            failed.append(line)
    if report["status"] != "ready":
        raise CommandError(f"the service would start and not be ready: {'; '.join(failed)}")
    require_response(app)
    require_document(app)
    _warn_of_unknown_revision(app)
    if not configuration.service.production and (warning := difference(app)):
        print(f"warning: {warning}")
    fit = "serve" if role == WEB else "run jobs"
    print(f"{context.service.name} {report['version']} is fit to {fit}.")


def require_log_file(file: str) -> None:
    """Check that the log file can be written; it is not created.

    :param file: its path, or an empty text for none.
    :raises CommandError: when it or its directory cannot be written.
    """
    if not file:
        return
    path = Path(file)
    try:
        if path.exists():
            os.close(os.open(path, os.O_WRONLY | os.O_APPEND | os.O_NONBLOCK))
        else:
            # "serve" makes the directories that are missing.
            directory = next(parent for parent in path.absolute().parents if parent.exists())
            tempfile.TemporaryFile(dir=directory).close()
    except OSError as error:
        reason = reason_of(error)
        raise CommandError(
            f"[log] file {path} cannot be written: {reason}; a unit needs ReadWritePaths= for it"
        ) from None


def require_address(configuration: Configuration, role: str = WEB) -> None:
    """Check that the address of a process role is free, unless systemd opens the socket.

    What the running process of this role listens on counts as free: it is replaced.

    :raises CommandError: when the address cannot be listened on.
    """
    if role == WEB:
        if inherited() or has_socket_unit(configuration.service):
            return
        settings = configuration.settings[ServerSection]
        host, port = settings.host, settings.port
    else:
        listen = configuration.settings[JobsSection].listen
        if not listen:
            return  # a socket in its runtime directory
        host, _, number = listen.rpartition(":")
        host, port = host.strip("[]"), int(number)
    running = StateFile(configuration, role).read()
    if running is None or f"{bracketed(host)}:{port}" not in running["addresses"]:
        claim(host, port)


def has_socket_unit(service: Service) -> bool:
    """Return whether the package of the service has a socket unit, as its facts say."""
    if not service.production:
        return False
    try:
        facts: Any = json.loads(service.facts.read_text(encoding="utf-8"))
        return f"{service.unit()}.socket" in facts["units"]
    except (OSError, ValueError, LookupError, TypeError):
        return False


def require_response(app: Flask) -> None:
    """Let the application handle one request, in this process.

    :raises CommandError: when it raises, or the status is 500 or more.
    """
    raised: list[BaseException] = []

    def remember(sender: Flask, exception: BaseException, **_: Any) -> None:
        raised.append(exception)

    logging.getLogger(app.logger.name).setLevel(logging.CRITICAL)
    with got_request_exception.connected_to(remember, app):
        try:
            status = app.test_client().get(_PROBE).status_code
        except Exception as error:  # of a WSGI middleware, which no error handler sees
            raised.append(error)
            status = int(http.client.INTERNAL_SERVER_ERROR)
    if raised:
        raise CommandError(f"GET {_PROBE} fails: {_described(raised[0])}") from None
    if status >= http.client.INTERNAL_SERVER_ERROR:
        raise CommandError(f"GET {_PROBE} fails: the status is {status}")


def require_document(app: Flask) -> None:
    """Describe the blueprints of the application, which otherwise happens when the document is asked for.

    :raises CommandError: when that raises, for instance because of a schema with an unknown field.
    """
    try:
        openapi.describe_blueprints(app)
    except Exception as error:
        raise CommandError(f"the OpenAPI document cannot be made: {_described(error)}") from None


def _described(error: BaseException) -> str:
    """Return type, text and place of an exception on one line."""
    place, trace = "", error.__traceback__
    while trace is not None:
        place = f" ({trace.tb_frame.f_code.co_filename}:{trace.tb_lineno})"
        trace = trace.tb_next
    text = " ".join(str(error).split())
    return f"{type(error).__name__}{f': {text}' if text else ''}{place}"


def _warn_of_unknown_revision(app: Flask) -> None:
    """Print what to do if another version has migrated the database and this one does not work with it."""
    from sqlalchemy.exc import OperationalError

    from debonair.database import revisions

    try:
        found = revisions.state(app)
    except OperationalError:  # a service can be ready without its database
        return
    if found.unknown:
        print(
            f"warning: the database is {found}. If this version does not work with it, install the other"
            " version again; or run 'db downgrade' with the other version, and then install this one",
            file=sys.stderr,
        )
