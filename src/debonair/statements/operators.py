"""The operators of filters in SQL, the same on each database."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import sqlalchemy as sa

from debonair.queries.query import Condition
from debonair.statements import wire

Bind = Callable[..., Any]
"""Returns the next parameter; its argument is a type in place of the column's."""


def compare(backend: str, column: Any, node: Condition, bind: Bind) -> Any:
    """Return the comparison of a column with the parameters of a condition."""
    operator = node.operator
    if backend == "postgresql" and isinstance(column.type, sa.REAL):
        # A number of 8 bytes equals one of 4 bytes only when it is exact in both.
        bind = _single(bind)
    if operator in _COMPARISONS:
        values = [bind() for _ in node.values]
        own = getattr(node.column.type, "filtered", None)
        # SQLite may store equal values in several forms, of which the type knows.
        return compared(column, operator, values) if own is None else own(column, operator, values)
    if operator == "isnull":
        # The value is part of the text: it is no parameter of a comparison.
        return sa.case((column.is_(None), sa.true()), else_=sa.false()) == bind(sa.Boolean())
    return TEXTUAL[backend][operator](column, bind(sa.String()))


def _single(bind: Bind) -> Bind:
    def single(*types: Any) -> Any:
        return bind(*types) if types else sa.cast(bind(), sa.REAL())

    return single


_COMPARISONS: dict[str, Callable[..., Any]] = {
    "eq": lambda column, value: column == value,
    "ne": lambda column, value: column != value,
    "lt": lambda column, value: column < value,
    "le": lambda column, value: column <= value,
    "gt": lambda column, value: column > value,
    "ge": lambda column, value: column >= value,
    "in": lambda column, *values: column.in_(list(values)),
    "nin": lambda column, *values: column.not_in(list(values)),
    # Not BETWEEN: SQLAlchemy writes the collation of a column after each bound, where it takes none.
    "between": lambda column, low, high: sa.and_(column >= low, column <= high),
}


def compared(column: Any, operator: str, values: list[Any]) -> Any:
    """Return the comparison of a column with parameters, for an operator that every type of value has."""
    return _COMPARISONS[operator](column, *values)


_ESCAPE = "\\"

TEXTUAL: dict[str, dict[str, Callable[[Any, Any], Any]]] = {
    # LIKE of SQLite ignores the case of ASCII letters, GLOB does not.
    "sqlite": {
        "like": lambda column, value: column.op("GLOB", is_comparison=True)(value),
        "ilike": lambda column, value: column.like(value, escape=_ESCAPE),
        "contains": lambda column, value: sa.func.instr(column, value) > 0,
        "startswith": lambda column, value: column.op("GLOB", is_comparison=True)(value),
    },
    "postgresql": {
        "like": lambda column, value: wire.as_text(column).like(value, escape=_ESCAPE),
        "ilike": lambda column, value: wire.as_text(column).ilike(value, escape=_ESCAPE),
        "contains": lambda column, value: sa.func.strpos(wire.as_text(column), value) > 0,
        "startswith": lambda column, value: wire.as_text(column).like(value, escape=_ESCAPE),
    },
}


def parameter(backend: str, operator: str, value: Any) -> Any:
    """Return what a value of a condition is bound as."""
    if operator == "like" and backend == "sqlite":
        return _glob(value)
    if operator == "startswith":
        return _literal_glob(value) + "*" if backend == "sqlite" else literal_like(value) + "%"
    return value


def _glob(pattern: str) -> str:
    """Return a pattern of LIKE, with the escape character ``\\``, as one of GLOB."""
    found, position = [], 0
    while position < len(pattern):
        character = pattern[position]
        if character == _ESCAPE and position + 1 < len(pattern):
            position += 1
            found.append(_literal_glob(pattern[position]))
        else:
            found.append({"%": "*", "_": "?"}.get(character) or _literal_glob(character))
        position += 1
    return "".join(found)


def _literal_glob(text: str) -> str:
    return "".join(f"[{character}]" if character in "*?[" else character for character in text)


def literal_like(text: str) -> str:
    """Return the pattern of LIKE for a text, with the escape character ``\\``."""
    return "".join(f"{_ESCAPE}{character}" if character in "%_\\" else character for character in text)
