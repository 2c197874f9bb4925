"""The kinds of text, enumerations, UUIDs, binary data and JSON."""

from __future__ import annotations

import base64
import binascii
import enum
import json
import re
import uuid
from typing import Any

import sqlalchemy as sa

from debonair.database import postgresql
from debonair.descriptions.documents import storable
from debonair.descriptions.kind import COMPARED, EQUAL, NULLNESS, TEXTUAL, Kind


def checked_text(value: Any) -> str:
    """Return a text that a database can hold. :raises ValueError: when the value is none."""
    if not isinstance(value, str):
        raise ValueError("must be a string")
    if "\x00" in value:
        raise ValueError("must not contain the character NUL")
    if not value.isascii() and re.search("[\ud800-\udfff]", value):
        raise ValueError("must not contain half of a surrogate pair")
    return str(value)


def text_kind(type_: Any, backend: str) -> Kind:
    """Return the kind of text; its length is that of the column."""

    longest = getattr(type_, "length", None)

    def check(value: Any) -> str:
        text = checked_text(value)
        if longest is not None and len(text) > longest:
            raise ValueError(f"must have at most {longest} characters")
        return text

    schema = {"type": "string"} | ({"maxLength": longest} if longest else {})
    as_text = backend == "postgresql" and not isinstance(type_, sa.String)
    # A type that SQLAlchemy does not know may have no comparison.
    operators = (
        TEXTUAL if not as_text or not isinstance(type_, sa.types.NullType) else TEXTUAL - COMPARED | NULLNESS
    )
    return Kind("a string", schema, check, check, as_text=as_text, operators=operators)


_NUMBER = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?([eE][-+]?\d+)?")


def undeclared_kind(type_: Any, backend: str) -> Kind:
    """Return the kind of a column without a declared type: in SQLite it holds numbers as well as text."""
    if backend != "sqlite":
        return text_kind(type_, backend)

    def load(value: Any) -> Any:
        if isinstance(value, bool) or not isinstance(value, int | float | str):
            raise ValueError("must be a string or a number")
        if isinstance(value, int) and not -(2**63) <= value < 2**63:
            raise ValueError("must be within 64 bits")
        return checked_text(value) if isinstance(value, str) else value

    def parse(text: Any) -> Any:
        if not isinstance(text, str) or len(text) > 30 or not _NUMBER.fullmatch(text):
            return load(text)
        number = float(text)
        whole = int(text) if text.lstrip("-").isdigit() else None
        return whole if whole is not None and -(2**63) <= whole < 2**63 else number

    return Kind("a string or a number", {"type": ["string", "number"]}, load, parse, operators=TEXTUAL)


def enumeration_kind(type_: Any, backend: str) -> Kind:
    """Return the kind of enumerations: JSON has their names."""

    names = list(type_.enums)
    members = type_.enum_class.__members__ if type_.enum_class else None
    if members is not None and not set(names) <= set(members):
        # The type stores values; JSON has names, as marshmallow's Enum field.
        names = list(members)

    def load(value: Any) -> Any:
        if value not in names:
            raise ValueError(f"must be one of {', '.join(names)}")
        return value if members is None else members[value]

    dump = None if members is None else lambda value: value.name if isinstance(value, enum.Enum) else value
    return Kind(
        "one of " + ", ".join(names), {"type": "string", "enum": names}, load, load, dump, from_text=str
    )


def uuid_kind(type_: Any, backend: str) -> Kind:
    """Return the kind of UUIDs."""

    def parse(value: Any) -> Any:
        try:
            found = uuid.UUID(value if isinstance(value, str) else "")
        except ValueError:
            raise ValueError("must be a UUID") from None
        return found if type_.as_uuid else str(found)

    return Kind("a UUID", {"type": "string", "format": "uuid"}, parse, parse, from_text=str)


def binary_kind(type_: Any, backend: str) -> Kind:
    """Return the kind of binary data, in base64."""

    def parse(value: Any) -> bytes:
        try:
            return base64.b64decode(value, validate=True)
        except (TypeError, ValueError, binascii.Error):
            raise ValueError("must be binary data in base64") from None

    def dump(value: Any) -> Any:
        return base64.b64encode(value).decode() if isinstance(value, bytes | memoryview) else value

    schema = {"type": "string", "contentEncoding": "base64"}

    def from_text(text: str) -> bytes:
        return bytes.fromhex(text.removeprefix("\\x"))

    return Kind("base64", schema, parse, parse, dump, from_text, operators=EQUAL)


def json_kind(type_: Any, backend: str) -> Kind:
    """Return the kind of JSON, which is as it is."""

    def parse(text: Any) -> Any:
        raise ValueError("cannot be compared")

    # The driver reads integers of any size, orjson those of 64 bits.
    from_text = None if postgresql.is_type(type_, "HSTORE") else json.loads
    return Kind("any JSON", {}, storable, parse, from_text=from_text, operators=NULLNESS)
