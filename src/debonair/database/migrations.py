"""Migrations: at which revision the database is, at which it should be, and the way between them.

``env.py`` of a service calls :func:`run`; the ``db`` commands are Flask-Migrate's, but for ``check``,
``current`` and the words that ``upgrade`` and ``downgrade`` say.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import flask_migrate
import flask_migrate.cli
from alembic import context
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from flask import Flask, current_app
from sqlalchemy import Connection, text

from debonair.database.models import db

_LOCK = 0x6465626F6E
"""The key of PostgreSQL's advisory lock: one number for all, as a database belongs to one service."""


@dataclass(frozen=True)
class State:
    """Where the database stands.

    :param current: the revisions it is at; empty when nothing was ever applied.
    :param heads: the newest revisions of this version of the service.
    :param unknown: those of ``current`` that this version does not have: a newer one made them.
    """

    current: frozenset[str]
    heads: frozenset[str]
    unknown: frozenset[str]

    @property
    def at_head(self) -> bool:
        """Whether there is nothing left to apply."""
        return self.current == self.heads

    @property
    def behind(self) -> bool:
        """Whether this version has revisions that the database lacks."""
        return not self.at_head and not self.unknown

    def __str__(self) -> str:
        here = ", ".join(sorted(self.current)) or "no revision"
        if self.unknown:
            return f"at revision {here}, which this version does not know: a newer version made it"
        if self.at_head:
            return f"at the head revision {here}" if self.heads else "in no need of migrations"
        return f"at {here}, behind the head revision {', '.join(sorted(self.heads))}"


def init_app(app: Flask, directory: Path) -> None:
    """Prepare Flask-Migrate for the revisions in ``directory``; without that folder there are none."""
    flask_migrate.Migrate(app, db, directory=str(directory), command="flask-migrate")
    app.cli.commands.pop("flask-migrate", None)
    app.cli.add_command(commands(), "db")


def heads(app: Flask) -> frozenset[str]:
    """Return the newest revisions that the service has; reads its migration files."""
    directory = Path(app.extensions["migrate"].directory)
    if not (directory / "versions").is_dir():
        return frozenset()
    return frozenset(_scripts(app).get_heads())


def state(app: Flask, known_heads: frozenset[str] | None = None) -> State:
    """Ask the database where it stands.

    :param known_heads: what :func:`heads` returned before, to save reading the files again.
    :raises sqlalchemy.exc.OperationalError: when the database cannot be asked.
    """
    newest = heads(app) if known_heads is None else known_heads
    if not newest:
        return State(newest, newest, frozenset())
    with app.app_context(), db.engine.connect() as connection:
        current = frozenset(MigrationContext.configure(connection).get_current_heads())
    if current == newest:
        return State(current, newest, frozenset())
    known = {script.revision for script in _scripts(app).walk_revisions()}
    return State(current, newest, frozenset(current - known))


def _scripts(app: Flask) -> ScriptDirectory:
    with app.app_context():
        return ScriptDirectory.from_config(app.extensions["migrate"].migrate.get_config())


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

    SQLite's transaction is such a lock already (see ``models``).
    """
    if connection.dialect.name == "postgresql":
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
    done = "applied" if step.is_upgrade else "took back"
    click.echo(f"{done} {step.up_revision_id} {name}")


def commands() -> click.Group:
    """Return the ``db`` commands: Flask-Migrate's, with ours in the place of some."""
    group = click.Group("db", help="Migrate the database, and say where it stands.")
    group.callback = flask_migrate.cli.db.callback
    group.params = list(flask_migrate.cli.db.params)
    group.commands = dict(flask_migrate.cli.db.commands)

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

    return group
