"""The ``db`` commands, for Flask's own command line and for the manager.

The names and the help of the commands stand here, so that the help, the shell completion and a mistyped name
import neither Alembic nor SQLAlchemy; ``migrations`` is imported when one of the commands is used.
"""

from __future__ import annotations

import functools
import logging
from pathlib import Path

import click
from flask import Flask, current_app, g
from flask.cli import with_appcontext

from debonair.errors import CommandError

COMMANDS = {
    "branches": "List the revisions that more than one revision follows.",
    "check": "Exit with 0 at the head revision, with 1 behind it, with 3 at a revision of another version.",
    "check-models": "Exit with 0 when models and migrations agree, else with 1.",
    "current": "Print the revision of the database.",
    "downgrade": "Downgrade the database to the previous revision, or the one given.",
    "edit": "Open a revision in $EDITOR.",
    "heads": "List the head revisions.",
    "history": "List the revisions in chronological order.",
    "init": "Create the directory of the migrations.",
    "list-templates": "List the templates for init.",
    "merge": "Join two revisions in a new one.",
    "migrate": "Write a revision from the difference between models and database.",
    "revision": "Write an empty revision.",
    "show": "Print a revision.",
    "stamp": "Record that the database is at a revision, and run no migration.",
    "upgrade": "Upgrade the database to the head revision, or the one given.",
}
"""The commands and what each does."""

_REMEDIES = {
    "Can't locate revision": ": another version made it, or its file was deleted: restore the file, or run "
    "'db stamp --purge head', which changes no table",
    "Target database is not up to date": ": run 'db upgrade' first",
    "Multiple head revisions": ": join them with 'db merge heads'",
}
"""What to do, by the beginning of Alembic's message, which does not say it."""


class _DatabaseCommands(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        return _loaded().get(cmd_name) if cmd_name in COMMANDS else None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(sorted(COMMANDS.items()))


@functools.cache
def _loaded() -> dict[str, click.Command]:
    from debonair.database import migrations

    return migrations.commands()


class _Remedies(logging.Filter):
    """Append what to do to the errors of Alembic, which Flask-Migrate logs."""

    def filter(self, record: logging.LogRecord) -> bool:
        message = record.getMessage()
        for said, remedy in _REMEDIES.items():
            if said in message and not message.endswith(remedy):
                record.msg, record.args = message + remedy, ()
        return True


_remedies = _Remedies()


@with_appcontext
def _prepare() -> None:
    from debonair.database import migrations

    migrations.prepare(current_app)
    logging.getLogger("flask_migrate").addFilter(_remedies)
    # What Flask-Migrate's own group leaves for its commands.
    g.directory, g.x_arg = None, ()


group = _DatabaseCommands(
    "db",
    # click keeps the first names that it is asked for, and "flask db" asks first in some processes.
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Migrate the database, and report the revision that it is at.",
    callback=_prepare,
)
"""The group ``db``."""


def init_app(app: Flask) -> None:
    """Add the group ``db`` to the application's commands."""
    app.cli.add_command(group)


def require_migrated(app: Flask) -> None:
    """Refuse a database that lacks migrations; an unreachable one is left to the health checks.

    :raises CommandError: when revisions of this version are not applied.
    """
    from sqlalchemy.exc import OperationalError

    from debonair.database import revisions

    try:
        found = revisions.state(app)
    except OperationalError:
        return
    if found.behind:
        raise CommandError(f"the database is {found}: run 'db upgrade' first")


def difference(app: Flask) -> str | None:
    """Return what to run after a change of models or migrations, or None when the database fits both.

    This is for development: it imports Alembic and reads the schema of the database. Nothing is said of a
    service without migrations, or of a database that is unreachable.
    """
    from sqlalchemy.exc import DBAPIError

    from debonair.database import engine, revisions

    if not Path(app.extensions[engine.MIGRATIONS], "env.py").is_file():
        return None
    try:
        found = revisions.state(app)
        if not found.at_head:
            return f"the database is {found}" + (": run 'db upgrade'" if found.behind else "")
        from debonair.database import migrations

        tables = migrations.differing_tables(app)
    except DBAPIError:
        return None
    if not tables:
        return None
    return f"models and migrations differ ({', '.join(tables)}): run 'db migrate', then 'db upgrade'"
