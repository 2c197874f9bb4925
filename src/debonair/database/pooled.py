"""A connection of SQLite's driver, taken from the pool without what a session needs around it.

The pool's proxy of a connection costs more than a short statement does: it has a finalizer, two weak
references and its own table of events. Here a connection has only what the chassis uses. All that we use of
the pool beyond its documentation is in this module, and named in
``src/tests/chassis/test_adapters_libraries.py``.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Engine, QueuePool


class Pooled:
    """A connection of the driver, with no transaction; ``close`` gives it back to the pool."""

    __slots__ = ("_pool", "_record", "driver_connection")

    def __init__(self, pool: QueuePool) -> None:
        self._record: Any = None
        self.driver_connection: Any = None
        record: Any = pool._do_get()
        try:
            self.driver_connection = record.get_connection()
        except BaseException as error:
            record._checkin_failed(error, _fairy_was_created=False)
            raise
        self._pool = pool
        self._record = record

    @property
    def dbapi_connection(self) -> Any:
        """The driver's connection, under the name that SQLAlchemy's proxy has for it too."""
        return self.driver_connection

    def __getattr__(self, name: str) -> Any:
        return getattr(self.driver_connection, name)

    def cursor(self) -> Any:
        """Return a cursor of the driver."""
        return self.driver_connection.cursor()

    def invalidate(self, error: BaseException | None = None) -> None:
        """Close the connection for good: the pool opens another one in its place."""
        if self._record is not None:
            self._record.invalidate(e=error)

    def close(self) -> None:
        """Roll back what is not committed, and give the connection back to the pool."""
        record, self._record = self._record, None
        if record is None:
            return
        try:
            connection = record.dbapi_connection  # None when it was invalidated
            if connection is not None and connection.in_transaction:
                connection.rollback()
        except Exception as error:  # the pool must have the place back, with a new connection
            record.invalidate(e=error)
        finally:
            self._pool._do_return_conn(record)

    def __del__(self) -> None:
        # Who fails to close it must not take a place of the pool for ever.
        if self._record is not None:
            self.close()


class Borrowed:
    """A connection of the driver that its borrower does not give back."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)

    def close(self) -> None:
        """Leave the connection open."""


def take(engine: Engine) -> Any:
    """Return a connection of the driver, with no transaction; ``close`` gives it back to the pool."""
    pool = engine.pool
    if engine.dialect.name != "sqlite" or type(pool) is not QueuePool or pool._pre_ping:
        return engine.raw_connection()
    events: Any = pool.dispatch
    if events.checkout or events.checkin or events.reset:
        return engine.raw_connection()
    return Pooled(pool)
