"""Mapped classes for the relations of a catalog, on a registry and metadata of their own."""

from __future__ import annotations

import gc
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

from sqlalchemy import (
    BinaryExpression,
    Boolean,
    Column,
    Computed,
    FetchedValue,
    Identity,
    MetaData,
    Table,
    and_,
)
from sqlalchemy.orm import foreign, registry, relationship, remote
from sqlalchemy.sql import operators
from sqlalchemy.sql.elements import ColumnElement

from debonair.reflection import naming
from debonair.reflection.catalog import VIEW, Address, ColumnFacts, ForeignKey, Relation

Properties = dict[str, Any]

_SHARED: Properties = {
    # A column may be in two keys, and the table between two others is mapped too: two relations write it.
    "overlaps": "__*",
    # What becomes of the rows that refer to a deleted one is up to the database.
    "passive_deletes": "all",
}


class Row:
    """The base of the classes: it takes the values of a new row by name."""

    def __init__(self, /, **values: Any) -> None:
        for name, value in values.items():
            if not hasattr(type(self), name):
                raise TypeError(f"{name!r} is not a column or relation of {type(self).__name__}")
            setattr(self, name, value)


class _Mapped:
    """A relation on its way to a mapped class."""

    def __init__(self, relation: Relation, metadata: MetaData) -> None:
        self.relation = relation
        key = relation.identifying()
        self.table = Table(
            relation.address.name, metadata, *(_column(facts, relation) for facts in relation.columns),
            schema=relation.address.schema, comment=relation.comment,
            info={
                **relation.search,
                "debonair_keyless": not key,
                "debonair_kind": relation.kind,
            },
        )  # fmt: skip
        self.key = [self.table.c[name] for name in key] or list(self.table.c)
        self.cls = cast("type[Row]", type(str(relation.address), (Row,), {"__module__": __name__}))
        attributes = {naming.attribute(name): self.table.c[name] for name in relation.names}
        self.names = naming.Names(attributes)
        self.properties: Properties = dict(attributes)

    def add(self, name: str, target: _Mapped, **options: Any) -> None:
        self.properties[name] = relationship(target.cls, **_SHARED, **options)


def _column(facts: ColumnFacts, relation: Relation) -> Column[Any]:
    extra: list[Any] = []
    if facts.generated:
        extra.append(Computed(""))
    elif facts.identity is not None:
        extra.append(Identity(always=facts.identity))
    elif facts.default is not None:
        extra.append(FetchedValue())
    return Column(
        facts.name, facts.type, *extra,
        nullable=facts.nullable, primary_key=facts.name in relation.key, comment=facts.comment,
        autoincrement="auto" if facts.identity is not None else facts.counts,
        info={"debonair_default": facts.default},
    )  # fmt: skip


def map_all(relations: list[Relation]) -> tuple[registry, list[type[Any]]]:
    """Return the registry and a class for each relation, in their order; the mappers are configured."""
    mappers = registry(metadata=MetaData())
    with no_garbage_collection():
        return mappers, _mapped(relations, mappers)


@contextmanager
def no_garbage_collection() -> Iterator[None]:
    """Keep all that is made: looking for garbage among it takes half of the time."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _mapped(relations: list[Relation], mappers: registry) -> list[type[Any]]:
    mapped = {relation.address: _Mapped(relation, mappers.metadata) for relation in relations}
    keys = [
        (child, key, mapped[key.table]) for child in mapped.values() for key in _keys(child.relation, mapped)
    ]
    _relate(keys)
    for between in mapped.values():
        if sides := _sides(between.relation, mapped):
            _relate_through(between, *sides, mapped)
    for item in mapped.values():
        mappers.map_imperatively(item.cls, item.table, properties=item.properties, primary_key=item.key)
    mappers.configure()
    return [item.cls for item in mapped.values()]


def _keys(relation: Relation, mapped: dict[Address, _Mapped]) -> list[ForeignKey]:
    """Return the foreign keys that lead to one row of a table that is mapped."""
    found = []
    for key in relation.foreign_keys:
        parent = mapped.get(key.table)
        known = (
            parent
            and set(key.referred) <= set(parent.relation.names)
            and set(key.columns) <= set(relation.names)
        )
        if (
            parent
            and known
            and len(key.columns) == len(key.referred)
            and parent.relation.is_unique(key.referred)
        ):
            found.append(key)
    return found


def _relate(keys: list[tuple[_Mapped, ForeignKey, _Mapped]]) -> None:
    """Add a relation for each side of each foreign key: first the children's, which their columns name."""
    number = Counter((id(child), id(parent)) for child, _, parent in keys)
    forward = [
        child.names.take(*naming.to_one(key.columns, parent.relation.address.name))
        for child, key, parent in keys
    ]
    for name, (child, key, parent) in zip(forward, keys, strict=True):
        table = child.relation.address.name
        single = child.relation.is_unique(key.columns)
        many = naming.to_many(
            key.columns, table, only=number[id(child), id(parent)] == 1, own=child is parent
        )
        back = parent.names.take(naming.singular(table) if single and many[1] else None, *many)
        pairs = [
            (child.table.c[here], parent.table.c[there])
            for here, there in zip(key.columns, key.referred, strict=True)
        ]
        options: Properties = {"uselist": False}
        child.properties[name] = relationship(
            parent.cls, overlaps="__*", back_populates=back, uselist=False,
            primaryjoin=_join([(foreign(here), remote(there)) for here, there in pairs]),
        )  # fmt: skip
        parent.add(
            back, child, back_populates=name, **(options if single else {}),
            primaryjoin=_join([(remote(foreign(here)), there) for here, there in pairs]),
        )  # fmt: skip


def _join(pairs: list[tuple[Any, Any]]) -> ColumnElement[bool]:
    # Not "==", by which a type may compare in a way of its own: a relation needs the columns themselves.
    return and_(
        *(
            BinaryExpression(one, other, operators.eq, type_=Boolean(), negate=operators.ne)
            for one, other in pairs
        )
    )


def _sides(relation: Relation, mapped: dict[Address, _Mapped]) -> tuple[ForeignKey, ForeignKey] | None:
    """Return the two foreign keys that make up a table between two others, or None for another table."""
    keys = _keys(relation, mapped)
    if len(keys) != 2 or relation.kind == VIEW:
        return None
    columns = [*keys[0].columns, *keys[1].columns]
    return (keys[0], keys[1]) if sorted(columns) == sorted(relation.names) else None


def _relate_through(
    between: _Mapped, one: ForeignKey, other: ForeignKey, mapped: dict[Address, _Mapped]
) -> None:
    """Add the relation of many to many, on both sides."""
    left, right = mapped[one.table], mapped[other.table]
    name = between.relation.address.name
    names = []
    for here, there, key in ((left, right, other), (right, left, one)):
        table = there.relation.address.name
        own = (
            [naming.by(table, (name, *key.columns))] if left is right else [table, naming.by(table, (name,))]
        )
        names.append(here.names.take(*own))
    joins = [
        _join(
            [
                (foreign(between.table.c[a]), side.table.c[b])
                for a, b in zip(key.columns, key.referred, strict=True)
            ]
        )
        for side, key in ((left, one), (right, other))
    ]
    left.add(
        names[0],
        right,
        secondary=between.table,
        back_populates=names[1],
        primaryjoin=joins[0],
        secondaryjoin=joins[1],
    )
    right.add(
        names[1],
        left,
        secondary=between.table,
        back_populates=names[0],
        primaryjoin=joins[1],
        secondaryjoin=joins[0],
    )
