"""Pages whose JSON SQLite writes, where that is the same to the byte as what orjson writes of the rows.

SQLite's JSON functions print integers and text exactly. They print 15 digits of a float and refuse a BLOB. A
column of SQLite may hold values of any type, so the statement checks them: a float among the integers makes
the third column of its row a float, and a number in a column of text becomes a BLOB, which is an error. In
both cases the page is read without this module. Other types of columns are never read by it.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine.interfaces import Dialect
from sqlalchemy.exc import DBAPIError

from debonair.descriptions.description import Resource
from debonair.descriptions.kinds import Kind
from debonair.queries.query import Query, Selection
from debonair.statements import wire
from debonair.statements.execution import Statement
from debonair.statements.rows import Layout
from debonair.statements.statement import Paged

LEAST = 25
"""Rows of a page from which on this takes less time than reading them."""

MOST = 60
"""Members of an object: SQLite's functions take 127 arguments."""


class JsonPage:
    """The statement for a page as JSON; it is given up when the database holds what it cannot write.

    :param select: as :func:`select_of` returns it.
    """

    def __init__(self, select: Any, dialect: Dialect) -> None:
        self._statement = Statement(select, dialect)
        self._usable = True

    def bound(self, values: dict[str, Any]) -> Any:
        """Return parameters by name as :meth:`read` takes them."""
        return self._statement.bound(values)

    def read(self, connection: Any, parameters: Any) -> tuple[str, int] | None:
        """Return the JSON array of the objects, and their number; None when the rows must be read."""
        if not self._usable:
            return None
        try:
            text, number, check = self._statement.rows(connection, parameters)[0]
        except DBAPIError:
            # Reading the rows reports the error, unless it is one of the JSON functions.
            return None
        if isinstance(check, float):
            return None
        return (f"[{text}]" if number else "[]"), number

    def give_up(self) -> None:
        """Read the rows from now on."""
        self._usable = False


def is_possible(resource: Resource, query: Query, dialect: Dialect) -> bool:
    """Return whether SQLite can write the JSON of the page's objects."""
    return (
        dialect.name == "sqlite" and query.after is None and _is_writable(resource, query.selection, dialect)
    )


def _is_writable(resource: Resource, selection: Selection, dialect: Dialect) -> bool:
    columns = [resource.column(name) for name in selection.columns] if not resource.options.schema else []
    return (
        0 < len(columns) + len(selection.ones) <= MOST
        and not selection.manys
        and all(_is_exact(column.kind, column.type, dialect) for column in columns)
        and all(_is_writable(resource.relations[name].target, one, dialect) for name, one in selection.ones)
    )


def _is_exact(kind: Kind, type_: Any, dialect: Dialect) -> bool:
    if wire.converter(kind, type_, dialect, False) is not None:
        return type(type_) is sa.Boolean
    return isinstance(type_, sa.Integer) or (isinstance(type_, sa.String) and kind.name == "a string")


def select_of(paged: Paged, by_key: bool) -> Any:
    """Return the SELECT for the JSON of the objects, without the brackets, their number, and the check.

    :param by_key: whether the page is in the order of the key. Otherwise SQLite sorts rows that are not in
        the page, and so the JSON is written after that.
    """
    if by_key:
        columns = paged.columns
        inner = paged.select(_object(paged.layout, columns).label("o"), _check(columns).label("n")).subquery()
        written, check = inner.c.o, inner.c.n
    else:
        inner = paged.select(
            *[each.label(f"c{index}") for index, each in enumerate(paged.columns)]
        ).subquery()
        written, check = _object(paged.layout, list(inner.c)), _check(list(inner.c))
    return sa.select(sa.func.group_concat(written), sa.func.count(), sa.func.sum(check)).select_from(inner)


def _object(layout: Layout, columns: list[Any]) -> Any:
    """Return the JSON object of a row."""
    arguments: list[Any] = []
    for index, name in enumerate(layout.names, layout.start):
        arguments += [_constant(name), _member(columns[index])]
    for name, inner, index in layout.ones:
        arguments += [
            _constant(name),
            sa.case((columns[index].is_(None), sa.null()), else_=_object(inner, columns)),
        ]
    return sa.func.json_object(*arguments)


def _member(column: Any) -> Any:
    if isinstance(column.type, sa.Boolean):
        return sa.case(
            (column.is_(None), sa.null()),
            (column == _integer(1), sa.func.json(_constant("true"))),
            (column == _integer(0), sa.func.json(_constant("false"))),
            else_=_blob(),
        )
    if isinstance(column.type, sa.Integer):
        return column
    # Numbers are less than any text.
    return sa.case((column < sa.literal_column("''"), _blob()), else_=column)


def _check(columns: list[Any]) -> Any:
    """Return a number that is a float when an integer is one: a remainder has the type of the value."""
    numbers = [column for column in columns if isinstance(column.type, sa.Integer)]
    found: Any = _integer(0)
    for column in numbers:
        remainder = sa.type_coerce(column, sa.Integer).op("%")(_integer(2))
        found = found + sa.func.coalesce(remainder, _integer(0))
    return found


def _constant(text: str) -> Any:
    # The name of a member, or true or false. It is written out: a parameter would be bound for each page.
    quoted = text.replace("'", "''")
    return sa.literal_column(f"'{quoted}'", sa.String())


def _integer(number: int) -> Any:
    return sa.literal_column(str(number), sa.Integer())


def _blob() -> Any:
    return sa.literal_column("x'00'")
