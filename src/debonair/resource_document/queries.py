"""The schemas of what the method QUERY takes in the OpenAPI document: a query, and the tree of its filter."""

from __future__ import annotations

from typing import Any

from debonair.descriptions.description import Column, Resource
from debonair.queries.filters import MAX_VALUES
from debonair.queries.parameters import CONTROL
from debonair.resource_document import parameters
from debonair.resource_document.values import loaded


def query(resource: Resource, tree: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of a query: an object with the names of the query parameters.

    :param tree: the reference to the schema of the filter.
    """
    # A column with the name of a parameter is compared in the filter, or with an operator.
    compared = {name: schema for name, schema in _conditions(resource).items() if name not in CONTROL}
    properties = compared | {"filter": {"anyOf": [tree, {"type": "string", "format": "filter-expression"}]}}
    for parameter in parameters.of_resource(resource, "").values():
        if (name := parameter["name"]) != "filter":
            properties[name] = _parameter(parameter["schema"])
    properties["count"] = parameters.COMMON["Count"]["schema"]
    if resource.pages_by_key:
        properties["after"] = parameters.COMMON["After"]["schema"]
    return _closed(resource, properties)


def tree(resource: Resource, itself: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of the tree of a filter. :param itself: the reference to it."""
    several = {"type": "array", "items": itself, "minItems": 1}
    properties = {"and": several, "or": several, "not": itself} | _conditions(resource)
    return _closed(resource, properties) | {"minProperties": 1}


def _closed(resource: Resource, properties: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of an object with these members; words describe conditions on related rows."""
    found: dict[str, Any] = {"type": "object", "properties": properties, "additionalProperties": False}
    if resource.relations:
        name, relation = next(iter(resource.relations.items()))
        start = f"{name}__any" if relation.many else name
        found["description"] = f"A condition on a related row, `{start}.column__operator`, is a member too."
    return found


def _parameter(schema: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of a parameter: a list is an array or a text with commas, a number may be a text."""
    if schema["type"] == "integer":
        number = {name: value for name, value in schema.items() if name != "default"}
        digits = len(str(schema["maximum"])) - 1
        text = {"type": "string", "pattern": f"^[1-9][0-9]{{0,{max(digits - 1, 0)}}}$"}
        return {"anyOf": [number, text]} if digits else number
    if schema["type"] != "array":
        return schema
    item = schema["items"]["pattern"].removeprefix("^").removesuffix("$")
    return {"anyOf": [schema, {"type": "string", "pattern": f"^{item}(?:,{item})*$"}]}


def _conditions(resource: Resource) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for column in resource.columns.values():
        for name, operator in parameters.conditions(resource, column):
            found[name] = _value(column, operator)
    return found


def _value(column: Column, operator: str) -> dict[str, Any]:
    if operator == "isnull":
        return {"type": "boolean"}
    if operator in parameters.PATTERNS:
        return parameters.PATTERNS[operator]
    schema = loaded(column)
    if operator in ("in", "nin", "between"):
        least, most = (2, 2) if operator == "between" else (1, MAX_VALUES)
        return {"type": "array", "items": schema, "minItems": least, "maxItems": most}
    return schema
