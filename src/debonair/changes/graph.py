"""The JSON of an object, with the objects in its relations, becomes validated values and mapped objects.

A related row is named by its key, ``3`` or ``{"id": 3}``, and must exist. An object without the key becomes a
new row. An object with a key that the client chooses becomes a new row when there is none. Members beside the
key of an existing row are not written.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import RelationshipDirection

from debonair.changes.columns import given_by, is_client_key, required
from debonair.changes.construction import construct
from debonair.descriptions import own_schema
from debonair.descriptions.description import Column, Relation, Resource
from debonair.descriptions.documents import merged
from debonair.descriptions.faults import Faults, Path
from debonair.descriptions.lookup import Lookup
from debonair.descriptions.options import nearest

MOST = 1000
"""Items that an array of objects may have."""


@dataclass
class Graph:
    """Mapped objects that are written together, and where each is in the body.

    :param objects: resource, object and path, parents and existing rows included, in the order of the body.
    """

    lookup: Lookup
    faults: Faults = field(default_factory=Faults)
    objects: list[tuple[Resource, Any, Path]] = field(default_factory=list)
    new: list[tuple[Resource, Any]] = field(default_factory=list)

    def create(
        self,
        resource: Resource,
        data: Any,
        path: Path = (),
        given: Mapping[str, Any] | None = None,
        by_parent: frozenset[str] = frozenset(),
        depth: int = 0,
    ) -> Any:
        """Return a new object, or None when it has a fault.

        :param given: values that are not in the data. :param by_parent: names that the object around it sets.
        :param depth: the number of relations between it and the body.
        """  # fmt: skip
        if resource.options.schema is not None:
            instance, values = own_schema.load(resource, data, self.faults, path)
        else:
            instance = None
            absent = frozenset(given or ()) | by_parent
            values = self.values(resource, data, path, absent=absent, whole=True, depth=depth)
        if self.faults:
            return None
        values |= given or {}
        before = resource.options.before.get("POST")
        if before is not None:
            before(resource.name, values)
        made = construct(resource, values, path, self.faults, instance)
        if made is not None:
            self.objects.append((resource, made, path))
            self.new.append((resource, made))
        return made

    def values(
        self,
        resource: Resource,
        data: Any,
        path: Path,
        *,
        absent: frozenset[str] = frozenset(),
        whole: bool,
        depth: int = 0,
        row: Any = None,
    ) -> dict[str, Any]:
        """Return the values of the members of an object, by name; values of relations are mapped objects.

        :param absent: names that must not be given. :param whole: whether required members must be given.
        :param row: the object that is changed.
        """  # fmt: skip
        found: dict[str, Any] = {}
        if not isinstance(data, dict):
            self.faults.add(path, "must be an object")
            return found
        for name, value in data.items():
            at = (*path, name)
            column, relation = resource.columns.get(name), resource.relations.get(name)
            if column is None and relation is None:
                known = [*resource.columns, *resource.relations]
                self.faults.add(at, f"unknown member of {resource.name}{nearest(name, known)}")
            elif name in absent:
                self.faults.add(at, "must not be given: it follows from the place of the object")
            elif column is not None:
                self._column(found, column, value, at, row)
            elif relation is not None:
                if not relation.writable:
                    self.faults.add(at, "cannot be written")
                elif relation.many:
                    self._many(found, resource, relation, value, at, depth)
                else:
                    self._one(found, resource, relation, value, at, depth)
        if whole:
            for name in required(resource):
                if name not in data and name not in absent and not _set_by_relation(resource, name, data):
                    self.faults.add((*path, name), "is required")
        self._agreeing(resource, found, path)
        return found

    def _column(self, found: dict[str, Any], column: Column, value: Any, at: Path, row: Any) -> None:
        if not column.writable:
            self.faults.add(at, "cannot be written")
        elif value is None:
            if not column.nullable:
                self.faults.add(at, "must not be null")
            # None is the JSON value null for SQLAlchemy's type, and not SQL's NULL.
            found[column.name] = sa.null() if column.kind.name == "any JSON" else None
        else:
            if row is not None and isinstance(value, dict) and column.kind.name == "any JSON":
                value = merged(getattr(row, column.name), value)
            try:
                found[column.name] = column.kind.load(value)
            except OverflowError:
                self.faults.add(at, "is out of range")
            except ValueError as error:
                self.faults.add(at, str(error))

    def _one(
        self, found: dict[str, Any], resource: Resource, relation: Relation, value: Any, at: Path, depth: int
    ) -> None:
        if value is None:
            prop = resource.relationship(relation.name)
            owner = prop.direction is RelationshipDirection.MANYTOONE
            if owner and not all(column.nullable for column in prop.local_columns):
                self.faults.add(at, "must not be null")
            found[relation.name] = None
            return
        made = self._items(resource, relation, [value], [at], depth)
        if made:
            found[relation.name] = made[0]

    def _many(
        self, found: dict[str, Any], resource: Resource, relation: Relation, value: Any, at: Path, depth: int
    ) -> None:
        if not isinstance(value, list):
            self.faults.add(at, "must be an array")
        elif len(value) > MOST:
            self.faults.add(at, f"must have at most {MOST} items")
        else:
            paths = [(*at, index) for index in range(len(value))]
            found[relation.name] = self._items(resource, relation, value, paths, depth)

    def _items(
        self, resource: Resource, relation: Relation, items: list[Any], paths: list[Path], depth: int
    ) -> list[Any]:
        """Return the objects for the items of a relation."""
        target = relation.target
        keys = [self._key(target, item, at) for item, at in zip(items, paths, strict=True)]
        existing = self.lookup.rows(target, [key for key in keys if key is not None])
        found, seen = [], set()
        for item, key, at in zip(items, keys, paths, strict=True):
            if key is not None and key in existing:
                if key in seen:
                    self.faults.add(at, "is given twice")
                seen.add(key)
                if _changes_target(resource, relation) and not {"PATCH", "PUT"} & target.options.verbs:
                    self.faults.add(at, f"cannot be given: rows of {target.name} cannot be changed")
                self.objects.append((target, existing[key], at))
                found.append(existing[key])
            elif key is not None and not (is_client_key(target) and isinstance(item, dict)):
                self.faults.add(at, f"{target.name} has no row with this key")
            elif isinstance(item, dict):
                made = self._nested(resource, relation, item, at, depth)
                if made is not None:
                    found.append(made)
        return found

    def _key(self, target: Resource, item: Any, at: Path) -> tuple[Any, ...] | None:
        """Return the key that an item names; None when it names none, or has a fault."""
        names = target.key
        if isinstance(item, dict):
            if not all(name in item and name in target.columns for name in names):
                return None
            parts = [item[name] for name in names]
        else:
            parts = item if isinstance(item, list) else [item]
        try:
            return tuple(target.column(name).kind.load(part) for name, part in zip(names, parts, strict=True))
        except (ValueError, OverflowError):
            self.faults.add(at, f"must be the key of a row of {target.name}, or an object")
            return None

    def _nested(self, resource: Resource, relation: Relation, item: Any, at: Path, depth: int) -> Any:
        target, deepest = relation.target, resource.options.include_depth
        if "POST" not in target.options.verbs:
            self.faults.add(at, f"must name a row of {target.name} by its key")
            return None
        if depth >= deepest:
            self.faults.add(at, f"is nested deeper than {deepest} relations")
            return None
        by_parent = given_by(resource, relation.name)
        return self.create(target, item, at, by_parent=by_parent, depth=depth + 1)

    def _agreeing(self, resource: Resource, found: Mapping[str, Any], path: Path) -> None:
        """Report a relation whose row is not the one that the column of its foreign key names."""
        for name, relation in resource.relations.items():
            if name not in found or relation.many:
                continue
            prop = resource.relationship(name)
            if prop.direction is not RelationshipDirection.MANYTOONE:
                continue
            for remote, local in prop.synchronize_pairs:
                column = resource.mapper.get_property_by_column(local).key
                attribute = relation.target.mapper.get_property_by_column(remote).key
                if column in found and found[column] != getattr(found[name], attribute, None):
                    self.faults.add((*path, name), f"does not agree with {column}")


def _changes_target(resource: Resource, relation: Relation) -> bool:
    return resource.relationship(relation.name).direction is RelationshipDirection.ONETOMANY


def _set_by_relation(resource: Resource, column: str, data: Mapping[str, Any]) -> bool:
    """Return whether a to-one relation that is given sets the column."""
    return any(
        name in data
        and any(
            resource.mapper.get_property_by_column(local).key == column
            for _, local in resource.relationship(name).synchronize_pairs
        )
        for name, relation in resource.relations.items()
        if resource.relationship(name).direction is RelationshipDirection.MANYTOONE
    )
