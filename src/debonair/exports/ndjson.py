"""NDJSON: each row becomes a line with one JSON object."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import Any

from sqlalchemy.engine.interfaces import Dialect

from debonair.descriptions.description import Resource
from debonair.exports.columns import Quick, converted, quick_of
from debonair.statements.reading import written
from debonair.statements.rows import Convert, Layout, Row, builder_of_many


def writer(layout: Layout, resource: Resource, dialect: Dialect) -> Callable[[list[Row]], bytes]:
    """Return a function that makes the lines of rows."""
    conversions = list(_conversions(layout, resource, dialect))
    build = builder_of_many(_without_converters(layout))
    # Objects in a list are separated like rows.
    is_flat = not _has_lists(layout)

    def lines(rows: list[Row]) -> bytes:
        if conversions:
            columns: list[Any] = list(zip(*rows, strict=True))
            for index, convert, quick in conversions:
                columns[index] = converted(columns[index], convert, quick)
            objects = build(zip(*columns, strict=True))
        else:
            objects = build(rows)
        if is_flat:
            data = written(objects)
            if data.count(b"},{") == len(rows) - 1:  # otherwise a value contains it too
                return data[1:-1].replace(b"},{", b"}\n{") + b"\n"
        return lines_of(objects)

    return lines


def lines_of(objects: Iterable[Any]) -> bytes:
    """Return the lines of objects."""
    return b"".join([written(each) + b"\n" for each in objects])


def _conversions(
    layout: Layout, resource: Resource, dialect: Dialect
) -> Iterator[tuple[int, Convert, Quick | None]]:
    """Yield index and conversion of the columns that are converted, those of embedded objects too."""
    converters = dict(layout.converters)
    for index, name in enumerate(layout.names, layout.start):
        if name in converters:
            yield index, converters[name], quick_of(resource.columns[name], dialect)
    for name, one, _ in layout.ones:
        yield from _conversions(one, resource.relations[name].target, dialect)


def _without_converters(layout: Layout) -> Layout:
    """Return the layout of rows whose columns are converted. Rows of embedded lists are not."""
    ones = [(name, _without_converters(one), index) for name, one, index in layout.ones]
    return replace(layout, converters=[], ones=ones)


def _has_lists(layout: Layout) -> bool:
    return bool(layout.manys) or any(_has_lists(one) for _, one, _ in layout.ones)
