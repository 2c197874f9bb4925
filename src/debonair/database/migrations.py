"""Migrations: the way from one revision to another, by Alembic and Flask-Migrate.

``env.py`` of a service calls :func:`run`; the ``db`` commands are Flask-Migrate's, but for those that say
where the database stands. Loaded when it is wanted: see ``commands``.
"""

from __future__ import annotations

from typing import Any

import click
import flask_migrate
import flask_migrate.cli
from alembic import context
from flask import Flask, current_app
from sqlalchemy import Connection, text

from debonair.database.engine import db
from debonair.database.revisions import DIRECTORY, known, state

_UNUSED = "flask-migrate"

_LOCK = 0x6465626F6E
"""The key of PostgreSQL's advisory lock: one number for all, as a database belongs to one service."""


def prepare(app: Flask) -> None:
    """Set Flask-Migrate up for the application, unless it is."""
    if "migrate" not in app.extensions:
        flask_migrate.Migrate(app, db, directory=app.extensions[DIRECTORY], command=_UNUSED)
        app.cli.commands.pop(_UNUSED)


def upgrade(app: Flask) -> None:
    """Bring the database to the head revision; nothing is to be done for a service without migrations."""
    if not known(app):
        return
    prepare(app)
    with app.app_context():
        flask_migrate.upgrade()


def run() -> None:
    """Run the migrations that Alembic asks for; the whole of a service's ``env.py``.

    All of them in one transaction: on SQLite and PostgreSQL a migration that fails changes nothing.
    """
    if context.is_offline_mode():
        context.configure(
            url=db.engine.url.render_as_string(hide_password=False).replace("%", "%%"),
            target_metadata=db.metadata,
            literal_binds=True,
        )
        with context.begin_transaction():
            context.run_migrations()
        return
    with db.engine.connect() as connection:
        _suspend_foreign_keys(connection)
        arguments: dict[str, Any] = dict(current_app.extensions["migrate"].configure_args)
        arguments["process_revision_directives"] = _skip_empty
        context.configure(
            connection=connection,
            target_metadata=db.metadata,
            on_version_apply=_say,
            transactional_ddl=True,
            **arguments,
        )
        with context.begin_transaction():
            _lock(connection)
            context.run_migrations()


def _lock(connection: Connection) -> None:
    """Let one migration run at a time; whoever waited finds nothing left to do.

    SQLite's transaction is such a lock already (see ``engine``).
    """
    if connection.dialect.name == "postgresql":
        # However long the other one takes.
        connection.execute(text("SET LOCAL lock_timeout = 0"))
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})


def _suspend_foreign_keys(connection: Connection) -> None:
    # Altering a table on SQLite means to copy, drop and rename it; with foreign keys kept, the drop would
    # delete the rows that refer to it. The pragma has no effect once a transaction has begun.
    if connection.dialect.name == "sqlite":
        driver = connection.connection.dbapi_connection
        if driver is not None:
            driver.execute("PRAGMA foreign_keys = OFF")
            connection.detach()


def _skip_empty(revision_context: Any, revision: Any, directives: list[Any]) -> None:
    if getattr(context.config.cmd_opts, "autogenerate", False) and directives[0].upgrade_ops.is_empty():
        directives[:] = []
        click.echo("The models and the database agree: there is nothing to migrate.")


def _say(ctx: Any, step: Any, heads: Any, run_args: Any) -> None:
    name = step.up_revision.doc or step.up_revision_id
    done = "stamped, without running it," if step.is_stamp else "applied" if step.is_upgrade else "took back"
    click.echo(f"{done} {step.up_revision_id} {name}")


def commands() -> dict[str, click.Command]:
    """Return the ``db`` commands: Flask-Migrate's, with ours in the place of some."""
    group = click.Group(commands=dict(flask_migrate.cli.db.commands))

    @group.command("check")
    def check() -> None:
        """Exit with 0 when the database is at the head revision, else with 1."""
        found = state(current_app)
        click.echo(f"The database is {found}.")
        raise SystemExit(0 if found.at_head else 1)

    @group.command("check-models")
    def check_models() -> None:
        """Exit with 0 when the models ask for no further migration, else with 1."""
        flask_migrate.check()

    @group.command("upgrade")
    @click.argument("revision", default="head")
    @click.option("--sql", is_flag=True, help="Print the SQL instead of running it.")
    def upgrade(revision: str, sql: bool) -> None:
        """Upgrade the database to the head revision, or the one given."""
        if not sql and revision == "head" and (found := state(current_app)).at_head:
            click.echo(f"The database is {found}: nothing to do.")
            return
        flask_migrate.upgrade(revision=revision, sql=sql)
        if not sql:
            click.echo(f"The database is {state(current_app)}.")

    return dict(group.commands)
