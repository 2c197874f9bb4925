"""Objects of resources that have a schema of the service's own: rows are read by the ORM, and dumped by it.

The statement of a page selects the keys of such rows, in order. One more statement for each such resource
reads the rows.
"""

from __future__ import annotations

from itertools import islice
from typing import Any

from debonair.database.engine import db
from debonair.descriptions import own_schema
from debonair.descriptions.description import Resource
from debonair.descriptions.lookup import Lookup
from debonair.queries.query import Selection

Object = dict[str, Any]


def dumped(resource: Resource, selection: Selection, objects: list[Object]) -> list[Object]:
    """Return the objects, with those of resources that have a schema as it dumps them.

    It is called where :func:`is_needed` is true.

    :param objects: as the statement returned them. A row that was deleted meanwhile is left out.
    """
    return [each for each in _dumped(resource, selection, objects) if each is not None]


def _dumped(resource: Resource, selection: Selection, objects: list[Object]) -> list[Object | None]:
    for name, inner in selection.ones:
        parents = [each for each in objects if each[name] is not None]
        found = _dumped(resource.relations[name].target, inner, [each[name] for each in parents])
        for parent, related in zip(parents, found, strict=True):
            parent[name] = related
    for name, many in selection.manys:
        every = [related for each in objects for related in each[name]]
        results = iter(_dumped(resource.relations[name].target, many.selection, every))
        for each in objects:
            each[name] = [related for related in islice(results, len(each[name])) if related is not None]
    return list(objects) if resource.options.schema is None else _dump(resource, selection, objects)


def is_needed(resource: Resource, selection: Selection) -> bool:
    """Return whether a resource in the selection has a schema of the service's own."""
    if resource.options.schema is not None:
        return True
    inner = [*selection.ones, *((name, many.selection) for name, many in selection.manys)]
    return any(is_needed(resource.relations[name].target, each) for name, each in inner)


def _dump(resource: Resource, selection: Selection, objects: list[Object]) -> list[Object | None]:
    schema = own_schema.schema_of(resource.options.schema)
    hidden = {*own_schema.dumped_fields(schema)} - {*resource.fields}
    embedded = [name for name, _ in (*selection.ones, *selection.manys)]
    whole = selection.columns == resource.fields
    keys = [_key(resource, each) for each in objects]
    rows = Lookup(db.session(), resource.catalog).rows(resource, keys, fresh=True)
    found: list[Object | None] = []
    for each, key in zip(objects, keys, strict=True):
        if key not in rows:
            found.append(None)
            continue
        members: Object = dict(schema.dump(rows[key]))
        if whole:
            members = {name: value for name, value in members.items() if name not in hidden}
        else:
            members = {name: members[name] for name in selection.columns if name in members}
        found.append(members | {name: each[name] for name in embedded})
    return found


def _key(resource: Resource, members: Object) -> tuple[Any, ...]:
    """Return the key of an object as the ORM has it."""
    found = []
    for name in resource.key:
        kind, value = resource.column(name).kind, members[name]
        found.append(value if kind.dump is None else kind.load(value))
    return tuple(found)
