"""Statements that the driver of the database runs by itself, without what SQLAlchemy does around them.

A health check that runs in every worker, again and again, needs a fraction of the memory and the time so.
"""

from __future__ import annotations

from contextlib import closing
from typing import Any

from sqlalchemy import Engine
from sqlalchemy.engine.interfaces import Dialect
from sqlalchemy.exc import DBAPIError

from debonair.database.engine import driver_connection


def rows_of(engine: Engine, statement: str) -> list[tuple[Any, ...]]:
    """Return the rows of a statement without parameters, which only reads.

    :raises sqlalchemy.exc.DBAPIError: as SQLAlchemy does.
    """
    connection: Any = None
    try:
        connection = driver_connection(engine)
        with closing(connection.cursor()) as cursor:
            cursor.execute(statement)
            rows: list[tuple[Any, ...]] = cursor.fetchall()
        return rows
    except engine.dialect.loaded_dbapi.Error as error:
        raise translated(error, statement, None, connection, engine.dialect) from error
    finally:
        if connection is not None:
            connection.close()


def translated(error: Any, statement: str, parameters: Any, connection: Any, dialect: Dialect) -> Any:
    """Return SQLAlchemy's error for one of the driver, and give up a connection that is lost.

    So is one of SQLite that has read corrupt pages: it would keep them after the file was restored.

    :param connection: the driver's, out of the pool; None when there is none.
    """
    corrupt = type(error).__module__ == "sqlite3" and type(error).__name__ == "DatabaseError"
    lost = corrupt or dialect.is_disconnect(error, connection, None)
    if lost and hasattr(connection, "invalidate"):
        connection.invalidate(error)
    return DBAPIError.instance(
        statement, parameters, error, dialect.loaded_dbapi.Error, connection_invalidated=lost, dialect=dialect
    )
