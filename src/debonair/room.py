"""The contract of a room: what one feature adds to a service, declared in one place.

A room is declared in the ``__init__`` of its package, which imports nothing else, so that a command that only
needs the declarations loads no feature. Functions and classes are named ``module:name`` and are imported when
they are used. In the order of time:

1. ``sections`` are added to the configuration that is loaded;
2. ``commands`` are added to the manager, which imports the class of the command that runs;
3. ``init_app(app, settings, service)`` is called once for each application, in the order of the rooms;
4. each of ``checks`` is called with the application, when all rooms are initialized.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from debonair.names import WEB
from debonair.settings import Section

if TYPE_CHECKING:
    from pathlib import Path

    from flask import Flask

    from debonair.config import Configuration
    from debonair.names import Service


def resolve(target: str | Callable[..., Any]) -> Callable[..., Any]:
    """Return the object that ``module:name`` names; a callable is returned as it is.

    :raises ImportError: when there is no such module. :raises AttributeError: when it has no such name.
    """
    if callable(target):
        return target
    module, _, name = target.partition(":")
    found: Callable[..., Any] = getattr(importlib.import_module(module), name)
    return found


class Argument:
    """One argument of a command: the parameters of ``argparse.ArgumentParser.add_argument``."""

    def __init__(self, *flags: str, **options: Any) -> None:
        self.flags = flags
        self.options = options


class Context(Protocol):
    """What a command gets: the service. Configuration and application are loaded when they are first used."""

    @property
    def service(self) -> Service:
        """The service; the environment of its configuration is that of ``configuration.service``."""

    @property
    def sections(self) -> tuple[type[Section], ...]:
        """The sections of its configuration."""

    @property
    def file(self) -> Path | None:
        """The INI file that ``--config`` names."""

    @property
    def overrides(self) -> list[str]:
        """The texts ``section.key=value`` of ``--set``."""

    @property
    def configuration(self) -> Configuration:
        """The configuration, loaded through all layers. :raises ConfigError: when it is faulty."""

    @property
    def app(self) -> Flask:
        """The application of this run of the command, made once. :raises ConfigError: as above."""

    def make_app(self, *, serving: bool = False, role: str = WEB) -> Flask:
        """Return a new application with logging set up.

        :param serving: whether it serves requests or runs jobs: then it logs in full, and to the log file.
        :param role: the process role, see :mod:`debonair.names`; each has a log file of its own.
        """


class Runnable(Protocol):
    """The class that a :class:`Command` names; it is instantiated without parameters when the command runs.

    Its module should import what only ``run`` needs inside ``run``: the help of the command and the shell
    completion import the module too.
    """

    arguments: tuple[Argument, ...]
    """The arguments of the command line; each becomes a parameter of ``run``."""

    needs_app: bool
    """Whether the application is made before ``run``, which is then called in the application context."""

    def run(self, context: Context, **arguments: Any) -> int | None:
        """Do the work and return the exit code; None is 0.

        :raises DebonairError: when it cannot; the text is printed as one line, and the exit code is 1.
        """


@dataclass(frozen=True)
class Command:
    """A command that a room adds to the manager.

    :param target: ``module:name`` of a :class:`Runnable` class, or of a click command or group, such as those
        of Flask's extensions. It is imported when the command runs or its help is printed.
    :param help: what the command does, in one sentence, for the list of commands.
    """

    target: str
    help: str


@dataclass(frozen=True)
class Room:
    """What one feature adds to a service.

    :param name: its name, unique among the rooms of a service.
    :param sections: the sections of the configuration that it reads.
    :param init_app: ``module:function`` or a function, called as ``init_app(app, settings, service)`` with
        the Flask application, its :class:`~debonair.Settings` and the :class:`~debonair.names.Service`.
    :param checks: health checks by name: ``module:function`` or a function that is called with the
        application and returns the check, or None when there is nothing to check.
    :param commands: commands by name.
    :param extra: the extra of the distribution that it may need, such as ``yaml`` for ``debonair[yaml]``: the
        error for a package that ``init_app`` does not find names it.
    """

    name: str
    sections: tuple[type[Section], ...] = ()
    init_app: str | Callable[..., None] | None = None
    checks: Mapping[str, str | Callable[..., Callable[[], None] | None]] = field(default_factory=dict)
    commands: Mapping[str, Command] = field(default_factory=dict)
    extra: str | None = None
