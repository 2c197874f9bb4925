"""The bridge from click to the manager: command groups of Flask's extensions work as commands.

In the order of time: the whole command line is parsed, so that wrong usage and ``--help`` make no
application; the application is made; the callbacks are called within its context, the group's own first.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

import click
from flask import Flask
from flask.cli import ScriptInfo

from debonair.manage.adapter import DeferredCommand
from debonair.manage.parser import Parser
from debonair.settings import did_you_mean

_INTERRUPTED = 130


class ClickCommand(DeferredCommand):
    """A click command that only the application knows, such as a group in ``app.cli``.

    One that can be imported is added without this class: ``manager.add_command("users", group)``.

    :param help: what it does, in one sentence.
    :param find: returns the click command of an application.
    """

    capture_all_args = True

    def __init__(self, help: str, find: Callable[[Flask], click.Command]) -> None:
        super().__init__(help)
        self._find = find

    def fill(self, parser: Parser) -> None:
        """Let click parse the arguments."""
        parser.captures = True

    def __call__(self, app: Any, arguments: list[str]) -> int:
        flask_app: Flask = app._get_current_object()
        return run(self._find(flask_app), arguments, self.parser.prog, lambda: flask_app)


def run(command: click.Command, arguments: list[str], program: str, make_app: Callable[[], Flask]) -> int:
    """Run a click command and return its exit code; errors are printed as one line.

    :param arguments: the command line without the program.
    :param program: the name of the program, with the command, for the usage lines.
    :param make_app: returns the application; called when the command line has been parsed.
    """
    try:
        with ExitStack() as stack:
            contexts = _parse(command, arguments, program, make_app, stack)
            stack.enter_context(make_app().app_context())
            for context in contexts[:-1]:
                if context.command.callback is not None:
                    context.invoke(context.command.callback, **context.params)
            result = contexts[-1].command.invoke(contexts[-1])
    except click.exceptions.Exit as request:
        return request.exit_code
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message(), err=True)
        return error.exit_code
    except click.ClickException as error:
        click.echo(f"error: {_message(error, program)}", err=True)
        return error.exit_code
    except click.Abort:
        return _INTERRUPTED
    return result if isinstance(result, int) else 0


def _parse(
    command: click.Command,
    arguments: list[str],
    program: str,
    make_app: Callable[[], Flask],
    stack: ExitStack,
) -> list[click.Context]:
    """Parse the command line of a group down to its last command; return the contexts, outermost first.

    click calls the callback of a group before it parses the arguments of its command.
    """
    info = ScriptInfo(create_app=make_app, set_debug_flag=False)
    context = command.make_context(program, list(arguments), obj=info, help_option_names=["-h", "--help"])
    stack.enter_context(context)
    contexts = [context]
    while isinstance(context.command, click.Group) and not context.command.chain:
        rest = [*context._protected_args, *context.args]
        if not rest:
            break
        name, found, rest = context.command.resolve_command(context, rest)
        if found is None:
            break
        context.invoked_subcommand = name
        context = found.make_context(name, rest, parent=context)
        stack.enter_context(context)
        contexts.append(context)
    return contexts


def _message(error: click.ClickException, program: str) -> str:
    message = error.format_message().rstrip(".")
    if not isinstance(error, click.UsageError):
        return message
    context = error.ctx
    unknown = re.match("No such command '(.*?)'", message)
    if unknown and context is not None and isinstance(context.command, click.Group):
        known = context.command.list_commands(context)
        message = f"there is no command {unknown[1]!r}{did_you_mean(unknown[1], known)}"
    return f"{message} (see {context.command_path if context is not None else program} --help)"
