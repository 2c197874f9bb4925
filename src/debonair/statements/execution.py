"""Statements that are compiled once and run through the driver's own cursor.

SQLAlchemy builds and compiles a statement; running it again costs neither. What the driver raises becomes the
error that SQLAlchemy would have raised.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from typing import Any, Generic, TypeVar

import sqlalchemy as sa
from sqlalchemy.engine.interfaces import Dialect

from debonair.database import postgresql
from debonair.database.driver import translated
from debonair.database.errors import is_not_utf8

T = TypeVar("T")


class Statement:
    """A compiled statement.

    :param statement: with parameters that are named. :param dialect: of the database.
    """

    def __init__(self, statement: Any, dialect: Dialect) -> None:
        compiled = statement.compile(dialect=dialect)
        # The list of an IN is expanded: that of a row filter, or of the classes of single-table inheritance.
        later = {name: None for name, parameter in compiled.binds.items() if parameter.required}
        expanded = compiled.construct_expanded_state(later)
        self.sql: str = expanded.statement
        self.backend = dialect.name
        self._dialect = dialect
        self._errors = dialect.loaded_dbapi.Error
        self._psycopg = dialect.driver == "psycopg"
        self._positional = bool(compiled.positional)
        order = expanded.positiontup if compiled.positional else list(expanded.parameters)
        # A parameter that is not given later has the value of the statement: it is part of a row filter.
        self._parameters = [
            (
                name,
                process := _processor(compiled.binds[name], dialect)
                if name in compiled.binds
                else expanded.processors.get(name),
                _constant(expanded.parameters[name], process),
            )
            for name in order or ()
        ]

    def rows(self, connection: Any, parameters: Any) -> list[tuple[Any, ...]]:
        """Run the statement and return all rows.

        :param connection: a connection of the driver. :param parameters: as :meth:`bound` returns them.
        :raises DBAPIError: as SQLAlchemy does.
        """
        cursor = connection.cursor()
        if self._psycopg:
            postgresql.keep_dates(cursor)
        try:
            cursor.execute(self.sql, parameters)
            found: list[tuple[Any, ...]] = cursor.fetchall()
        except self._errors as error:
            if is_not_utf8(error):
                return self._replaced(connection, parameters)
            raise self.error(error, parameters, connection) from error
        except OverflowError as error:
            # SQLite's driver reports an integer of more than 64 bits so.
            raise sa.exc.DataError(self.sql, parameters, error) from error
        finally:
            cursor.close()
        return found

    def _replaced(self, connection: Any, parameters: Any) -> list[tuple[Any, ...]]:
        """Run the statement, with U+FFFD for bytes of a text that are not UTF-8."""
        with replacing(connection), closing(connection.cursor()) as cursor:
            cursor.execute(self.sql, parameters)
            found: list[tuple[Any, ...]] = cursor.fetchall()
        return found

    @property
    def errors(self) -> type[Exception]:
        """The base class of what the driver raises."""
        errors: type[Exception] = self._dialect.loaded_dbapi.Error
        return errors

    def bound(self, values: Mapping[str, Any]) -> Any:
        """Return parameters by name as the driver takes them."""
        if self._positional:
            return tuple(
                constant
                if (value := values.get(name)) is None
                else value
                if process is None
                else process(value)
                for name, process, constant in self._parameters
            )
        return {
            name: constant
            if (value := values.get(name)) is None
            else value
            if process is None
            else process(value)
            for name, process, constant in self._parameters
        }

    def bound_whole(self, values: Mapping[str, Any]) -> Any:
        """Return parameters by name as :meth:`bound` does; all are given, and None is converted as well.

        :raises Exception: what the type of a column raises for its value.
        """
        found = {
            name: values[name] if process is None else process(values[name])
            for name, process, _ in self._parameters
        }
        return tuple(found.values()) if self._positional else found

    def error(self, error: Any, parameters: Any, connection: Any) -> Any:
        """Return SQLAlchemy's error for one of the driver, and give up a connection that is lost."""
        return translated(error, self.sql, parameters, connection, self._dialect)


@contextmanager
def replacing(connection: Any) -> Iterator[None]:
    """Read texts of SQLite that are not UTF-8 with U+FFFD, as Datasette does; it takes longer for all texts.

    :param connection: out of SQLAlchemy's pool, or a connection of the driver.
    """
    driver = getattr(connection, "dbapi_connection", connection)
    driver.text_factory = lambda text: text.decode(errors="replace")
    try:
        yield
    finally:
        driver.text_factory = str


def _constant(value: Any, process: Callable[[Any], Any] | None) -> Any:
    return value if value is None or process is None else process(value)


def _processor(parameter: Any, dialect: Dialect) -> Callable[[Any], Any] | None:
    process: Callable[[Any], Any] | None = parameter.type.dialect_impl(dialect).bind_processor(dialect)
    return process


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
