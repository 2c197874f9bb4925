"""What this package uses of psycopg: COPY, and text in place of dates and times that Python lacks.

And a look at the types of SQLAlchemy's dialect, which a service with SQLite does not import.
"""

from __future__ import annotations

import sys
from collections.abc import Generator
from decimal import Decimal
from typing import Any, TypeGuard

DATES = ("date", "time", "timetz", "timestamp", "timestamptz", "interval")


def is_type(type_: object, name: str) -> TypeGuard[Any]:
    """Return whether a type of SQLAlchemy is the one of its dialect that has a name, such as ``HSTORE``.

    Such a type exists only where the dialect has been imported. A service with SQLite starts sooner without
    that import.
    """
    dialect = sys.modules.get("sqlalchemy.dialects.postgresql")
    return dialect is not None and isinstance(type_, getattr(dialect, name))


def keep_dates(cursor: Any) -> None:
    """Let a cursor of psycopg return the text of a date or time that Python cannot hold."""
    for name in DATES:
        cursor.adapters.register_loader(name, _loader())


def _loader() -> Any:
    global _Loader
    if _Loader is None:
        _Loader = _make()
    return _Loader


_Loader: Any = None


def _make() -> Any:
    import psycopg
    from psycopg.adapt import Loader

    class LenientLoader(Loader):
        """psycopg's own loader, and the text where that refuses a value."""

        def __init__(self, oid: int, context: Any = None) -> None:
            super().__init__(oid, context)
            loader = psycopg.adapters.get_loader(oid, psycopg.pq.Format.TEXT)
            assert loader is not None  # nosec B101
            self._inner = loader(oid, context)

        def load(self, data: Any) -> Any:
            try:
                return self._inner.load(data)
            except psycopg.DataError:
                return bytes(data).decode()

    return LenientLoader


def interval(text: str) -> Any:
    """Return the duration of PostgreSQL's text of an interval; the text when Python has no such duration."""
    global _interval
    if _interval is None:
        import psycopg

        _interval = _loader()(psycopg.adapters.types["interval"].oid)
    return _interval.load(text.encode())


_interval: Any = None


def copied(
    connection: Any, statement: str, parameters: Any, size: int, end: bytes = b""
) -> Generator[bytearray, None, None]:
    """Yield lines that COPY sends, in parts of about ``size`` bytes.

    Dates have PostgreSQL's style ISO, whatever the database's setting.

    The connection is closed when the iteration ends early: the server has not sent everything then.

    :param connection: out of SQLAlchemy's pool.
    :param parameters: by name; psycopg writes them into the text.
    :param end: replaces the newline at the end of each line.
    """
    driver = connection.dbapi_connection
    complete = False
    try:
        with connection.cursor() as cursor:
            if not (driver.info.parameter_status("DateStyle") or "").startswith("ISO"):
                cursor.execute("SET LOCAL DateStyle TO ISO")
            given = {name: _literal(value) for name, value in (parameters or {}).items()}
            copy = cursor.copy(statement if given else statement.replace("%%", "%"), given or None)
            copy.__enter__()
            while not complete:
                lines, complete = driver.wait(_lines(driver.pgconn, size, end))
                if lines:
                    yield lines
    finally:
        if not complete and driver.info.transaction_status == driver.info.transaction_status.ACTIVE:
            connection.invalidate()


def _literal(value: Any) -> Any:
    """Return a value whose text may stand before a cast: ``-32768::smallint`` negates 32768."""
    return str(value) if isinstance(value, int | float | Decimal) and value < 0 else value


def _lines(pgconn: Any, size: int, end: bytes) -> Generator[Any, Any, tuple[bytearray, bool]]:
    """Return lines, and whether they are the last ones.

    psycopg's own iteration waits for each line, which takes several times as long. A list of lines takes
    twice as long: each is a memoryview with a buffer of its own.
    """
    import psycopg
    from psycopg.waiting import Wait

    lines, before = bytearray(), 0
    while len(lines) < size:
        length, data = pgconn.get_copy_data(1)
        if length > 0:
            lines += data
            if end:
                lines[-1:] = end
        elif length == 0:
            if not lines:
                while not (yield Wait.R):
                    continue
            elif len(lines) == before:  # Nothing has arrived meanwhile.
                break
            before = len(lines)
            pgconn.consume_input()
        else:
            while (result := pgconn.get_result()) is not None:
                if result.status != psycopg.pq.ExecStatus.COMMAND_OK:
                    raise psycopg.errors.error_from_result(result)
            return lines, True
    return lines, False
