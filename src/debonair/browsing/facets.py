"""Facets: how many of the selected rows have each value of a column.

Each facet is one statement, which stops at a deadline and returns the most frequent values.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from debonair.browsing.addresses import FACET, Address
from debonair.browsing.cells import Cell, cell_of
from debonair.browsing.filters import condition_in, filtered, paths_of, values_of
from debonair.browsing.tables import foreign_key, label_column, references
from debonair.database.engine import driver_connection
from debonair.descriptions.description import Column, Relation, Resource
from debonair.statements import statement, wire
from debonair.statements.binding import parameters_of
from debonair.statements.execution import Statement
from debonair.statements.plans import Plan
from debonair.statements.reading import Reader

LIMIT = 20
"""The most values of a facet."""

AUTOMATIC = 3
"""The most facets that nobody asked for."""

DEADLINE = 0.5
"""Seconds that the statement of a facet may take."""

_SHORT = 100


@dataclass(frozen=True)
class Value:
    """A value of a facet: how many rows have it, and the URL that selects them, or all again.

    The URL is None for a value that is not of the type of its column, as SQLite may store.
    """

    cell: Cell
    count: int
    href: str | None
    chosen: bool


@dataclass(frozen=True)
class Facet:
    """The values of a column.

    :param closed: the URL without the facet, when it was asked for. :param note: why values are missing.
    """

    name: str
    values: tuple[Value, ...]
    closed: str | None
    note: str = ""


@dataclass(frozen=True)
class Offer:
    """A column whose values can be counted, and the URL that does so."""

    name: str
    href: str


def columns_of(resource: Resource) -> dict[str, Relation | None]:
    """Return the columns that have facets, each with the relation whose foreign key it is."""
    keys: dict[str, Relation] = {}
    for relation in references(resource).values():
        names = foreign_key(resource, relation)
        if len(names) == 1:
            keys.setdefault(names[0], relation)
    return {
        name: keys.get(name)
        for name, column in resource.columns.items()
        if column.filterable and (name in keys or (name not in resource.key and _few(column)))
    }


def _few(column: Column) -> bool:
    schema = column.kind.schema
    if "eq" not in column.kind.operators or "contentEncoding" in schema:
        return False
    if schema.get("type") in ("boolean", "integer"):
        return True
    return schema.get("type") == "string" and "format" not in schema and schema.get("maxLength", 1) <= _SHORT


def facets_of(reader: Reader, plan: Plan, address: Address) -> tuple[list[Facet], list[Offer]]:
    """Return the facets of a page, and the columns that further ones can be asked for.

    The columns of the parameter ``_facet`` have one, and the first with an enumeration or true and false.
    """
    known = columns_of(plan.resource)
    asked = [value for name, value in address.items if name == FACET and value in known]
    automatic = [name for name in known if values_of(plan.resource.columns[name].kind) and name not in asked]
    counted = [*automatic[:AUTOMATIC], *dict.fromkeys(asked)]
    facets = [_facet(reader, plan, address, name, known[name], name in asked) for name in counted]
    offers = [Offer(name, address.added((FACET, name))) for name in known if name not in counted]
    return facets, offers


def _facet(
    reader: Reader, plan: Plan, address: Address, name: str, relation: Relation | None, asked: bool
) -> Facet:
    closed = None
    if asked:
        closed = address.without(*(at for at, item in enumerate(address.items) if item == (FACET, name)))
    select, binds = _select(reader, plan, name, relation)
    # Not kept: a row filter may depend on the request, and facets are rare.
    run = Statement(statement.restricted(select, binds)[0], reader.dialect)
    try:
        with limited(reader.engine, DEADLINE) as connection:
            rows = run.rows(connection, run.bound(parameters_of(plan.query, reader.dialect.name)))
    except DBAPIError:
        return Facet(name, (), closed, "There are too many rows to count them in time.")
    note = f"The {LIMIT} most frequent values." if len(rows) > LIMIT else ""
    values = tuple(_value(reader, plan, address, name, relation, row) for row in rows[:LIMIT])
    return Facet(name, values, closed, note)


def _select(reader: Reader, plan: Plan, name: str, relation: Relation | None) -> tuple[Any, statement.Binds]:
    query, binds = plan.query, statement.Binds()
    binds.use(plan.resource)
    scope = statement.Scope(plan.resource, reader.dialect, binds, query.within)
    where = [scope.condition(query.filter)] if query.filter is not None else []
    columns = [scope.column((), name)]
    label = label_column(relation.target) if relation is not None else None
    if relation is not None and label is not None:
        columns.append(scope.column((relation.name,), label.name))
    count = sa.func.count()
    select = scope.from_(sa.select(*columns, count)).where(*where).group_by(*columns)
    return select.order_by(count.desc(), columns[-1]).limit(LIMIT + 1), binds


def _value(
    reader: Reader, plan: Plan, address: Address, name: str, relation: Relation | None, row: Any
) -> Value:
    column = plan.resource.columns[name]
    convert = wire.converter(column.kind, column.type, reader.dialect, embedded=False)
    value = row[0] if convert is None or row[0] is None else convert(row[0])
    cell = cell_of(column.kind, value, 60)
    label = label_column(relation.target) if relation is not None else None
    if label is not None and len(row) == 3 and row[1] is not None:
        cell = cell_of(label.kind, row[1], 60)
    operator, text = ("isnull", "true") if value is None else ("eq", _parameter(value))
    paths = paths_of(plan.resource)
    for at, item in enumerate(address.items):
        condition = condition_in(item[0], paths)
        if condition == (name, operator) and item[1] == text:
            return Value(cell, row[-1], address.without(at), True)
    fits = operator == "isnull" or _fits(column, text)
    return Value(cell, row[-1], filtered(address, name, operator, text) if fits else None, False)


def _fits(column: Column, text: str) -> bool:
    try:
        column.kind.parse(text)
    except ValueError:
        return False
    return True


def _parameter(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


@contextmanager
def limited(engine: Engine, seconds: float) -> Iterator[Any]:
    """Give a connection of the driver, whose statements fail after a time.

    :param seconds: the time, at least 0.001 on PostgreSQL.
    """
    connection: Any = driver_connection(engine)
    try:
        if engine.dialect.name == "sqlite":
            end = time.monotonic() + seconds
            own = connection.driver_connection
            own.set_progress_handler(lambda: time.monotonic() > end, 10_000)
            try:
                yield connection
            finally:
                own.set_progress_handler(None, 0)
        else:
            cursor = connection.cursor()
            # For this transaction, which ends when the connection goes back to the pool.
            cursor.execute(f"SET LOCAL statement_timeout = {int(seconds * 1000) or 1}")
            cursor.close()
            yield connection
    finally:
        connection.close()
