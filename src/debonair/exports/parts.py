"""The rows of a statement, read from a cursor a part at a time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import Any

from debonair.database.errors import is_not_utf8
from debonair.statements.execution import Statement, replacing
from debonair.statements.rows import Row

_SKIPPED = 500


class Parts:
    """The rows of a statement.

    :param parameters: as the driver takes them. :param rows: how many the next part has at most.
    """

    def __init__(self, statement: Statement, parameters: Any, rows: int) -> None:
        self._statement = statement
        self._parameters = parameters
        self.rows = rows

    def read(self, connection: Any, cursor: Any) -> Iterator[list[Row]]:
        """Yield the parts. :param cursor: of the driver's ``connection``."""
        statement, sent = self._statement, 0
        if statement.backend == "sqlite":
            cursor.execute("BEGIN")  # A second reading sees the same rows.
        cursor.execute(statement.sql, self._parameters)
        try:
            while rows := cursor.fetchmany(self.rows):
                sent += len(rows)
                yield rows
        except statement.errors as error:
            if not is_not_utf8(error):
                raise
            with replacing(connection):
                yield from self._again(connection, sent)

    def _again(self, connection: Any, sent: int) -> Iterator[list[Row]]:
        """Read from the start, and yield what follows the first ``sent`` rows."""
        with closing(connection.cursor()) as cursor:
            cursor.execute(self._statement.sql, self._parameters)
            while sent > 0 and (rows := cursor.fetchmany(min(sent, _SKIPPED))):
                sent -= len(rows)
            while rows := cursor.fetchmany(self.rows):
                yield rows
