"""The commands that every service has."""

from __future__ import annotations

import http.client
import ipaddress
import logging
import os
import socket
import sys
import traceback
from collections.abc import Iterable
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from flask_script_ng import Command, Option, Shell

from debonair import config
from debonair.errors import CommandError, ConfigError
from debonair.manage.bridge import ClickCommand
from debonair.settings import ServerSection

if TYPE_CHECKING:
    import click
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment
    from flask import Flask

    from debonair.manage.manager import LazyManager

_HEALTH_TIMEOUT = 5.0
_ADDRESS = "RUNSERVER_ADDRESS"


class ChassisCommand(Command):
    """A command that is given the manager, and makes no application unless it uses one."""

    def __init__(self, manager: LazyManager) -> None:
        super().__init__()
        self.manager = manager

    def __call__(self, app: Any = None, **arguments: Any) -> Any:
        return self.run(**arguments)


class RunServer(ChassisCommand):
    """Serve for development, with reloader and debugger."""

    option_list = (
        Option("-h", "--host", help="address to listen on; else that of the settings"),
        Option("-p", "--port", type=int, help="port to listen on; else that of the settings"),
        Option("-D", "--no-debug", dest="debug", action="store_false", help="show no debugger"),
        Option("-R", "--no-reload", dest="reload", action="store_false", help="do not reload"),
    )

    def __call__(self, app: Any = None, **arguments: Any) -> None:
        self.run(app, **arguments)

    def run(self, app: Flask, host: str | None, port: int | None, debug: bool, reload: bool) -> None:
        from werkzeug.serving import run_simple

        if os.environ.get("WERKZEUG_RUN_MAIN") == "true":
            # The first process looked at everything; this one serves what its files say now.
            address, _, digits = os.environ[_ADDRESS].rpartition(":")
            number = int(digits)
            application = self._whatever_there_is()
        else:
            address, number = self._look(app, host, port)
            os.environ[_ADDRESS] = f"{address}:{number}"
            application = self._application()
        run_simple(address, number, application, use_reloader=reload, use_debugger=debug, threaded=True)

    def _look(self, app: Flask, host: str | None, port: int | None) -> tuple[str, int]:
        """Return where to listen, once it is sure that the service can run there."""
        from debonair.server.sockets import claim

        configuration = self.manager.configuration
        if configuration.service.production:
            raise CommandError(
                "runserver is for development and [service] environment is production: use serve"
            )
        settings = configuration.settings[ServerSection]
        host = host or settings.host
        port = settings.port if port is None else port
        try:
            ServerSection.options["port"].check(port)
        except ValueError as error:
            raise CommandError(f"port {error}") from None
        claim(host, port)
        _require_migrated(app)
        print(f"Serving {configuration.service.name} for development on http://{host}:{port}/", flush=True)
        return host, port

    def _application(self) -> Flask:
        app = self.manager.make_app(serving=True)
        app.debug = True
        return app

    def _whatever_there_is(self) -> WSGIApplication:
        """Return the application; when a change has broken it, one that shows how, until it is mended."""
        try:
            return self._application()
        except Exception as error:
            traceback.print_exc()
            broken = error

        def show(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
            raise broken

        return show


class Serve(ChassisCommand):
    """Serve for production, with gunicorn."""

    option_list = (
        Option("--check", action="store_true", dest="check_only",
               help="build everything and run the checks once, listen to nothing"),
    )  # fmt: skip

    def run(self, check_only: bool) -> int:
        if check_only:
            return self._preflight()
        from debonair.server.launch import Server, prepare

        configuration = self.manager.configuration
        metrics = prepare(configuration)

        def load() -> Flask:
            app = self.manager.make_app(serving=True)
            _require_migrated(app)
            return app

        Server(configuration, load, metrics).run()
        return 0

    def _preflight(self) -> int:
        from debonair.server.launch import require_workers
        from debonair.web.health import monitor_of

        require_workers(self.manager.configuration.settings[ServerSection])
        monitor = monitor_of(self.manager.make_app())
        logging.getLogger("debonair.health").setLevel(logging.CRITICAL)  # told below, a line each
        report = monitor.run_once()
        for name, check in report["checks"].items():
            reason = monitor.reason(name)
            print(f"{name}: {check.get('error', check['status'])}{f' ({reason})' if reason else ''}")
        if report["status"] != "ready":
            raise CommandError("the service would start and not be ready; nothing was changed")
        print(f"{self.manager.service.name} {report['version']} is fit to serve.")
        return 0


class CheckConfig(ChassisCommand):
    """Check the configuration, or FILE in its place, and report every fault with its line."""

    option_list = (
        Option("checked", metavar="FILE", nargs="?", type=Path, help="file to check instead"),
        Option("--as", dest="name", metavar="NAME", help="call FILE so, where it is a draft of NAME"),
    )

    def run(self, checked: Path | None, name: str | None) -> int:
        manager = self.manager
        file = checked or manager.file
        if file is None:
            file = config.configuration_file(manager.service)
        try:
            config.load(manager.service, manager.sections, file=file, overrides=manager.overrides)
        except ConfigError as error:
            for fault in error.faults:
                called = name if fault.where == str(file) else None
                print(replace(fault, where=called or fault.where), file=sys.stderr)
            return 1
        print(f"{name or file or 'The configuration without a file'} is in order.")
        return 0


class ShowConfig(ChassisCommand):
    """Show the values in force and where each comes from; secrets are masked."""

    def run(self) -> None:
        configuration = self.manager.configuration
        for line in config.shown(configuration, _shown_line):
            print(line)


def _shown_line(key: str, value: str, origin: str) -> str:
    return f"{f'{key} = {value}'.rstrip():<50} # {origin}"


class SampleConfig(ChassisCommand):
    """Print a commented INI file with every option."""

    def run(self) -> None:
        print(config.sample(self.manager.service, self.manager.sections), end="")


class Routes(ChassisCommand):
    """List the URL rules with their methods and endpoints."""

    def __call__(self, app: Any = None, **arguments: Any) -> None:
        rules = sorted(app.url_map.iter_rules(), key=lambda rule: rule.rule)
        rows = [
            (rule.rule, " ".join(sorted(rule.methods - {"HEAD", "OPTIONS"})), rule.endpoint) for rule in rules
        ]
        widths = [max(len(row[column]) for row in rows) for column in range(2)]
        for path, methods, endpoint in rows:
            print(f"{path:<{widths[0]}}  {methods:<{widths[1]}}  {endpoint}")


class OpenApi(ChassisCommand):
    """Print the OpenAPI document."""

    def __call__(self, app: Any = None, **arguments: Any) -> None:
        response = app.test_client().get("/openapi.json")
        print(response.get_data(as_text=True))


class Monitoring(ChassisCommand):
    """Print alerts for Prometheus, or a dashboard for Grafana, that fit the service."""

    FILES: ClassVar[dict[str, str]] = {"alerts": "alerts.yml", "dashboard": "dashboard.json"}
    option_list = (Option("what", choices=list(FILES), help="which of them"),)

    def run(self, what: str) -> None:
        text = files("debonair").joinpath("monitoring", self.FILES[what]).read_text()
        print(text.replace("@SERVICE@", self.manager.service.name), end="")


class Completion(ChassisCommand):
    """Print the completion for bash or zsh: ``source <(<service> completion bash)``."""

    option_list = (Option("shell", choices=["bash", "zsh"], help="which shell"),)

    def __call__(self, app: Any = None, **arguments: Any) -> None:
        from debonair.manage import completion

        group = app.cli.commands["db"]
        groups = {"db": group.list_commands(None)}
        manager = self.manager
        print(completion.script(arguments["shell"], manager.service.name, manager.parser, groups), end="")


class Running(ChassisCommand):
    """Exit with 0 when the running process has the installed version and this configuration."""

    def run(self) -> int:
        from debonair.server.state_file import StateFile

        service = self.manager.configuration.service
        difference = StateFile(self.manager.configuration).difference()
        if difference:
            print(f"{service.name} {difference}.")
            return 1
        print(f"{service.name} runs version {service.version} with this configuration.")
        return 0


class Health(ChassisCommand):
    """Exit with 0 when the running service says that it is ready."""

    def run(self) -> int:
        from debonair.server.state_file import StateFile

        configuration = self.manager.configuration
        settings = configuration.settings[ServerSection]
        note = StateFile(configuration).read()
        address = note["addresses"][0] if note else f"{settings.host}:{settings.port}"
        try:
            status, body = _ask(address, "/health/ready")
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            raise CommandError(f"{address} does not answer: {reason}") from None
        print(body, end="")
        return 0 if status == 200 else 1


def _ask(address: str, path: str) -> tuple[int, str]:
    """GET ``path`` from ``host:port`` or from a Unix socket."""
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
        return response.status, response.read().decode()
    finally:
        connection.close()


def _reachable(host: str) -> str:
    """Return where to reach what listens on ``host``: all addresses include the loopback one."""
    try:
        address = ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return host
    if address.is_unspecified:
        return "127.0.0.1" if address.version == 4 else "::1"
    return str(address)


def _shell_context(manager: LazyManager) -> dict[str, Any]:
    from debonair.database.engine import Model, db

    models = {mapper.class_.__name__: mapper.class_ for mapper in Model.registry.mappers}
    return {"app": manager.lazy_app._get_current_object(), "db": db, **models}


def _require_migrated(app: Flask) -> None:
    """Refuse to go on with a database that lacks migrations; one that is away is for the checks to tell."""
    from sqlalchemy.exc import OperationalError

    from debonair.database import revisions

    try:
        found = revisions.state(app)
    except OperationalError:
        return
    if found.behind:
        raise CommandError(f"the database is {found}: run 'db upgrade' first")


def _database_group(app: Flask) -> click.Command:
    return app.cli.commands["db"]


def register(manager: LazyManager) -> None:
    """Add every service's commands to the manager."""
    commands: dict[str, Any] = {
        "runserver": RunServer(manager),
        "serve": Serve(manager),
        "shell": Shell(
            banner=f"{manager.service.name} {manager.service.version}: app, db and the models are at hand.\n",
            make_context=lambda: _shell_context(manager),
        ),
        "routes": Routes(manager),
        "openapi": OpenApi(manager),
        "db": ClickCommand("db", "Migrate the database, and say where it stands.", _database_group),
        "check-config": CheckConfig(manager),
        "show-config": ShowConfig(manager),
        "sample-config": SampleConfig(manager),
        "monitoring": Monitoring(manager),
        "completion": Completion(manager),
        "running": Running(manager),
        "health": Health(manager),
    }
    for name, command in commands.items():
        manager.add_command(name, command)
