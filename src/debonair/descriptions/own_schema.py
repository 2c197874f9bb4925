"""A marshmallow schema of the service's own: what it loads is written; its dumps are in ``dumping``."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from marshmallow import Schema, ValidationError

from debonair.database.engine import db
from debonair.descriptions.faults import Faults, Path

if TYPE_CHECKING:
    from debonair.descriptions.description import Resource


def schema_of(schema: Any) -> Schema:
    """Return a schema for one request, from its class, or from one whose state is not shared.

    Schemas of marshmallow-sqlalchemy keep the session of a call.
    """
    made: Schema = schema() if isinstance(schema, type) else copy.copy(schema)
    return made


def dumped_columns(schema: Any) -> frozenset[str]:
    """Return the attributes that a schema dumps; every other one is hidden."""
    return frozenset(field.attribute or name for name, field in schema_of(schema).dump_fields.items())


def dumped_fields(
    schema: Any, hidden: frozenset[str] = frozenset(), readable: frozenset[str] | None = None
) -> tuple[str, ...]:
    """Return the members that a schema dumps, by the name in JSON, without those that options hide."""
    found = []
    for name, field in schema_of(schema).dump_fields.items():
        attribute = field.attribute or name
        if attribute not in hidden and (readable is None or attribute in readable):
            found.append(field.data_key or name)
    return tuple(found)


def load(
    resource: Resource, data: Any, faults: Faults, path: Path, row: Any = None, *, partial: bool = False
) -> tuple[Any, dict[str, Any]]:
    """Return the new object that the schema makes, or None when it makes values, and the values by name.

    :param row: the object that is changed; a schema with ``load_instance`` changes it.
    """
    schema = schema_of(resource.options.schema)
    options: dict[str, Any] = {"partial": partial}
    if getattr(schema.opts, "load_instance", False):
        # A new object is passed, or marshmallow-sqlalchemy would change the row that has the given key.
        instance = sa.inspect(resource.model).class_manager.new_instance() if row is None else row
        options |= {"session": db.session, "instance": instance}
    try:
        loaded = schema.load(data, **options)
    except ValidationError as error:
        faults.merge(path, error.messages)
        return None, {}
    if not isinstance(loaded, resource.model):
        return None, dict(loaded)
    state = sa.inspect(loaded)
    if loaded is row:
        return row, {each.key: each.value for each in state.attrs if each.history.has_changes()}
    return loaded, {name: value for name, value in state.dict.items() if name in state.mapper.attrs}
