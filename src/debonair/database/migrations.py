"""Migrations from one revision to another, by Alembic and Flask-Migrate.

The ``env.py`` of a service calls :func:`run`. The ``db`` commands are Flask-Migrate's, except those that
report the revision of the database. This module is imported when a command needs it: see ``commands``.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import click
import flask_migrate
import flask_migrate.cli
from alembic import context
from alembic.autogenerate import compare_metadata, renderers
from alembic.migration import MigrationContext
from alembic.operations import ops
from flask import Flask, current_app
from sqlalchemy import Connection, Enum, Table

from debonair.database import own_tables
from debonair.database.engine import MIGRATIONS, db, engine_of, reading
from debonair.database.revisions import known, state

OWN = "debonair_"
"""What the names of the chassis' own tables begin with."""

_UNUSED = "flask-migrate"

_UNKNOWN = 3
"""The exit code of ``db check`` when another version has migrated the database: no upgrade can help."""


def prepare(app: Flask) -> None:
    """Set up Flask-Migrate for the application, once."""
    if "migrate" not in app.extensions:
        flask_migrate.Migrate(
            app, db, directory=app.extensions[MIGRATIONS], command=_UNUSED, include_name=_is_of_the_service
        )
        app.cli.commands.pop(_UNUSED)


def _is_of_the_service(name: str | None, kind: str, parents: Any) -> bool:
    """Return whether a table belongs to the models; those of the chassis are made when they are needed."""
    return kind != "table" or not (name or "").startswith(OWN)


def upgrade(app: Flask) -> None:
    """Upgrade the database to the head revision; does nothing for a service without migrations."""
    if known(app):
        prepare(app)
        with app.app_context():
            flask_migrate.upgrade()
    own_tables.upgrade(app)


def differing_tables(app: Flask) -> list[str]:
    """Return the names of the tables that differ between the models and the database, sorted.

    :raises sqlalchemy.exc.DBAPIError: when the database is unreachable.
    """
    prepare(app)
    with reading(engine_of(app)) as connection:
        compared = MigrationContext.configure(connection, opts=app.extensions["migrate"].configure_args)
        found = compare_metadata(compared, db.metadata)
    # The changes of one column are in a list of their own.
    changes = [change for item in found for change in (item if isinstance(item, list) else [item])]
    return sorted({_table_of(change) for change in changes})


def _table_of(change: tuple[Any, ...]) -> str:
    """Return the name of the table that a change of Alembic's ``compare_metadata`` concerns."""
    subject = change[1]
    if isinstance(subject, Table):
        return subject.name
    # A change of a column names schema and table; one of an index or constraint has its object.
    table = getattr(subject, "table", None)
    return table.name if table is not None else str(change[2])


def run() -> None:
    """Run the migrations that Alembic has selected; this is all that a service's ``env.py`` does.

    They run in one transaction: on SQLite and PostgreSQL a migration that fails changes nothing.
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
        arguments["process_revision_directives"] = _revise
        context.configure(
            connection=connection,
            target_metadata=db.metadata,
            on_version_apply=_report,
            transactional_ddl=True,
            **arguments,
        )
        with context.begin_transaction():
            own_tables.lock(connection)
            context.run_migrations()


def _suspend_foreign_keys(connection: Connection) -> None:
    # To alter a table, SQLite copies, drops and renames it. While foreign keys are enforced, the drop deletes
    # the rows that refer to it. The pragma has no effect once a transaction has begun.
    if connection.dialect.name == "sqlite":
        driver = connection.connection.dbapi_connection
        if driver is not None:
            driver.execute("PRAGMA foreign_keys = OFF")
            connection.detach()


def _revise(revision_context: Any, revision: Any, directives: list[Any]) -> None:
    """Write no migration without operations, and one that drops the types of enumerations that it created."""
    if not getattr(context.config.cmd_opts, "autogenerate", False):
        return
    if directives[0].upgrade_ops.is_empty():
        directives[:] = []
        click.echo("The models and the database agree: there is nothing to migrate.")
        return
    for script in directives:
        names = {name for operation in script.upgrade_ops.ops for name in _enumerations(operation)}
        script.downgrade_ops.ops += [DropEnumeration(name) for name in sorted(names)]


def _enumerations(operation: Any) -> Iterator[str]:
    """Yield the names of the enumerations whose types PostgreSQL creates with a table."""
    if isinstance(operation, ops.CreateTableOp):
        for column in operation.columns:
            kind = getattr(column, "type", None)
            if isinstance(kind, Enum) and kind.native_enum and kind.name:
                yield kind.name


class DropEnumeration(ops.MigrateOperation):
    """Drop the type of an enumeration, which PostgreSQL keeps when its table is dropped.

    :param name: the name of the type. On a database without such types the operation does nothing.
    """

    def __init__(self, name: str) -> None:
        self.name = name


@renderers.dispatch_for(DropEnumeration)
def _render(autogenerate: Any, operation: DropEnumeration) -> str:
    return f"sa.Enum(name={operation.name!r}).drop(op.get_bind())"


def _report(ctx: Any, step: Any, heads: Any, run_args: Any) -> None:
    name = step.up_revision.doc or step.up_revision_id
    done = "stamped, without running it," if step.is_stamp else "applied" if step.is_upgrade else "took back"
    click.echo(f"{done} {step.up_revision_id} {name}")


def commands() -> dict[str, click.Command]:
    """Return the ``db`` commands: Flask-Migrate's, and ours, which replace some of them."""
    group = click.Group(commands=dict(flask_migrate.cli.db.commands))

    @group.command("check")
    def check() -> None:
        """Exit with 0 at the head revision, with 1 behind it, with 3 at a revision of another version."""
        found = state(current_app)
        click.echo(f"The database is {found}.")
        raise SystemExit(0 if found.at_head else _UNKNOWN if found.unknown else 1)

    @group.command("check-models")
    def check_models() -> None:
        """Exit with 0 when models and migrations agree, else with 1."""
        flask_migrate.check()

    @group.command("upgrade")
    @click.argument("revision", default="head")
    @click.option("--sql", is_flag=True, help="Print the SQL instead of running it.")
    def upgrade(revision: str, sql: bool) -> None:
        """Upgrade the database to the head revision, or the one given."""
        if not sql and revision == "head" and (found := state(current_app)).at_head:
            click.echo(f"The database is {found}: nothing to do.")
            return
        if known(current_app) or not own_tables.heads(current_app):
            flask_migrate.upgrade(revision=revision, sql=sql)
        if not sql:
            for applied in own_tables.upgrade(current_app):
                click.echo(f"applied {applied}, the tables of the chassis")
            click.echo(f"The database is {state(current_app)}.")

    return dict(group.commands)
