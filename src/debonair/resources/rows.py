"""Rows become objects: each row of a result is a flat tuple, which is cut into an object and embedded ones."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

Row = Sequence[Any]
Convert = Callable[[Any], Any]


@dataclass
class Layout:
    """Where the members of an object are in a row.

    :param names: the members that are columns, which stand side by side from ``start``.
    :param converters: what is applied to a member that is not None.
    :param ones: embedded objects: name, layout, and the index of a column that is None when there is no row.
    :param manys: embedded lists: name, index of the JSON array of rows, and the layout of each.
    """

    names: tuple[str, ...]
    start: int = 0
    converters: list[tuple[str, Convert]] = field(default_factory=list)
    ones: list[tuple[str, Layout, int]] = field(default_factory=list)
    manys: list[tuple[str, int, Layout]] = field(default_factory=list)


def builder(layout: Layout) -> Callable[[Row], dict[str, Any]]:
    """Return a function that makes the object of a row."""
    names, start, stop = layout.names, layout.start, layout.start + len(layout.names)
    converters = layout.converters
    ones = [(name, builder(inner), index) for name, inner, index in layout.ones]
    manys = [(name, index, builder(inner)) for name, index, inner in layout.manys]
    whole = start == 0

    def build(row: Row) -> dict[str, Any]:
        found = dict(zip(names, row if whole else row[start:stop], strict=False))
        for name, convert in converters:
            value = found[name]
            if value is not None:
                found[name] = convert(value)
        for name, one, index in ones:
            found[name] = None if row[index] is None else one(row)
        for name, index, each in manys:
            found[name] = [each(flat(inner)) for inner in rows_of(row[index])]
        return found

    return build


def rows_of(value: Any) -> list[Any]:
    """Return the rows of an embedded list, as the database wrote them."""
    if isinstance(value, str | bytes):
        value = orjson.loads(value)
    return value or []


def flat(chunks: list[list[Any]]) -> list[Any]:
    """Return an embedded row, which is written in chunks since a function has at most 100 arguments."""
    return chunks[0] if len(chunks) == 1 else [value for chunk in chunks for value in chunk]
