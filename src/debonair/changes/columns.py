"""What a write needs to know of columns: which are required, generated, or set by a relation."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import RelationshipDirection

from debonair.descriptions.description import Resource


def _is_automatic(column: Any) -> bool:
    """Return whether the database or SQLAlchemy makes a value when none is given."""
    if not isinstance(column, sa.Column):
        return True
    return (
        column.default is not None
        or column.server_default is not None
        or column.identity is not None
        or column is getattr(column.table, "autoincrement_column", None)
    )


@lru_cache(1000)
def required(resource: Resource) -> tuple[str, ...]:
    """Return the members that a new object needs; a to-one relation may be given in place of its column."""
    return tuple(
        name
        for name, column in resource.columns.items()
        if column.writable
        and not column.nullable
        # The key of a class in a table of its own is that of its base: two columns, of which one is numbered.
        and not any(map(_is_automatic, resource.mapper.column_attrs[name].columns))
    )


@lru_cache(1000)
def is_client_key(resource: Resource) -> bool:
    """Return whether clients choose the key of a new row: it can be written and is not generated."""
    return all(
        name in resource.columns and resource.columns[name].writable and not _is_automatic(column)
        for name, column in zip(resource.key, resource.mapper.primary_key, strict=True)
    )


@lru_cache(1000)
def given_by(resource: Resource, relation: str) -> frozenset[str]:
    """Return the members of a related object that the relation sets: a foreign key, and the way back."""
    prop = resource.relationship(relation)
    if prop.direction is not RelationshipDirection.ONETOMANY:
        return frozenset()
    names = {prop.mapper.get_property_by_column(column).key for _, column in prop.synchronize_pairs}
    return frozenset(names | ({prop.back_populates} if prop.back_populates else set()))


def linked(resource: Resource, relation: str, row: Any) -> dict[str, Any]:
    """Return the attributes by which a new object of a to-many relation belongs to a row.

    They are set on the new object, so that the rows of the relation are not read. Empty when there are none:
    then the object is added to the collection.
    """
    prop = resource.relationship(relation)
    if prop.back_populates:
        back = prop.mapper.relationships[prop.back_populates]
        if not back.viewonly:
            return {back.key: [row] if back.uselist else row}
    if prop.direction is not RelationshipDirection.ONETOMANY:
        return {}
    return {
        prop.mapper.get_property_by_column(remote).key: getattr(
            row, resource.mapper.get_property_by_column(local).key
        )
        for local, remote in prop.synchronize_pairs
    }


_ABSENT = object()


def defaults(resource: Resource, given: frozenset[str]) -> dict[str, Any]:
    """Return the values that a whole object has for the writable columns that are not given.

    :param given: names that are given. A required column is not among the defaults.
    """
    found = {}
    for name, column in resource.columns.items():
        if name in given or not column.writable or name in resource.key:
            continue
        value = _default(resource.mapper.column_attrs[name].columns[0], resource.backend)
        if value is not _ABSENT:
            found[name] = value
        elif column.nullable:
            found[name] = sa.null() if column.kind.name == "any JSON" else None
    return found


def _default(column: Any, backend: str) -> Any:
    if not isinstance(column, sa.Column):
        return _ABSENT
    default: Any = column.default
    if default is not None and not default.is_sequence:
        return default.arg(None) if default.is_callable else default.arg
    server: Any = getattr(column.server_default, "arg", None)
    if not isinstance(server, str):
        return _ABSENT if server is None else server
    text = sa.literal(server, sa.String())
    return text if backend == "sqlite" else sa.cast(text, column.type)
