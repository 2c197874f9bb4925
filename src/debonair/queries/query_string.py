"""The query string of a URL: its parameters as text."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl

from debonair.queries.expression import Text
from debonair.queries.parameters import FaultyQuery


def items_of(text: str) -> list[tuple[str, Any]]:
    """Return the parameters of a query string. :raises FaultyQuery: when one is not UTF-8."""
    try:
        pairs = parse_qsl(text, keep_blank_values=True, errors="strict")
    except UnicodeDecodeError:
        pairs = parse_qsl(text, keep_blank_values=True, errors="surrogateescape")
    for name, value in pairs:
        if not _is_utf8(name + value):
            readable = name.encode(errors="replace").decode()
            raise FaultyQuery({readable: ["must be UTF-8, percent-encoded"]})
    return [(name, Text(value)) for name, value in pairs]


def _is_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
