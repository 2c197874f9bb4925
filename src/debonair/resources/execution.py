"""Statements that are compiled once and run through the driver's own cursor.

SQLAlchemy builds and compiles a statement; running it again costs neither. What the driver raises becomes the
error that SQLAlchemy would have raised.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Generic, TypeVar

import sqlalchemy as sa
from sqlalchemy import Engine
from sqlalchemy.engine.interfaces import Dialect
from sqlalchemy.exc import DBAPIError

from debonair.resources import postgresql

T = TypeVar("T")


class Statement:
    """A compiled statement.

    :param statement: with parameters that are named. :param dialect: of the database.
    """

    def __init__(self, statement: Any, dialect: Dialect) -> None:
        compiled = statement.compile(dialect=dialect, compile_kwargs={"render_postcompile": True})
        self.sql: str = compiled.string
        self.backend = dialect.name
        self._dialect = dialect
        self._constant = dict(compiled.params)
        order = compiled.positiontup if compiled.positional else list(compiled.binds)
        self._positional = bool(compiled.positional)
        self._parameters = [(name, _processor(compiled.binds[name], dialect)) for name in order or ()]

    def rows(self, connection: Any, values: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        """Run the statement and return all rows.

        :param connection: a connection of the driver. :param values: the parameters by name.
        :raises DBAPIError: as SQLAlchemy does.
        """
        cursor = connection.cursor()
        if self._dialect.driver == "psycopg":
            postgresql.keep_dates(cursor)
        parameters = self.bound(values)
        try:
            cursor.execute(self.sql, parameters)
            found: list[tuple[Any, ...]] = cursor.fetchall()
        except self._dialect.loaded_dbapi.Error as error:
            raise self.error(error, parameters, connection) from error
        except OverflowError as error:
            raise sa.exc.DataError(self.sql, parameters, error) from error
        finally:
            cursor.close()
        return found

    @property
    def errors(self) -> type[Exception]:
        """The base class of what the driver raises."""
        errors: type[Exception] = self._dialect.loaded_dbapi.Error
        return errors

    def bound(self, values: Mapping[str, Any]) -> Any:
        """Return the parameters as the driver takes them."""
        constant = self._constant
        every = [
            (
                name,
                constant[name]
                if (value := values.get(name)) is None
                else value
                if process is None
                else process(value),
            )
            for name, process in self._parameters
        ]
        return tuple(value for _, value in every) if self._positional else dict(every)

    def error(self, error: Any, parameters: Any, connection: Any) -> Any:
        """Return SQLAlchemy's error for one of the driver, and give up a connection that is lost."""
        base = self._dialect.loaded_dbapi.Error
        lost = self._dialect.is_disconnect(error, connection, None) or _corrupt(error)
        if lost and hasattr(connection, "invalidate"):
            connection.invalidate(error)
        return DBAPIError.instance(
            self.sql, parameters, error, base, connection_invalidated=lost, dialect=self._dialect
        )


def _corrupt(error: Exception) -> bool:
    return type(error).__module__ == "sqlite3" and type(error).__name__ == "DatabaseError"


def _processor(parameter: Any, dialect: Dialect) -> Callable[[Any], Any] | None:
    process: Callable[[Any], Any] | None = parameter.type.dialect_impl(dialect).bind_processor(dialect)
    return process


@contextmanager
def connection_of(engine: Engine) -> Iterator[Any]:
    """Return a connection of the driver that only reads, out of the engine's pool."""
    connection = engine.raw_connection()
    try:
        yield connection
    finally:
        connection.close()


class Cache(Generic[T]):
    """The values that were used last, by key; safe for threads.

    :param size: the largest number of values.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._values: OrderedDict[Any, T] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: Any) -> T | None:
        """Return the value of a key, or None."""
        try:
            value = self._values[key]
            self._values.move_to_end(key)
        except KeyError:
            return None
        return value

    def put(self, key: Any, value: T) -> None:
        """Keep a value."""
        with self._lock:
            self._values[key] = value
            while len(self._values) > self._size:
                self._values.popitem(last=False)
