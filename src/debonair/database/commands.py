"""The ``db`` commands, on Flask's own command line and under the manager.

Alembic, which is slow to import, is loaded when one of them is used.
"""

from __future__ import annotations

import click
from flask import Flask, current_app, g
from flask.cli import with_appcontext


class _DatabaseCommands(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(self._loaded())

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        return self._loaded().get(cmd_name)

    @staticmethod
    def _loaded() -> dict[str, click.Command]:
        from debonair.database import migrations

        return migrations.commands()


@with_appcontext
def _prepare() -> None:
    from debonair.database import migrations

    migrations.prepare(current_app)
    # What Flask-Migrate's own group leaves for its commands.
    g.directory, g.x_arg = None, ()


def init_app(app: Flask) -> None:
    """Add the group ``db`` to the application's commands."""
    help = "Migrate the database, and say where it stands."
    app.cli.add_command(_DatabaseCommands("db", help=help, callback=_prepare))
