"""A marshmallow schema of the service's own: what it loads is written, what it dumps is returned."""

from __future__ import annotations

import copy
from typing import Any

import sqlalchemy as sa
from marshmallow import Schema, ValidationError

from debonair.database.engine import db
from debonair.resources.description import Resource
from debonair.resources.faults import Faults, Path


def schema_of(resource: Resource) -> Schema:
    """Return the schema for one request: schemas of marshmallow-sqlalchemy keep the session of a call."""
    schema = resource.options.schema
    made: Schema = schema() if isinstance(schema, type) else copy.copy(schema)
    return made


def load(
    resource: Resource, data: Any, faults: Faults, path: Path, row: Any = None, *, partial: bool = False
) -> tuple[Any, dict[str, Any]]:
    """Return the new object that the schema makes, or None when it makes values, and the values by name.

    :param row: the object that is changed; a schema with ``load_instance`` changes it.
    """
    schema = schema_of(resource)
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
