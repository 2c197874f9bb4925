"""The one bridge from click to Flask-Script: any extension's command group works under the manager."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import flask_script_ng

from debonair.settings import did_you_mean

if TYPE_CHECKING:
    import click
    from flask import Flask

# What Alembic leaves unsaid.
_REMEDIES = {
    "Can't locate revision": ": see db history, and db stamp --purge REVISION where its file is gone",
    "Target database is not up to date": ": run 'db upgrade' first",
    "Multiple head revisions": ": join them with 'db merge heads'",
}


class ClickCommand(flask_script_ng.Command):
    """A click command or group, as a command of the manager.

    :param name: its name under the manager.
    :param help: what it does, for the list of commands.
    :param find: returns the click command when it is needed, given the application.
    """

    capture_all_args = True
    help_args = ()  # --help is click's own

    def __init__(self, name: str, help: str, find: Callable[[Flask], click.Command]) -> None:
        super().__init__()
        self.name = name
        self.help = help
        self.__doc__ = help
        self._find = find

    def __call__(self, app: Any, arguments: list[str]) -> int:
        import click
        from flask.cli import ScriptInfo

        flask_app = app._get_current_object()
        command = self._find(flask_app)
        with flask_app.app_context():
            try:
                result = command.main(
                    arguments,
                    prog_name=self.name,
                    standalone_mode=False,
                    obj=ScriptInfo(create_app=lambda: flask_app),
                )
            except click.exceptions.NoArgsIsHelpError as error:
                click.echo(error.format_message(), err=True)
                return error.exit_code
            except click.ClickException as error:
                message = error.format_message().rstrip(".")
                unknown = re.match("No such command '(.*?)'", message)
                if unknown and isinstance(command, click.Group):
                    known = command.list_commands(click.Context(command))
                    message = f"there is no command {unknown[1]!r}{did_you_mean(unknown[1], known)}"
                remedy = next((told for said, told in _REMEDIES.items() if said in message), "")
                click.echo(f"error: {message}{remedy} (see {self.name} --help)", err=True)
                return error.exit_code
            except click.Abort:
                return 130
        return result if isinstance(result, int) else 0
