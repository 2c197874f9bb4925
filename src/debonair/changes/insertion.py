"""A new row by one INSERT, without the ORM, where the ORM would do nothing else.

SQLAlchemy's unit of work costs several times as much as the statement. It is left out where nothing depends
on it: no hook, no event listener, no validator, no session in use, no relation in the body. Data that the
database refuses are written once more through the ORM, which finds out what to report.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Engine
from sqlalchemy.engine.interfaces import Dialect
from sqlalchemy.exc import DataError, IntegrityError
from sqlalchemy.orm import Session
from sqlalchemy.sql import schema

from debonair.changes.construction import is_made_by_orm
from debonair.changes.graph import Graph
from debonair.database.engine import db, driver_connection, is_lent
from debonair.descriptions.description import Catalog, Resource
from debonair.descriptions.lookup import Lookup
from debonair.statements.execution import Cache, Statement
from debonair.statements.reading import Reader

Key = tuple[Any, ...]


class UnsuitableError(Exception):
    """The row has to be written by the ORM."""


class Insertions:
    """Inserts new objects without the ORM.

    :param reader: reads the responses, and has the database.
    """

    def __init__(self, reader: Reader, catalog: Catalog) -> None:
        self._reader = reader
        self._catalog = catalog
        self._known: Cache[Insertion | None] = Cache(500)

    def create(self, resource: Resource, data: Any, text: str) -> tuple[dict[str, Any], Key] | None:
        """Insert an object and commit.

        :param data: the JSON of the object. :param text: the query string, with ``fields`` and ``include``.
        :returns: the object as GET returns it, and its key. None when the ORM has to write it, or has to
            find out why the database refuses it: then nothing was written.
        :raises InvalidMembers: with every fault of the data. :raises FaultyQuery: with those of the text.
        :raises DBAPIError: when the database fails.
        """
        if type(data) is not dict or not data.keys() <= resource.columns.keys():
            return None
        if not is_plain(resource, data, self._reader.engine):
            return None
        graph = Graph(Lookup(_session(), self._catalog))
        values = graph.values(resource, data, (), whole=True)
        graph.faults.raise_if_any()
        given = {name: value for name, value in values.items() if value is not None}
        try:
            insertion = self._insertion(resource, frozenset(given))
            return insertion.run(self._reader, insertion.values(given), text)
        except UnsuitableError:
            return None

    def _insertion(self, resource: Resource, names: frozenset[str]) -> Insertion:
        key = (resource, names)
        found = self._known.get(key)
        if found is None:
            found = Insertion(resource, names, self._reader.dialect)
            self._known.put(key, found)
        return found


class Insertion:
    """The INSERT for new objects of a resource that have values for the same columns.

    :param names: the columns that have a value.
    :raises UnsuitableError: when only the ORM can make a default.
    """

    def __init__(self, resource: Resource, names: frozenset[str], dialect: Dialect) -> None:
        table: Any = resource.mapper.local_table
        columns = {each.key: each.columns[0] for each in resource.mapper.column_attrs}
        self._resource = resource
        self._defaults: dict[str, Callable[[], Any]] = {}
        bound = {}
        for name, column in columns.items():
            if name not in names:
                if not isinstance(column, sa.Column) or _is_left_out(column):
                    continue
                self._defaults[name] = _default(column)
            bound[name] = column
        self._generated = [name for name in resource.key if name not in bound]
        if any(columns[name] is not table.autoincrement_column for name in self._generated):
            raise UnsuitableError
        self._parameters = {f"c{index}": name for index, name in enumerate(bound)}
        binds = {
            bound[name]: sa.bindparam(key, type_=bound[name].type) for key, name in self._parameters.items()
        }
        insert = sa.insert(table).inline().values(binds)
        # SQLite's driver has the key; its RETURNING takes longer.
        self._returns = dialect.name != "sqlite" and bool(self._generated)
        if self._returns:
            insert = insert.returning(*[columns[name] for name in self._generated])
        compiled: Any = insert.compile(dialect=dialect)
        if compiled.insert_prefetch:
            raise UnsuitableError
        self._statement = Statement(insert, dialect)

    def values(self, given: dict[str, Any]) -> dict[str, Any]:
        """Return the values of all columns of the statement."""
        return given | {name: make() for name, make in self._defaults.items()}

    def run(self, reader: Reader, values: dict[str, Any], text: str) -> tuple[dict[str, Any], Key]:
        """Insert a row in a transaction of its own, and return what GET returns of it, and its key.

        :raises UnsuitableError: when the database refuses the data, or does not return the row.
        :raises DBAPIError: when the database fails.
        """
        statement = self._statement
        try:
            parameters = statement.bound_whole({key: values[name] for key, name in self._parameters.items()})
        except (ValueError, TypeError, LookupError, ArithmeticError) as error:
            raise UnsuitableError from error
        connection = driver_connection(reader.engine)
        try:
            if statement.backend == "sqlite":
                connection.dbapi_connection.execute("BEGIN IMMEDIATE")
            key = self._insert(connection, parameters, values)
            found = reader.one(self._resource, key, text, connection)
            if found is None:
                raise UnsuitableError
            connection.commit()
        except OverflowError as error:
            raise UnsuitableError from error
        except statement.errors as error:
            raised = statement.error(error, None, connection)
            if isinstance(raised, IntegrityError | DataError):
                raise UnsuitableError from error
            raise raised from error
        finally:
            # It rolls back what was not committed.
            connection.close()
        return found, key

    def _insert(self, connection: Any, parameters: Any, values: dict[str, Any]) -> Key:
        """Run the statement and return the key of the row."""
        cursor = connection.cursor()
        cursor.execute(self._statement.sql, parameters)
        generated: dict[str, Any] = {}
        if self._generated:
            row = cursor.fetchone() if self._returns else (cursor.lastrowid,)
            generated = dict(zip(self._generated, row, strict=True))
        cursor.close()
        return tuple(generated[name] if name in generated else values[name] for name in self._resource.key)


def _is_left_out(column: sa.Column[Any]) -> bool:
    """Return whether the ORM leaves the column to the database when it has no value."""
    return column.default is None and bool(
        column.primary_key or column.server_default is not None or column.type.should_evaluate_none
    )


def _default(column: sa.Column[Any]) -> Callable[[], Any]:
    """Return a function that makes the value of a column without one: its default, or None.

    :raises UnsuitableError: when the default needs the execution of a statement.
    """
    default: Any = column.default
    if default is None or default.is_scalar:
        value = None if default is None else default.arg
        return lambda: value
    # SQLAlchemy puts a function without parameters into one of its own. Others take the context.
    code = getattr(default.arg, "__code__", None) if default.is_callable else None
    if code is None or code.co_filename != schema.__file__:
        raise UnsuitableError
    function = default.arg
    return lambda: function(None)


def is_plain(resource: Resource, names: Iterable[str], engine: Engine) -> bool:
    """Return whether a new object with these members may be inserted without the ORM, at this moment."""
    return (
        _is_simple(resource)
        and not is_lent(engine)
        and not db.session.registry.has()
        and not _is_listened_to(resource, names, engine)
    )


@lru_cache(1000)
def _is_simple(resource: Resource) -> bool:
    """Return whether objects are rows of one table, and nothing of the service takes part in their making."""
    mapper, options, table = resource.mapper, resource.options, resource.mapper.local_table
    return (
        options.schema is None
        and options.where is None
        and "POST" not in {*options.before, *options.after}
        and isinstance(table, sa.Table)
        and table.metadata.info.get("bind_key") is None
        and mapper.inherits is None
        and mapper.polymorphic_on is None
        and mapper.version_id_col is None
        and not mapper.validators
        and is_made_by_orm(resource.model)
        and all(len(attribute.columns) == 1 for attribute in mapper.column_attrs)
    )


_ENGINE = (
    "before_execute", "after_execute", "before_cursor_execute", "after_cursor_execute",
    "begin", "commit", "rollback",
)  # fmt: skip
_SESSION = (
    "after_begin", "after_transaction_create", "after_transaction_end", "before_attach", "after_attach",
    "transient_to_pending", "pending_to_persistent", "before_flush", "after_flush", "after_flush_postexec",
    "before_commit", "after_commit",
)  # fmt: skip
_MAPPER = ("before_insert", "after_insert")
_INSTANCE = ("init", "refresh", "refresh_flush", "expire")


def _is_listened_to(resource: Resource, names: Iterable[str], engine: Engine) -> bool:
    """Return whether a function beside our own listens to an event that an insertion through the ORM has.

    Our own is one for ``before_insert``. SQLAlchemy has one for ``init``.
    """
    listened = (
        (engine.dispatch, _ENGINE, 0),
        (_session().dispatch, _SESSION, 0),
        (resource.mapper.dispatch, _MAPPER, 1),
        (resource.mapper.class_manager.dispatch, _INSTANCE, 1),
    )
    return any(
        sum([len(getattr(dispatch, name)) for name in events]) > own for dispatch, events, own in listened
    ) or any(getattr(resource.model, name).dispatch.set for name in names)


@lru_cache(1)
def _session() -> Session:
    """Return a session that is never used: it has the listeners of all sessions."""
    return db.session.session_factory()
