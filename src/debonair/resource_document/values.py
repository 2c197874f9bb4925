"""The schemas of the values of columns in the OpenAPI document."""

from __future__ import annotations

from typing import Any

from debonair.descriptions.description import Column

_DATE = (
    "(?:(?!0000)[0-9]{4}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])|(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)"
    "|02-(?:0[1-9]|1[0-9]|2[0-8]))|(?:[0-9]{2}(?:0[48]|[2468][048]|[13579][26])"
    "|(?:0[48]|[2468][048]|[13579][26])00)-02-29)"
)
_TIME = "(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\\.[0-9]{1,6})?"
_ZONE = "(?:Z|[+-](?:0[0-9]|1[0-4]):[0-5][0-9])?"

COMPONENTS: dict[str, dict[str, Any]] = {
    "LocalDateTime": {
        "type": "string", "pattern": f"^{_DATE}T{_TIME}{_ZONE}$",
        "description": "A date and time in ISO 8601. It is read without a zone; what is sent with a zone is "
        "converted to UTC.",
        "examples": ["2026-03-31T09:30:00"],
    },
    "LocalTime": {
        "type": "string", "pattern": f"^{_TIME}$",
        "description": "A time of day in ISO 8601, without a zone.",
        "examples": ["09:30:00"],
    },
    "Selected": {
        "type": "object", "required": ["num_results"],
        "properties": {"num_results": {"type": "integer", "description": "The rows that were written."}},
    },
}  # fmt: skip
"""JSON Schema's formats of dates with times have a zone: a column without one needs a schema of its own."""

_BY_FORMAT = {"date-time-local": "LocalDateTime", "time-local": "LocalTime"}

TEXT = {"type": "string", "pattern": "^[^\\u0000]*$"}
"""Any text that a database stores."""

_BASE64 = "^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$"


def compared(column: Column) -> dict[str, Any]:
    """Return the schema of a value in a query string or a path."""
    schema = column.kind.schema
    if named := _BY_FORMAT.get(schema.get("format", "")):
        return {"$ref": f"#/components/schemas/{named}"}
    if is_text(column):
        return schema | TEXT
    if schema.get("format") == "decimal":
        return schema | {"pattern": f"^-?[0-9]{{1,{_whole(column)}}}(?:\\.[0-9]{{1,{_places(column)}}})?$"}
    if schema.get("contentEncoding") == "base64":
        return schema | {"pattern": _BASE64}
    return schema


def read(column: Column) -> dict[str, Any]:
    """Return the schema of a value in an object."""
    schema = column.kind.schema
    kind = schema.get("type")
    if named := _BY_FORMAT.get(schema.get("format", "")):
        schema = {"$ref": f"#/components/schemas/{named}"}
    elif schema.get("format") == "decimal":
        schema = {"type": "string", "format": "decimal"}
    # Not a number, and infinity, have no JSON.
    return _described(column, nullable(schema) if column.nullable or kind == "number" else schema)


def written(column: Column) -> dict[str, Any]:
    """Return the schema of the value of a member that is sent in a body."""
    schema = loaded(column)
    return _described(column, nullable(schema) if column.nullable else schema)


def loaded(column: Column) -> dict[str, Any]:
    """Return the schema of a value in the JSON of a body."""
    schema = compared(column)
    if schema.get("format") == "decimal":
        bound = 10 ** min(_whole(column), 15)
        schema = schema | {
            "type": ["string", "number"],
            "exclusiveMinimum": -bound,
            "exclusiveMaximum": bound,
        }
    return schema


def _whole(column: Column) -> int:
    """Return how many digits a decimal has before the point."""
    precision = getattr(column.type, "precision", None)
    return max(precision - (getattr(column.type, "scale", 0) or 0), 1) if precision else 100


def _places(column: Column) -> int:
    """Return how many digits a decimal has after the point."""
    return getattr(column.type, "scale", None) or 100


def is_text(column: Column) -> bool:
    """Return whether the values of a column are any text."""
    return "like" in column.kind.operators


def nullable(schema: dict[str, Any]) -> dict[str, Any]:
    """Return a schema that allows null too."""
    if not schema:
        return schema
    if "type" not in schema or "enum" in schema:
        # Generators of clients make one type of an enumeration only when null stands beside it.
        return {"anyOf": [schema, {"type": "null"}]}
    types = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    return schema | {"type": [*types, "null"]}


def _described(column: Column, schema: dict[str, Any]) -> dict[str, Any]:
    if not column.comment:
        return schema
    if "$ref" in schema:
        # Tools ignore what stands beside a reference.
        return {"allOf": [schema], "description": column.comment}
    return schema | {"description": column.comment}
