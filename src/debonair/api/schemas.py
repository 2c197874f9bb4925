"""How marshmallow schemas are described in the OpenAPI document, where apispec's own description is wrong."""

from __future__ import annotations

from typing import Any

from apispec.ext.marshmallow import MarshmallowPlugin
from apispec.ext.marshmallow.common import MODIFIERS, resolve_schema_cls
from marshmallow import Schema, fields


def plugin() -> MarshmallowPlugin:
    """Return apispec's plugin with names of our own for schemas that differ from their class."""
    return MarshmallowPlugin(schema_name_resolver=name_of)


def name_of(schema: Any) -> str:
    """Return the name of a schema in the document: its class, and in what this instance differs from that.

    ``OrderSchema()`` is ``Order``, ``OrderSchema(partial=True)`` is ``OrderPartial``, and
    ``OrderSchema(only=["id", "item"])`` is ``OrderOnlyIdItem``.
    """
    resolved = resolve_schema_cls(schema)
    cls = resolved[0] if isinstance(resolved, list) else resolved
    name = cls.__name__.removesuffix("Schema") or cls.__name__
    if not isinstance(schema, Schema):
        return name
    for modifier in MODIFIERS:
        value = getattr(schema, modifier)
        if not value:
            continue
        names = () if value is True else sorted(value)
        name += "".join(_camel(part) for part in (modifier, *names))
    return name


def _camel(name: str) -> str:
    return "".join(part[:1].upper() + part[1:] for part in name.replace(".", "_").split("_"))


def decimal_properties(converter: Any, field: fields.Field[Any], ret: dict[str, Any]) -> dict[str, Any]:
    """Describe a decimal as the string that Flask writes, with bounds that JSON Schema gives no meaning to.

    An attribute function of apispec: ``ret`` is the description so far, and what is returned is added to it.
    """
    if not isinstance(field, fields.Decimal):
        return {}
    kind = ret.get("type")
    for bound in ("minimum", "maximum"):
        if bound in ret:
            ret[f"x-{bound}"] = str(ret.pop(bound))
    described: dict[str, Any] = {"type": "string", "format": "decimal"}
    if isinstance(kind, list) and "null" in kind:
        described["type"] = ["string", "null"]
    if ret.get("default") is not None:
        described["default"] = str(ret["default"])
    return described
