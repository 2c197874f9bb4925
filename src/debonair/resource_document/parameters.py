"""The parameters of resources in the OpenAPI document."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from debonair.descriptions.description import Column, Resource
from debonair.queries.expression import quoted
from debonair.queries.filters import MAX_PATTERN, MAX_VALUES, OPERATORS
from debonair.queries.parameters import CONTROL, MAX_OFFSET
from debonair.queries.sorting import MAX_CRITERIA
from debonair.resource_document import patterns as document_patterns
from debonair.resource_document.values import TEXT, compared, is_text

_FILTER = """\
An expression: `and(E,E,...)`, `or(E,E,...)`, `not(E)`, or a condition `path__operator=value`. A value is bare
up to `,` or `)`, or quoted with `"`, where `\\` stands before `"` and itself. A path is a column, a column of
a to-one relation (`{one}.column`), or a condition on a to-many relation, `relation__any.column` or
`relation__none.column`. A path can be a parameter of its own too: `relation__any.column__operator=value`.

Operators: `eq` (also without an operator), `ne`, `lt`, `le`, `gt`, `ge`, `in`, `nin`, `like` and `ilike`, in
which `%` and `_` are wildcards and `\\` escapes them, `contains`, `startswith`, `isnull`, `between`.
Parameters are joined by AND. A value with a comma in a list is quoted with `"`."""

COMMON: dict[str, dict[str, Any]] = {
    "After": {
        "name": "after", "in": "query", "allowEmptyValue": True,
        "description": "Keyset paging: empty for the first page, then `after` of the page before. "
        "`page` is counted from there.",
        "schema": {"type": "string", "format": "keyset-token"},
    },
    "Count": {
        "name": "count", "in": "query",
        "description": "How rows are counted: exactly, as the database estimates, or not at all.",
        "schema": {"type": "string", "enum": ["exact", "estimated", "none"], "default": "exact"},
    },
    "All": {
        "name": "all", "in": "query",
        "description": "Must be true when no filter is given: every row is meant.",
        "schema": {"type": "boolean", "enum": [True]},
    },
    "IfNoneMatch": {
        "name": "If-None-Match", "in": "header",
        "description": "Entity tags that the client has: 304 when one is current.",
        "schema": {"type": "string"},
    },
    "IfMatch": {
        "name": "If-Match", "in": "header",
        "description": "The entity tag of what is changed: 412 when it is no longer current.",
        "schema": {"type": "string"},
    },
    "IfAbsent": {
        "name": "If-None-Match", "in": "header",
        "description": "`*`: 412 when there is such a row.",
        "schema": {"type": "string"},
    },
    "MemberMatch": {
        "name": "If-Match", "in": "header", "description": "`*`: 412 when the row is not a member.",
        "schema": {"type": "string"},
    },
    "NoMember": {
        "name": "If-None-Match", "in": "header", "description": "`*`: 412 when the row is a member.",
        "schema": {"type": "string"},
    },
    "IdempotencyKey": {
        "name": "Idempotency-Key", "in": "header",
        "description": "The same key and body again give the first response again, and create nothing.",
        "schema": {
            "type": "string", "pattern": "^[\\x20-\\x7e]*[\\x21-\\x7e][\\x20-\\x7e]*$", "maxLength": 255,
        },
    },
}  # fmt: skip


def reference(name: str) -> dict[str, str]:
    """Return the reference to a parameter."""
    return {"$ref": f"#/components/parameters/{name}"}


def path_key(resource: Resource) -> dict[str, Any]:
    """Return the parameter for the key in a path."""
    if len(resource.key) == 1:
        column = resource.column(resource.key[0])
        schema = compared(column) | ({"minLength": 1} if is_text(column) else {})
        found = {"name": "key", "in": "path", "required": True, "schema": schema}
        if column.comment:
            found["description"] = column.comment
        return found
    names = ",".join(resource.key)
    return {
        "name": "key", "in": "path", "required": True,
        "description": f"The columns of the key, `{names}`, each percent-encoded, joined with commas.",
        "schema": {"type": "string", "minLength": 1},
    }  # fmt: skip


def of_resource(resource: Resource, noun: str) -> dict[str, dict[str, Any]]:
    """Return the parameters that pages of a resource have in common, by the names of their components.

    :param noun: the name of the resource's schema, with which the names begin.
    """
    options = resource.options
    largest = options.max_page_size
    found = {
        "Page": _number("page", "The page, from 1.", None, MAX_OFFSET // largest),
        "PageSize": _number("page_size", "Rows of a page.", min(options.page_size, largest), largest),
        "Fields": _list(
            "fields",
            "The members of the objects; paths go into relations.",
            document_patterns.fields(resource),
        ),
    }
    sortable = document_patterns.sorts(resource)
    if sortable:
        found["Sort"] = _list("sort", "The order; `-` before a name: descending.", sortable)
    if resource.relations and options.include_depth:
        found["Include"] = _list(
            "include", "Relations to embed, at most "
            f"{options.include_depth} deep. To-many: `name(limit=3,sort=-id)`.",
            document_patterns.includes(resource),
        )  # fmt: skip
    one = next((name for name, each in resource.relations.items() if not each.many), "relation")
    found["Filter"] = {
        "name": "filter", "in": "query", "description": _FILTER.format(one=one),
        "schema": {"type": "string", "format": "filter-expression"},
    }  # fmt: skip
    if resource.searchable:
        found["Q"] = {
            "name": "q", "in": "query", "description": "Words that a row must have in its text, 1 to 20.",
            "schema": {"type": "string", "pattern": "^[^\\s\\u0000]+( [^\\s\\u0000]+){0,19}$"},
        }  # fmt: skip
    return {f"{noun}{name}": parameter for name, parameter in found.items()}


def format_of(names: list[str]) -> dict[str, Any]:
    """Return the parameter that selects another media type by its name."""
    return {
        "name": "format", "in": "query", "description": "The representation, in place of the header Accept.",
        "schema": {"type": "string", "enum": ["json", *names]},
    }  # fmt: skip


def filters(resource: Resource) -> list[dict[str, Any]]:
    """Return a parameter for each column and operator of a resource."""
    found: dict[str, dict[str, Any]] = {}
    for column in resource.columns.values():
        for name, operator in conditions(resource, column):
            found[name] = _filter(name, column, operator)
    return list(found.values())


def conditions(resource: Resource, column: Column) -> Iterator[tuple[str, str]]:
    """Yield the names of the parameters that compare a column, each with its operator."""
    for operator in OPERATORS if column.filterable else ():
        if operator not in column.kind.operators:
            continue
        name = f"{column.name}__{operator}"
        if operator == "eq" and column.name not in CONTROL:
            name = column.name
        elif name in resource.columns:
            continue  # It means equality with that column.
        yield name, operator


def _filter(name: str, column: Column, operator: str) -> dict[str, Any]:
    found: dict[str, Any] = {"name": name, "in": "query"}
    if operator == "eq" and column.comment:
        found["description"] = column.comment
    if operator == "isnull":
        schema: dict[str, Any] = {"type": "boolean"}
    elif operator in ("in", "nin", "between"):
        found |= {"style": "form", "explode": False}
        least, most = (2, 2) if operator == "between" else (1, MAX_VALUES)
        schema = {"type": "array", "items": _item(column), "minItems": least, "maxItems": most}
    elif operator in PATTERNS:
        schema = PATTERNS[operator]
    else:
        schema = compared(column)
    return found | {"schema": schema}


_CONTAINED = TEXT | {"maxLength": MAX_PATTERN}
_WILDCARDS = _CONTAINED | {"pattern": "^(?:[^\\\\\\u0000]|\\\\[^\\u0000])*$"}

PATTERNS = {"like": _WILDCARDS, "ilike": _WILDCARDS, "contains": _CONTAINED, "startswith": _CONTAINED}
"""The schemas of the values of textual operators: a single backslash at the end escapes nothing."""


def _item(column: Column) -> dict[str, Any]:
    """Return the schema of a value within a list: a comma or a quote in it needs quoting."""
    schema = compared(column)
    if "enum" in schema:
        return {"type": "string", "enum": [_quoted(name) for name in schema["enum"]]}
    if is_text(column):
        return schema | {"pattern": '^(?:[^",\\u0000]*|"(?:[^"\\\\\\u0000]|\\\\["\\\\])*")$'}
    return schema


def _quoted(text: str) -> str:
    if not re.search('[",]|^\\s', text):
        return text
    return quoted(text)


def _number(name: str, description: str, default: int | None, largest: int) -> dict[str, Any]:
    schema = {"type": "integer", "minimum": 1, "maximum": largest}
    if default is not None:  # Generated clients send a default, and page= excludes after=.
        schema["default"] = default
    return {"name": name, "in": "query", "description": description, "schema": schema}


def _list(name: str, description: str, item: str) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "array", "items": {"type": "string", "pattern": f"^(?:{item})?$"}}
    if name == "sort":
        schema["maxItems"] = MAX_CRITERIA
    return {
        "name": name, "in": "query", "description": description, "style": "form", "explode": False,
        "schema": schema,
    }  # fmt: skip
