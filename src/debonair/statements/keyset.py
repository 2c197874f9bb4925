"""Keyset paging in SQL: the rows that come after a given one under any sort."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from debonair.descriptions.description import Column
from debonair.queries.query import Order
from debonair.queries.sorting import column_of

if TYPE_CHECKING:
    from debonair.statements.statement import Scope


class Raw(sa.types.UserDefinedType[Any]):
    """The type of values that go to the driver, and come from it, as they are.

    A parameter without a type gets the type of the column in PostgreSQL, and the affinity of it in SQLite.
    """

    cache_ok = True


def criterion(column: Any, backend: str) -> Any:
    """Return what selects the driver's value of a column.

    It is what SQLite stores. It is the text of PostgreSQL: every type has one that is read back exactly.
    """
    return sa.cast(column, sa.Text) if backend == "postgresql" else sa.type_coerce(column, Raw())


def beyond(scope: Scope, sort: tuple[Order, ...], values: tuple[Any, ...]) -> Any:
    """Return the condition for rows after the one with these values of the sort criteria.

    NULLs are where the database sorts them: first on SQLite and last on PostgreSQL when ascending. A sort of
    columns without NULL in one direction is one comparison of row values, which an index serves.

    :param values: what :func:`criterion` selects.
    """
    columns = [sa.type_coerce(scope.column(order.steps, order.column), Raw()) for order in sort]
    binds = [sa.bindparam(f"k{index}", type_=Raw()) for index in range(len(sort))]
    described = [column_of(scope.resource, order) for order in sort]
    plain = all(never_null(column, order) for column, order in zip(described, sort, strict=True))
    if plain and len({order.descending for order in sort}) == 1:
        left, right = sa.tuple_(*columns), sa.tuple_(*binds)
        return left < right if sort[0].descending else left > right
    nulls_first = scope.dialect.name == "sqlite"
    condition: Any = sa.false()
    for order, column, bind, value in reversed(list(zip(sort, columns, binds, values, strict=True))):
        low_nulls = nulls_first != order.descending
        if value is None:
            after = column.is_not(None) if low_nulls else sa.false()
            same = column.is_(None)
        else:
            after = column < bind if order.descending else column > bind
            if not low_nulls:
                after = sa.or_(after, column.is_(None))
            same = column == bind
        condition = sa.or_(after, sa.and_(same, condition))
    if values[0] is not None and (never_null(described[0], sort[0]) or nulls_first != sort[0].descending):
        # Redundant, but an index on the first criterion serves it.
        condition = sa.and_(
            columns[0] <= binds[0] if sort[0].descending else columns[0] >= binds[0], condition
        )
    return condition


def never_null(column: Column, order: Order) -> bool:
    """Return whether a criterion has no NULL: it is a column of the row itself that allows none."""
    return not column.nullable and not order.steps
