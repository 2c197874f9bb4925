"""The manager of the commands: Flask-Script's, with an application that is made only when a command uses it.

In the order of time: the commands are gathered from the tables; the arguments are parsed, and only the class
of the command that they name is imported; the command loads the configuration, or the application, when it
uses them; an error that a user can cause is printed as one line.

Exit codes: 0 done, 1 failed, 2 wrong usage, 130 interrupted.
"""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click
import flask_script_ng

from debonair import rooms
from debonair.errors import ConfigError, DebonairError, reason_of
from debonair.manage.adapter import CommandApp, build_parser, function_command
from debonair.manage.loading import LoadedCommand
from debonair.manage.parser import Parser
from debonair.names import WEB, Service
from debonair.room import Command, Room
from debonair.settings import LogSection, Section

if TYPE_CHECKING:
    from flask import Flask

    from debonair.config import Configuration

COMMANDS: Mapping[str, Command] = {
    "runserver": Command(
        "debonair.manage.development:RunServer", "Serve for development, with reloader and debugger."
    ),
    "shell": Command(
        "debonair.manage.development:Shell",
        "Open a Python shell with the application, the database and the models.",
    ),
    "routes": Command(
        "debonair.manage.development:Routes", "List the URL rules with their methods and endpoints."
    ),
    "check-config": Command(
        "debonair.manage.configuration:CheckConfig",
        "Check the configuration, or FILE in its place, and report every fault with its line.",
    ),
    "show-config": Command(
        "debonair.manage.configuration:ShowConfig",
        "Print the values in force and where each comes from; secrets are masked.",
    ),
    "sample-config": Command(
        "debonair.manage.configuration:SampleConfig", "Print a commented INI file with every option."
    ),
    "monitoring": Command(
        "debonair.manage.monitoring:Monitoring",
        "Print alerting rules for Prometheus, or a dashboard for Grafana, for this service.",
    ),
    "completion": Command(
        "debonair.manage.completion:Completion",
        "Print the shell completion of the commands, for bash or zsh.",
    ),
}
"""The commands that belong to no room."""

# Names that no argument of a command has.
_FILE, _OVERRIDES = "debonair_file", "debonair_overrides"

_INTERRUPTED = 130


class Manager(flask_script_ng.Manager):
    """The commands of a service; add your own with ``@manager.command`` or ``add_command``.

    It is the :class:`~debonair.room.Context` of the commands of rooms.

    :param package: the service's package. Its module ``application`` has ``create_app(settings)`` and may
        have ``SECTIONS`` and ``ROOMS``; it should import models and views inside the function, so that
        commands that do not need them do not wait for them.
    :param module: that module, where it has another name.
    :raises ModuleNotFoundError: when there is no such package.
    """

    help_args = ()  # each parser adds -h and --help itself

    def __init__(self, package: str, module: str | None = None) -> None:
        self.service = Service.of(package)
        self.file: Path | None = None
        self.overrides: list[str] = []
        self._module_name = module or f"{package}.application"
        super().__init__(with_default_commands=False, description=f"Commands of {self.service.name}.")
        del self.app  # Flask-Script's attribute; ours is made when it is used
        self.add_option(
            "-c", "--config", metavar="FILE", dest=_FILE, type=Path,
            help=f"INI file to read instead of {self.service.configuration}",
        )  # fmt: skip
        self.add_option(
            "-s", "--set", metavar="SECTION.KEY=VALUE", dest=_OVERRIDES, action="append", default=[],
            help="set one value, over files and environment",
        )  # fmt: skip
        self.add_option(
            "--version", action="version", version=f"{self.service.name} {self.service.version}",
            help="print the version and exit",
        )  # fmt: skip
        for table in (COMMANDS, *(room.commands for room in rooms.chassis())):
            for name, command in table.items():
                self.add_command(name, command)
        self._chassis = frozenset(self._commands)

    @cached_property
    def module(self) -> Any:
        """The module with ``create_app`` and the declarations of the service."""
        return importlib.import_module(self._module_name)

    @cached_property
    def sections(self) -> tuple[type[Section], ...]:
        """The sections of the service's configuration, those of the chassis first."""
        return rooms.sections(*rooms.declared(self.module))

    @cached_property
    def configuration(self) -> Configuration:
        """The configuration, loaded through all layers.

        :raises ConfigError: when it is faulty.
        """
        from debonair import config

        return config.load(self.service, self.sections, file=self.file, overrides=self.overrides)

    @cached_property
    def app(self) -> Flask:
        """The application of this run, made when it is first used. :raises ConfigError: as above."""
        return self.make_app()

    @property
    def registered(self) -> dict[str, Any]:
        """The commands by name, as commands or managers of Flask-Script."""
        return dict(self._commands)

    def make_app(self, *, serving: bool = False, role: str = WEB) -> Flask:
        """Return a new application with logging set up; for the parameters see ``debonair.room.Context``."""
        from debonair.logs.setup import configure
        from debonair.resources.additions import check_sections

        configuration = self.configuration
        configure(configuration.settings[LogSection], configuration.service, server=serving, role=role)
        app: Flask = self.module.create_app(configuration.settings)
        check_sections(app)
        return app

    def __call__(self, app: Any = None, **options: Any) -> CommandApp:
        """Take the options of the program; return the application for commands of Flask-Script."""
        self.file, self.overrides = options[_FILE], options[_OVERRIDES]
        for loaded in ("configuration", "app"):
            self.__dict__.pop(loaded, None)
        return CommandApp(lambda: self.app)

    def add_command(self, *args: Any, **kwargs: Any) -> None:
        """Add a command, as Flask-Script does; a name comes before it where it has none of its own.

        The last argument is a command or a manager of Flask-Script, a command or group of click, or a
        :class:`debonair.Command`.
        """
        *name, command = args
        if isinstance(command, click.Command):
            name = name or [command.name]
        if isinstance(command, (Command, click.Command)):
            command = LoadedCommand(self, command)
        super().add_command(*name, command, **kwargs)

    def command(self, func: Callable[..., Any]) -> Callable[..., Any]:
        """Add a function as a command; annotations of its parameters are their types."""
        self.add_command(func.__name__.replace("_", "-"), function_command(func))
        return func

    def create_parser(self, prog: str, *args: Any, **kwargs: Any) -> Parser:
        """Return the parser of all commands, those of the service's rooms included."""
        parser = Parser(prog=self._program(prog), usage=self.usage, description=self.description)
        try:
            own = rooms.declared(self.module)[0]
        except Exception as error:
            # The commands of the chassis work without it; runserver shows the error in the browser.
            parser.missing = error
            parser.epilog = f"The service's own rooms are missing: {self._module_name} raises {error!r}"
        else:
            self._add_commands_of(own)
        return build_parser(self, parser)

    def _add_commands_of(self, own: tuple[Room, ...]) -> None:
        taken = set(self._chassis)
        for room in own:
            for name, command in room.commands.items():
                if name in taken:
                    raise ValueError(f"the command {name!r} of the room {room.name!r} exists: rename it")
                taken.add(name)
                if name not in self._commands:
                    self.add_command(name, command)

    def run(self, commands: Any = None, default_command: str | None = None) -> NoReturn:
        """Run the command that the process's arguments name, and exit with its code."""
        sys.exit(self.main(sys.argv[1:]))

    def main(self, arguments: list[str]) -> int:
        """Run a command and return its exit code; an error that a user can cause is printed as one line."""
        try:
            result = self.handle(sys.argv[0], arguments)
            sys.stdout.flush()
        except SystemExit as request:
            result = request.code
        except ConfigError as error:
            print(error, file=sys.stderr)
            return 1
        except DebonairError as error:
            return _failed(str(error))
        except KeyboardInterrupt:
            return _INTERRUPTED
        except BrokenPipeError:
            # The reader of the output has gone: no error of the command, and nobody reads a message.
            _discard_output()
            return 1
        except Exception as error:
            message = _explained(error)
            if message is None:
                raise
            if isinstance(error, OSError):
                _discard_output()
            return _failed(message)
        if result is None or isinstance(result, int):
            return int(result or 0)
        return _failed(str(result))

    def _program(self, path: str) -> str:
        """Return what a user types to run this program, from the path that Python was started with."""
        name = Path(path).name
        if name == "__main__.py":
            return f"python -m {self.service.package}"
        return self.service.name if name in ("", "-c", "-m") else name


def _discard_output() -> None:
    """Let Python not write to standard output once more when it ends, if writing fails."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _failed(message: str) -> int:
    print(f"error: {message}", file=sys.stderr)
    return 1


def _explained(error: Exception) -> str | None:
    """Return one line for an error of the system or the database, or None for a fault of the code."""
    if isinstance(error, OSError):
        reason = reason_of(error)
        return f"{error.filename}: {reason}" if error.filename else reason
    if "sqlalchemy" not in sys.modules:
        return None
    from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError

    from debonair.database.errors import explained

    if isinstance(error, DBAPIError):
        return explained(error)
    if isinstance(error, (NoSuchModuleError, ArgumentError)):
        return f"[database] uri cannot be used: {str(error).splitlines()[0]}"
    return None
