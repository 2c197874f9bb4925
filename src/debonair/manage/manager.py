"""The manager: Flask-Script's, with an application that is made only when a command uses it.

In the order of time: the arguments are parsed; the command asks for the configuration, or uses the
application, which loads it; what a person can mend ends in one line and an exit code.

Exit codes: 0 done, 1 failed, 2 wrong usage, 130 interrupted.
"""

from __future__ import annotations

import argparse
import importlib
import os
import re
import sys
from collections.abc import Callable
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, get_type_hints

import flask_script_ng
from werkzeug.local import LocalProxy

from debonair import config, rooms
from debonair.errors import ConfigError, DebonairError
from debonair.names import Service
from debonair.settings import LogSection, Section, did_you_mean

if TYPE_CHECKING:
    from flask import Flask


class LazyManager(flask_script_ng.Manager):
    """A manager without commands yet; the parameters are those of :class:`debonair.Manager`."""

    def __init__(self, package: str, module: str | None = None) -> None:
        self.service = Service.of(package)
        self._module_name = module or f"{package}.application"
        super().__init__(
            self._use, with_default_commands=False, description=f"Commands of {self.service.name}."
        )
        self.file: Path | None = None
        self.overrides: list[str] = []
        self.add_option(
            "-c", "--config", metavar="FILE", dest="file", type=Path,
            help=f"INI file to read instead of {self.service.configuration}",
        )  # fmt: skip
        self.add_option(
            "-s", "--set", metavar="SECTION.KEY=VALUE", dest="overrides", action="append", default=[],
            help="set one value, over files and environment",
        )  # fmt: skip
        self.add_option(
            "--version", action="version", version=f"{self.service.name} {self.service.version}",
            help="show the version and exit",
        )  # fmt: skip

    @cached_property
    def module(self) -> Any:
        """The module with ``create_app`` and the service's own sections."""
        return importlib.import_module(self._module_name)

    @cached_property
    def sections(self) -> tuple[type[Section], ...]:
        """The sections of the service's configuration, the chassis's own first."""
        return rooms.sections(*rooms.declared(self.module))

    @cached_property
    def configuration(self) -> config.Configuration:
        """The configuration, loaded through all layers.

        :raises ConfigError: when it is faulty.
        """
        return config.load(self.service, self.sections, file=self.file, overrides=self.overrides)

    def make_app(self, *, serving: bool = False) -> Flask:
        """Return a new application with logging set up.

        :param serving: whether it is to be served: then it logs in full, and to the log file.
        """
        from debonair.logs.setup import configure

        configuration = self.configuration
        configure(configuration.settings[LogSection], configuration.service, server=serving)
        app: Flask = self.module.create_app(configuration.settings)
        return app

    @cached_property
    def lazy_app(self) -> LocalProxy[Flask]:
        """The application, made when something of it is used."""
        made: list[Flask] = []

        def present() -> Flask:
            if not made:
                made.append(self.make_app())
            return made[0]

        return LocalProxy(present)

    def _use(self, file: Path | None, overrides: list[str]) -> LocalProxy[Flask]:
        self.file, self.overrides = file, overrides
        return self.lazy_app

    def __call__(self, app: Any = None, **kwargs: Any) -> Any:
        return self._use(**kwargs)

    def create_parser(self, prog: str, *args: Any, **kwargs: Any) -> argparse.ArgumentParser:
        parser: argparse.ArgumentParser = super().create_parser(prog, *args, **kwargs)
        for each in _family(parser):
            each.error = partial(_usage_error, each)  # type: ignore[method-assign]
        parse = parser.parse_known_args

        def parse_all(arguments: list[str]) -> tuple[argparse.Namespace, list[str]]:
            namespace, rest = parse(arguments)
            stack = getattr(namespace, "func_stack", None)
            if rest and not (stack and getattr(stack[-1], "capture_all_args", False)):
                used = stack[-1].parser if stack else parser
                _usage_error(parser, _unexpected(rest, used, parser))
            return namespace, rest

        parser.parse_known_args = parse_all  # type: ignore[method-assign, assignment]
        return parser

    def command(self, func: Callable[..., Any]) -> Callable[..., Any]:
        """Add a function as a command; annotations of its parameters are their types."""
        added = flask_script_ng.Command(func)
        hints = get_type_hints(func)
        for option in added.option_list:
            hint = hints.get(option.kwargs.get("dest") or option.args[0])
            if hint in (int, float, Path) and "type" in option.kwargs:
                option.kwargs["type"] = hint
        self.add_command(func.__name__.replace("_", "-"), added)
        return func

    def run(self, commands: Any = None, default_command: str | None = None) -> NoReturn:
        """Run the command that the process's arguments name, and exit with its code."""
        sys.exit(self.main(sys.argv[1:]))

    def main(self, arguments: list[str]) -> int:
        """Run a command and return its exit code; what a person can mend is told in one line."""
        try:
            result = self.handle(self._program(), arguments)
        except SystemExit as request:
            result = request.code
        except ConfigError as error:
            print(error, file=sys.stderr)
            return 1
        except DebonairError as error:
            return _failed(str(error))
        except KeyboardInterrupt:
            return 130
        except BrokenPipeError:
            # The reader of our output has gone: not an error of ours, and nothing is left to be said.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return 1
        except Exception as error:
            message = _explained(error)
            if message is None:
                raise
            return _failed(message)
        if isinstance(result, str):
            return _failed(result)
        return int(result or 0)

    def _program(self) -> str:
        return Path(sys.argv[0]).name if sys.argv[0] else self.service.name


def _failed(message: str) -> int:
    print(f"error: {message}", file=sys.stderr)
    return 1


def _explained(error: Exception) -> str | None:
    """Return one line for what the database's driver says, or None for what is a fault of the code."""
    from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError

    from debonair.database.errors import explained

    if isinstance(error, DBAPIError):
        return explained(error)
    if isinstance(error, (NoSuchModuleError, ArgumentError)):
        return f"[database] uri cannot be used: {str(error).splitlines()[0]}"
    if isinstance(error, OSError):
        reason = (error.strerror or str(error)).lower()
        return f"{error.filename}: {reason}" if error.filename else reason
    return None


def _family(parser: argparse.ArgumentParser) -> list[argparse.ArgumentParser]:
    found = [parser]
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for child in action.choices.values():
                found += _family(child)
    return found


def _unexpected(rest: list[str], parser: argparse.ArgumentParser, top: argparse.ArgumentParser) -> str:
    wrong = next((word for word in rest if word.startswith("-")), None)
    if wrong is None:
        return f"{rest[0]!r} is one argument too many"
    if wrong.partition("=")[0] in top._option_string_actions:
        return f"{wrong} stands before the command"
    known = [option for action in parser._actions for option in action.option_strings]
    return f"there is no option {wrong!r}{did_you_mean(wrong, known)}"


def _usage_error(parser: argparse.ArgumentParser, message: str) -> NoReturn:
    match = re.search(r"invalid choice: '(.*?)' \(choose from (.*)\)$", message)
    if match:
        known = re.findall(r"[\w-]+", match[2])
        if "check-config" in known:
            message = f"there is no command {match[1]!r}{did_you_mean(match[1], known)}"
        else:
            message = f"{match[1]!r} is none of {', '.join(known)}"
    print(f"error: {message} (see {parser.prog} --help)", file=sys.stderr)
    raise SystemExit(2)
