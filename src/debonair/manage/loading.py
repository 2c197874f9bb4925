"""Commands by name: what a table names is imported when it is used."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import click

from debonair.manage import bridge
from debonair.manage.adapter import DeferredCommand
from debonair.manage.parser import Parser
from debonair.room import Command, Context, Runnable, resolve


class LoadedCommand(DeferredCommand):
    """A command of a room or of the manager, as one of Flask-Script.

    :param context: what the command gets.
    :param source: the declaration, or a click command.
    """

    def __init__(self, context: Context, source: Command | click.Command) -> None:
        super().__init__(source.help if isinstance(source, Command) else source.get_short_help_str(200))
        self._context = context
        self._source = source

    @cached_property
    def loaded(self) -> Runnable | click.Command:
        """An instance of the class that the declaration names, or the click command."""
        if isinstance(self._source, click.Command):
            return self._source
        found = resolve(self._source.target)
        made: Runnable | click.Command = found if isinstance(found, click.Command) else found()
        return made

    @property
    def capture_all_args(self) -> bool:
        """Whether click parses the arguments."""
        return isinstance(self.loaded, click.Command)

    @property
    def names(self) -> list[str]:
        """The names of its commands, for a group of click."""
        if not isinstance(self.loaded, click.Group):
            return []
        return self.loaded.list_commands(click.Context(self.loaded))

    def fill(self, parser: Parser) -> None:
        """Add the arguments of the command to its parser."""
        if isinstance(self.loaded, click.Command):
            parser.captures = True
        else:
            for argument in self.loaded.arguments:
                parser.add_argument(*argument.flags, **argument.options)

    def __call__(self, app: Any = None, unparsed: list[str] | None = None, **arguments: Any) -> int | None:
        command = self.loaded
        if isinstance(command, click.Command):
            return bridge.run(command, unparsed or [], self.parser.prog, lambda: self._context.app)
        if not command.needs_app:
            return command.run(self._context, **arguments)
        with self._context.app.app_context():
            return command.run(self._context, **arguments)
