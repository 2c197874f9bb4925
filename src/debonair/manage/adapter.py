"""The private parts of Flask-Script-NG that the chassis uses; a test names each of them.

Flask-Script's ``Manager.create_parser`` makes parsers of argparse's own class and replaces methods of each;
:func:`build_parser` does the same work with :class:`~debonair.manage.parser.Parser`. Flask-Script's
``Manager.handle`` parses with that parser and calls the managers and the command that ``func_stack`` holds.
"""

from __future__ import annotations

import inspect
import re
from pathlib import Path
from typing import Any

import flask_script_ng
from flask import Flask
from werkzeug.local import LocalProxy

from debonair.manage.parser import Parser
from debonair.room import Argument

_TYPES: dict[Any, type] = {
    known: kind
    for kind, names in {int: ["int"], float: ["float"], Path: ["Path", "pathlib.Path"]}.items()
    for known in (kind, *names)
}
"""The annotations that give a parameter a type, as objects and as text."""


class CommandApp(LocalProxy[Flask]):
    """The application that commands of Flask-Script get; they run in a request context, which it makes."""

    def test_request_context(self, *args: Any, **options: Any) -> Any:
        """Return a request context of a POST, since a transaction in that of a GET reads only."""
        return self._get_current_object().test_request_context(*args, **{"method": "POST", **options})


class DeferredCommand(flask_script_ng.Command):
    """A command of Flask-Script whose arguments are known only when it runs or its help is printed.

    :param help: what it does, in one sentence.
    """

    def __init__(self, help: str) -> None:
        super().__init__()
        self.help = help
        self.__doc__ = help  # Flask-Script's description

    def fill(self, parser: Parser) -> None:
        """Add the arguments to the parser, or let it capture them."""
        raise NotImplementedError


def build_parser(
    manager: Any, parser: Parser, stack: tuple[Any, ...] = (), outer: Parser | None = None
) -> Parser:
    """Add the options and commands of a manager of Flask-Script to a parser, and return it.

    :param manager: the manager; managers that it has as commands are added with theirs.
    :param parser: a parser without arguments.
    :param stack: the managers above this one; they are called before a command, in order.
    :param outer: the parser of the program; else ``parser`` is that.
    """
    for option in manager.get_options():
        parser.add_argument(*option.args, **option.kwargs)
    manager.parser = parser
    stack, outer = (*stack, manager), outer or parser
    if not manager._commands:
        return parser
    group = parser.add_subparsers(**{"title": "commands", "metavar": "COMMAND", **manager.subparser_kwargs})
    for name, command in manager._commands.items():
        described = _described(command)
        if isinstance(command, flask_script_ng.Manager):
            command.parent = manager
            build_parser(command, group.add_parser(name, outer=outer, **described), stack, outer)
        elif isinstance(command, DeferredCommand):
            child = group.add_parser(name, outer=outer, fill=command.fill, **described)
            child.set_defaults(func_stack=(*stack, command))
            command.parser = child
        else:
            made = command.create_parser(name, func_stack=stack, parent=manager)
            group.add_parser(name, outer=outer, parents=[made], **described)
    return parser


def _described(command: Any) -> dict[str, Any]:
    """Return the usage, the line for the list of commands, and the description, in argparse's format."""
    help = getattr(command, "help", None) or command.__doc__ or ""
    description = getattr(command, "description", None) or command.__doc__
    # argparse formats the help with "%"; a single one in a docstring is text.
    line = re.sub(r"%(?![%(])", "%%", inspect.cleandoc(help).partition("\n\n")[0])
    return {"usage": getattr(command, "usage", None), "help": line, "description": description}


def function_command(func: Any) -> Any:
    """Return the command of Flask-Script for a function; annotations of its parameters are their types.

    A parameter without a default is an argument, one with a default is an option: ``--name``, and ``-n``
    where no parameter before it has that letter. ``-h`` is the help.
    """
    command = flask_script_ng.Command(func)
    taken = {"-h"}
    for option in command.option_list:
        name = option.kwargs.get("dest") or option.args[0]
        hint = func.__annotations__.get(name)
        if "type" in option.kwargs and hint in _TYPES:
            option.kwargs["type"] = _TYPES[hint]
        option.args = tuple(flag for flag in option.args if flag not in taken)
        taken.update(option.args)
    return command


def shell_arguments() -> tuple[Argument, ...]:
    """Return the arguments of Flask-Script's shell."""
    return tuple(Argument(*option.args, **option.kwargs) for option in flask_script_ng.Shell().get_options())


def run_shell(banner: str, names: dict[str, Any], options: dict[str, Any]) -> None:
    """Run Flask-Script's shell.

    :param banner: the text that it begins with.
    :param names: the names that are defined in it.
    :param options: the values of :func:`shell_arguments`.
    """
    flask_script_ng.Shell(banner=banner, make_context=lambda: names).run(**options)
