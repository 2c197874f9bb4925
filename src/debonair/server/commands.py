"""The commands of the production server: ``serve``, ``running`` and ``health``."""

from __future__ import annotations

import http.client
import ipaddress
import socket
from typing import TYPE_CHECKING

from debonair.errors import CommandError
from debonair.names import WEB, WORKER
from debonair.room import Argument, Context
from debonair.settings import ServerSection

if TYPE_CHECKING:
    from flask import Flask

_HEALTH_TIMEOUT = 5.0
"""How long ``health`` waits for a response, in seconds."""

_LARGEST_REPORT = 2**16
"""How much of a response ``health`` prints, in bytes."""


_ROLE = Argument(
    "--role", choices=(WEB, WORKER), default=WEB,
    help="the process role: web serves requests, worker runs jobs; default: %(default)s",
)  # fmt: skip


class Serve:
    """Serve in production, with gunicorn; ``--check`` reports whether that would succeed."""

    arguments = (
        Argument("--check", action="store_true", dest="check_only",
                 help="build the application, run the health checks and one request, and open no socket"),
    )  # fmt: skip
    needs_app = False

    def run(self, context: Context, check_only: bool) -> int:
        """Serve until a signal ends the process, or check only.

        :raises CommandError: when the service cannot start.
        """
        if check_only:
            from debonair.server import check

            check.run(context)
            return 0
        from debonair.database.commands import require_migrated
        from debonair.server.launch import Server, prepare

        metrics = prepare(context.configuration)

        def load() -> Flask:
            app = context.make_app(serving=True)
            require_migrated(app)
            return app

        Server(context.configuration, load, metrics).run()
        return 0


class Running:
    """Compare the running process with the installed version and the configuration."""

    arguments = (_ROLE,)
    needs_app = False

    def run(self, context: Context, role: str) -> int:
        """Print how they differ and return 1, or return 0 when they agree."""
        from debonair.server.state_file import StateFile

        service = context.configuration.service
        difference = StateFile(context.configuration, role).difference()
        if difference:
            print(f"{service.unit(role)} {difference}.")
            return 1
        print(f"{service.unit(role)} runs version {service.version} with this configuration.")
        return 0


class Health:
    """Ask the running service whether it is ready."""

    arguments = (_ROLE,)
    needs_app = False

    def run(self, context: Context, role: str) -> int:
        """Print the service's report and return 0 when it is ready, else 1.

        :raises CommandError: when there is no response.
        """
        from debonair.server.state_file import StateFile

        settings = context.configuration.settings[ServerSection]
        state = StateFile(context.configuration, role).read()
        if state is None and role != WEB:
            raise CommandError(f"{context.service.unit(role)} is not running")
        address = state["addresses"][0] if state else f"{settings.host}:{settings.port}"
        try:
            status, body = _get(address, "/health/ready")
        except (OSError, http.client.HTTPException) as error:
            reason = (getattr(error, "strerror", None) or str(error)).lower()
            raise CommandError(f"{address} does not respond: {reason}") from None
        print(body, end="")
        return 0 if status == http.client.OK else 1


def _get(address: str, path: str) -> tuple[int, str]:
    """Send a GET request to ``host:port`` or a Unix socket; return the status and the body."""
    host, _, port = address.rpartition(":")
    connection = http.client.HTTPConnection(
        _reachable(host) or "localhost", int(port) if port.isdigit() else 80, timeout=_HEALTH_TIMEOUT
    )
    if address.startswith("/"):
        connection.sock = socket.socket(socket.AF_UNIX)
        connection.sock.settimeout(_HEALTH_TIMEOUT)
        connection.sock.connect(address)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        # The service's user decides what it holds, and a terminal of root shows it.
        text = response.read(_LARGEST_REPORT).decode(errors="replace")
        shown = (mark if mark.isprintable() or mark == "\n" else "\ufffd" for mark in text)
        return response.status, "".join(shown)
    finally:
        connection.close()


def _reachable(host: str) -> str:
    """Return an address that reaches a server listening on ``host``: loopback for "all addresses"."""
    try:
        address = ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return host
    if address.is_unspecified:
        return "127.0.0.1" if address.version == 4 else "::1"
    return str(address)
