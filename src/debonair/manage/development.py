"""The commands for development: ``runserver``, ``shell`` and ``routes``."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from flask import Flask

from debonair.errors import CommandError
from debonair.manage import reloader
from debonair.manage.adapter import run_shell, shell_arguments
from debonair.room import Argument, Context
from debonair.settings import ServerSection

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment


class RunServer:
    """Serve for development, with reloader and debugger."""

    arguments: tuple[Argument, ...] = (
        Argument("-H", "--host", help="address to listen on; the default is [server] host"),
        Argument("-p", "--port", type=int, help="port to listen on; the default is [server] port"),
        Argument("-D", "--no-debug", dest="debug", action="store_false", help="turn the debugger off"),
        Argument("-R", "--no-reload", dest="reload", action="store_false", help="turn the reloader off"),
    )
    needs_app = False

    def run(self, context: Context, host: str | None, port: int | None, debug: bool, reload: bool) -> None:
        """Serve until interrupted.

        :raises CommandError: in production, when the address cannot be used, or when the database lacks
            migrations.
        """
        from werkzeug.serving import run_simple

        passed = reloader.enter_child(context)
        if passed is not None:
            address, number = passed
            application = _application_or_error(context)
        else:
            address, number = _checked_address(context, host, port)
            self.check(context)
            name = context.configuration.service.name
            print(f"Serving {name} for development on http://{address}:{number}/", flush=True)
            reloader.pass_on(address, number)
            application = _application(context) if not reload else _nothing
        if isinstance(application, Flask) and (passed is not None or not reload):
            _warn(application)
        run_simple(address, number, application, use_reloader=reload, use_debugger=debug, threaded=True)

    def check(self, context: Context) -> None:
        """Check that the service can run, before anything is served.

        :raises CommandError: when it cannot.
        """
        from debonair.database.commands import require_migrated

        require_migrated(context.app)


def _checked_address(context: Context, host: str | None, port: int | None) -> tuple[str, int]:
    """Return where to listen, after checking that the service can run there."""
    from debonair.server.sockets import claim

    configuration = context.configuration
    settings = configuration.settings[ServerSection]
    host = host or settings.host
    port = settings.port if port is None else port
    try:
        ServerSection.port.convert(port)
    except ValueError as error:
        raise CommandError(f"port {error}") from None
    claim(host, port)
    return host, port


def _nothing(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Stand for the application in the parent process of the reloader, which serves nothing."""
    return ()


def _warn(app: Flask) -> None:
    """Report models that were changed without a migration: requests that use them would fail."""
    from debonair.database.commands import difference

    if warning := difference(app):
        print(f"warning: {warning}", file=sys.stderr, flush=True)


def _application(context: Context) -> Flask:
    app = context.make_app(serving=True)
    app.debug = True
    return app


def _application_or_error(context: Context) -> WSGIApplication:
    """Return the application; where a change has broken it, one that raises the error at every request.

    The debugger shows the error in the browser until the next change of a file restarts the process.
    """
    try:
        return _application(context)
    except Exception as error:
        traceback.print_exc()
        broken = error

    def fail(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        raise broken

    return fail


class Shell:
    """Open a Python shell with the application, the database and the models."""

    arguments = shell_arguments()
    needs_app = True

    def run(self, context: Context, **options: Any) -> None:
        """Run the shell until it is left: IPython and others where they are installed."""
        from debonair.database.engine import Model, db

        models = {mapper.class_.__name__: mapper.class_ for mapper in Model.registry.mappers}
        service = context.service
        banner = f"{service.name} {service.version}: app, db and the models are at hand.\n"
        # A request context, for url_for without SERVER_NAME. With GET, transactions would read only.
        with context.app.test_request_context(method="POST"):
            run_shell(banner, {"app": context.app, "db": db, **models}, options)


class Routes:
    """List the URL rules with their methods and endpoints."""

    arguments: tuple[Argument, ...] = ()
    needs_app = True

    def run(self, context: Context) -> None:
        """Print one line for each rule, sorted by rule."""
        rules = sorted(context.app.url_map.iter_rules(), key=lambda rule: rule.rule)
        rows = [
            (rule.rule, " ".join(sorted((rule.methods or set()) - {"HEAD", "OPTIONS"})), rule.endpoint)
            for rule in rules
        ]
        widths = [max(len(row[column]) for row in rows) for column in range(2)]
        for path, methods, endpoint in rows:
            print(f"{path:<{widths[0]}}  {methods:<{widths[1]}}  {endpoint}")
