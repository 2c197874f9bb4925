"""The application factory: a Flask application that is given every room in order."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterable
from typing import cast

from flask import Flask, current_app
from werkzeug.local import LocalProxy

from debonair import config
from debonair.errors import CommandError
from debonair.logs.setup import configure
from debonair.names import Service
from debonair.resources.additions import check_sections
from debonair.room import Room, resolve
from debonair.rooms import chassis, declared, sections
from debonair.settings import (
    FlaskSection,
    LogSection,
    ServiceSection,
    Settings,
    has_instances,
    name_of,
    values_of,
)
from debonair.web.health import monitor_of
from debonair.web.json_provider import JSONProvider
from debonair.web.lean_flask import Application

_EXTENSION = "debonair"

current_settings = cast(Settings, LocalProxy(lambda: current_app.extensions[_EXTENSION]))
"""The settings of the current application: ``current_settings[ServerSection].port``."""


def create_app(import_name: str, settings: Settings, *, rooms: Iterable[Room] = ()) -> Flask:
    """Return a Flask application with everything that is on by default.

    :param import_name: the ``__name__`` of the calling module; its first part is the service's package.
    :param settings: the settings, with the sections of every room.
    :param rooms: the service's own rooms, initialized after those of the chassis, in this order.
    :raises ValueError: when two rooms have one name, the settings lack a section of a room, or the module
        declares a room in ``ROOMS`` that is not among ``rooms``.
    :raises CommandError: when a room cannot work as it is configured.
    """
    service = Service.of(import_name.partition(".")[0])
    service = service.in_environment(settings[ServiceSection].environment)
    every = _validated((*chassis(), *rooms), settings)
    module = sys.modules.get(import_name)
    for room in declared(module)[0] if module else ():
        if room not in every:
            raise ValueError(
                f"ROOMS names the room {room.name!r}, which create_app is not given: pass rooms=ROOMS"
            )

    app: Flask = Application(service.package, instance_path=str(service.state_directory))
    app.json = JSONProvider(app)
    app.extensions[_EXTENSION] = settings
    if service.production:
        # FLASK_DEBUG would show the insides of an error to the client.
        app.debug = False
    app.config.update(_flask_settings(settings[FlaskSection]))
    for room in every:
        _initialize(room, app, settings, service)
    monitor = monitor_of(app)
    for room in every:
        for name, target in room.checks.items():
            if (check := resolve(target)(app)) is not None:
                monitor.add(name, check)
    return app


def _initialize(room: Room, app: Flask, settings: Settings, service: Service) -> None:
    if room.init_app is None:
        return
    try:
        resolve(room.init_app)(app, settings, service)
    except ModuleNotFoundError as error:
        if room.extra is None:
            raise
        raise CommandError(
            f"the room {room.name} needs the package {error.name}: install debonair[{room.extra}]"
        ) from error


def _validated(every: tuple[Room, ...], settings: Settings) -> tuple[Room, ...]:
    names: set[str] = set()
    present = {type(section) for section in settings}
    for room in every:
        if room.name in names:
            raise ValueError(f"two rooms are named {room.name!r}: rename one of them")
        names.add(room.name)
        for section in room.sections:
            if section not in present and not has_instances(section):
                raise ValueError(
                    f"the settings lack [{name_of(section)}] of the room {room.name!r}: add the room to "
                    "ROOMS of the module application"
                )
    return every


def _flask_settings(section: FlaskSection) -> dict[str, object]:
    return {key: value for key, value in values_of(section).items() if value is not None}


def load_app(package: str) -> Flask:
    """Return the application of a service for a WSGI server: configured, with logging set up.

    A service's module ``wsgi`` holds ``app = debonair.load_app("orders")``, and the server is started with
    ``orders.wsgi:app``.

    :param package: the service's package; its module ``application`` has ``create_app(settings)``.
    :raises ConfigError: with every fault of the configuration.
    :raises CommandError: when a section ``[resource:NAME]`` is of no resource.
    """
    module = importlib.import_module(f"{package}.application")
    configuration = config.load(Service.of(package), sections(*declared(module)))
    configure(configuration.settings[LogSection], configuration.service, server=True)
    app: Flask = module.create_app(configuration.settings)
    check_sections(app)
    return app
