"""The application factory: a Flask application with every room in its place, and nothing else."""

from __future__ import annotations

from typing import cast

from flask import Flask, current_app
from sqlalchemy import text
from werkzeug.local import LocalProxy

from debonair import api, config, database, logs
from debonair.database import db, revisions
from debonair.names import Service
from debonair.settings import (
    ApiSection,
    DatabaseSection,
    FlaskSection,
    HealthSection,
    LogSection,
    ServerSection,
    ServiceSection,
    Settings,
)
from debonair.web import access_log, health, metrics, problems, security

current_settings = cast(Settings, LocalProxy(lambda: current_app.extensions["debonair"]))
"""The settings of the present application: ``current_settings[ServerSection].port``."""


def create_app(import_name: str, settings: Settings | None = None) -> Flask:
    """Return a Flask application with everything that is on by default.

    :param import_name: the ``__name__`` of the module that calls. The first part names the package of
        the service, and the :class:`~debonair.Section` classes of the module are part of its settings.
    :param settings: the settings. Left out, they are loaded from the service's files and environment,
        and logging is set up: what a WSGI server wants of ``create_app()``.
    :raises ConfigError: when they are loaded and faulty.
    """
    if settings is None:
        service, sections = config.load_module(import_name)
        configuration = config.load(service, sections)
        service, settings = configuration.service, configuration.settings
        logs.configure(settings[LogSection], service, server=True)
    else:
        service = Service.of(import_name.partition(".")[0])
        service = service.in_environment(settings[ServiceSection].environment)

    app = Flask(service.package, instance_path=str(service.state_directory))
    app.extensions["debonair"] = settings
    if service.production:
        # FLASK_DEBUG would have errors show their insides.
        app.debug = False
    app.config.update(_flask_settings(settings[FlaskSection]))

    # Each of these wraps the ones before: the last sees a request first and its answer last.
    problems.init_app(app)
    security.init_app(app, settings[ServerSection])
    metrics.init_app(app)
    access_log.init_app(app)
    database.init_app(app, settings[DatabaseSection], service.directory / "migrations")
    monitor = health.init_app(app, settings[HealthSection], service.version, metrics.observe_check)
    _watch_database(app, monitor, database.HangGuard(float(settings[HealthSection].deadline)))
    api.init_app(app, settings[ApiSection], service.name, service.version)
    return app


def _flask_settings(section: FlaskSection) -> dict[str, object]:
    return {key: value for key, value in section.values.items() if value is not None}


def _watch_database(app: Flask, monitor: health.Monitor, guard: database.HangGuard) -> None:
    known = revisions.known(app)
    with app.app_context():
        database.watch_pool(db.engine, metrics.CONNECTIONS.inc, metrics.CONNECTIONS.dec)
        guard.watch(db.engine)

    def answers() -> None:
        with guard.question(), app.app_context(), database.reading(db.engine) as connection:
            connection.execute(text("SELECT 1"))

    def migrated() -> None:
        found = revisions.state(app, known)
        if found.behind:
            raise health.UnhealthyError(f"the database is {found}")

    monitor.add("database", answers)
    if known:
        monitor.add("migrations", migrated)
