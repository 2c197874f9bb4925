"""The number of rows that a query selects: exact within a deadline, or estimated by the database."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import orjson
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from debonair.database.hang_guard import deadline_of
from debonair.statements.execution import Statement

_CANCELLED = "57014"
"""PostgreSQL's "query_canceled" (PostgreSQL's documentation, "PostgreSQL Error Codes")."""

_INSTRUCTIONS = 10_000
"""Instructions of SQLite's virtual machine between two looks at the clock: near a millisecond."""


@dataclass(frozen=True)
class Count:
    """A number of rows.

    :param number: None when it is not known. :param timed_out: whether a deadline is the reason.
    :param estimated: whether the number is an estimate.
    """

    number: int | None
    timed_out: bool = False
    estimated: bool = False

    def at_least(self, number: int) -> Count:
        """Return the count, or this number where an estimate is smaller."""
        if not self.estimated or self.number is None or self.number >= number:
            return self
        return Count(number, estimated=True)


class Exact:
    """The number of rows that a statement selects.

    :param select: the statement that counts.
    """

    def __init__(self, select: Any, dialect: sa.Dialect) -> None:
        self._statement = Statement(select, dialect)

    def bound(self, values: Mapping[str, Any]) -> Any:
        """Return parameters by name as :meth:`counted` takes them."""
        return self._statement.bound(values)

    def counted(self, connection: Any, parameters: Any, deadline: float) -> Count:
        """Return the number. After a count that was stopped the connection has no transaction.

        :param connection: the driver's, out of SQLAlchemy's pool.
        :param deadline: seconds after which the database stops.
        """
        bounded = _within_sqlite if self._statement.backend == "sqlite" else deadline_of
        try:
            with bounded(connection.dbapi_connection, deadline):
                return Count(self._statement.rows(connection, parameters)[0][0])
        except DBAPIError as error:
            if str(error.orig) != "interrupted" and getattr(error.orig, "sqlstate", None) != _CANCELLED:
                raise
            connection.rollback()
            return Count(None, timed_out=True)


@contextmanager
def _within_sqlite(driver: Any, deadline: float) -> Iterator[None]:
    """Let SQLite stop what runs in the block after so many seconds."""
    end = time.monotonic() + deadline
    driver.set_progress_handler(lambda: time.monotonic() > end, _INSTRUCTIONS)
    try:
        yield
    finally:
        driver.set_progress_handler(None, 0)


class Estimate:
    """The estimate of the number of rows that a statement selects.

    PostgreSQL's planner estimates every query. SQLite knows only whole tables: the statistics of ANALYZE, or
    the largest rowid.

    :param select: the statement that counts.
    :param table: the only table that it reads, as a whole; None when it reads anything else, so that SQLite
        counts.
    """

    def __init__(self, select: Any, table: str | None, dialect: sa.Dialect) -> None:
        self._exact = Exact(select, dialect)
        self._statements: list[tuple[Statement, dict[str, Any]]] = []
        self._planned = None
        if dialect.name == "postgresql":
            self._planned = Statement(select.with_only_columns(sa.literal_column("1")), dialect)
            self._planned.sql = f"EXPLAIN (FORMAT JSON) {self._planned.sql}"
        elif table is not None:
            quoted = dialect.identifier_preparer.quote(table)
            statistics = sa.text("SELECT max(CAST(stat AS INTEGER)) FROM sqlite_stat1 WHERE tbl = :name")
            largest = sa.text(f"SELECT max(rowid) FROM {quoted}")  # nosec B608  # quoted
            self._statements = [
                (Statement(statistics, dialect), {"name": table}),
                (Statement(largest, dialect), {}),
            ]

    def bound(self, values: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return parameters by name as :meth:`counted` takes them."""
        return values

    def counted(self, connection: Any, parameters: Mapping[str, Any], deadline: float) -> Count:
        """Return the estimate, or the exact number where there is none: as :meth:`Exact.counted`."""
        if self._planned is not None:
            plan = self._planned.rows(connection, self._planned.bound(parameters))[0][0]
            plan = orjson.loads(plan) if isinstance(plan, str | bytes) else plan
            return Count(int(plan[0]["Plan"]["Plan Rows"]), estimated=True)
        for statement, own in self._statements:
            try:
                rows = statement.rows(connection, statement.bound(own))
            except DBAPIError:  # there are no statistics; a view has no rowid
                continue
            if rows[0][0] is not None:
                return Count(int(rows[0][0]), estimated=True)
        return self._exact.counted(connection, self._exact.bound(parameters), deadline)
