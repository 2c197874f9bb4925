"""CSV out of objects, where a row of the database is not enough.

That is so for a resource with a schema of the service's own, which makes the members, and for an embedded
to-many relation, whose rows are the JSON text of one field.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from debonair.descriptions.description import Resource
from debonair.exports import delimited
from debonair.queries.query import Selection
from debonair.statements import dumping
from debonair.statements.reading import written

Object = dict[str, Any]


@dataclass(frozen=True)
class Field:
    """A column of the file.

    :param path: the members that lead to the value. :param is_json: whether the field has its JSON text.
    """

    path: tuple[str, ...]
    is_json: bool

    def of(self, members: Object) -> Any:
        """Return the value of an object; None when it has no such member."""
        value: Any = members
        for name in self.path:
            value = value.get(name) if isinstance(value, dict) else None
        if value is None or not (self.is_json or isinstance(value, dict | list)):
            return value
        return written(value).decode()


def needed(resource: Resource, selection: Selection) -> bool:
    """Return whether CSV is made out of objects."""
    return bool(selection.manys) or dumping.is_needed(resource, selection) or any(
        needed(resource.relations[name].target, one) for name, one in selection.ones
    )  # fmt: skip


def fields_of(resource: Resource, selection: Selection, path: tuple[str, ...] = ()) -> Iterator[Field]:
    """Yield the columns of the file, those of embedded to-one relations as ``artist.name``."""
    for name in selection.columns:
        column = resource.columns.get(name)
        yield Field((*path, name), column is not None and column.kind.schema.get("type", "array") == "array")
    for name, one in selection.ones:
        yield from fields_of(resource.relations[name].target, one, (*path, name))
    for name, _ in selection.manys:
        yield Field((*path, name), True)


def header_of(fields: list[Field]) -> bytes:
    """Return the first line."""
    return delimited.joined([tuple(".".join(field.path) for field in fields)])


def writer(fields: list[Field]) -> Callable[[list[Object]], bytes]:
    """Return a function that makes the lines of objects."""

    def lines(objects: list[Object]) -> bytes:
        rows = [tuple(field.of(members) for field in fields) for members in objects]
        return delimited.joined(rows) if rows else b""

    return lines
