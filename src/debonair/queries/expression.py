"""The text of a filter, parsed into the same tree as the JSON of the method QUERY.

The grammar, in which a value is bare up to ``,`` or ``)``, or quoted with ``"``, ``\\"`` and ``\\\\``::

    expression = and(expression, ...) | or(expression, ...) | not(expression) | condition
    condition  = path [ "__" operator ] "=" value

A condition becomes ``{"path__operator": Text}``; the others ``{"and": [...]}``, ``{"or": [...]}``,
``{"not": ...}``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

MAX_DEPTH = 20
MAX_TERMS = 500


class Text(str):
    """A value out of a query string, which is parsed by the kind of its column."""

    __slots__ = ()


_GROUP = re.compile(r"\s*(and|or|not)\(")
_NAME = re.compile(r'\s*(?:"((?:[^"\\]|\\.)*)"|([^=(),"]+))=')
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"\s*')
_BARE = re.compile(r"[^,)]*")
_PATH = re.compile(r'(?:"((?:[^"\\]|\\.)*)"|([^,"][^,]*|))(?:,|$)', re.DOTALL)
_PART = re.compile(r'\s*(?:"((?:[^"\\]|\\.)*)"\s*|([^,"][^,]*|))(?:,|$)')


def parse(text: str) -> dict[str, Any]:
    """Return the tree of an expression.

    :raises ValueError: with what is wrong and at which character, from 1.
    """
    tree, position = _Parser(text).expression(0, 0)
    if position < len(text):
        raise ValueError(f"unexpected {text[position]!r} at character {position + 1}")
    return tree


class TooComplexError(ValueError):
    """A filter is well-formed, and larger than a filter may be."""


class _Parser:
    def __init__(self, text: str) -> None:
        self._text = text
        self._terms = 0

    def expression(self, position: int, depth: int) -> tuple[dict[str, Any], int]:
        self._terms += 1
        if self._terms > MAX_TERMS:
            raise TooComplexError(f"must have at most {MAX_TERMS} terms")
        if depth > MAX_DEPTH:
            raise TooComplexError(f"must be nested at most {MAX_DEPTH} deep")
        if (group := _GROUP.match(self._text, position)) is None:
            return self._condition(position)
        parts: list[dict[str, Any]] = []
        position = group.end() - 1
        while not parts or self._text[position : position + 1] == ",":
            part, position = self.expression(position + 1, depth + 1)
            parts.append(part)
        if self._text[position : position + 1] != ")":
            raise ValueError(f"expected , or ) at character {position + 1}")
        position = _spaces(self._text, position + 1)
        if group[1] != "not":
            return {group[1]: parts}, position
        if len(parts) > 1:
            raise ValueError(f"not(...) takes one expression, at character {group.start() + 1}")
        return {"not": parts[0]}, position

    def _condition(self, position: int) -> tuple[dict[str, Any], int]:
        name = _NAME.match(self._text, position)
        if name is None:
            raise ValueError(f"expected a condition like name__operator=value at character {position + 1}")
        start = name.end()
        value = _QUOTED.match(self._text, start)
        if value is not None:
            text = unquoted(value[1])
        elif self._text[start : start + 1] == '"':
            raise ValueError(f"the quote at character {start + 1} is not closed")
        else:
            value = _BARE.match(self._text, start)
            text = value[0] if value else ""
        key = unquoted(name[1]) if name[1] is not None else name[2].strip()
        return {key: Text(text)}, value.end() if value else start


def _spaces(text: str, position: int) -> int:
    while text[position : position + 1].isspace():
        position += 1
    return position


def unquoted(text: str) -> str:
    r"""Return the text of a quoted value, in which ``\`` stands before a character that is itself meant."""
    return re.sub(r"\\(.)", r"\1", text, flags=re.DOTALL)


def quoted(text: str) -> str:
    """Return a text in quotes, as :func:`split` and :func:`names_of` read it."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def names_of(text: str) -> list[str]:
    """Return the paths of a comma-separated list; one with a comma is quoted as a whole: ``id,"-a,b"``.

    :raises ValueError: when a quote is not closed.
    """
    if '"' not in text:
        return text.split(",")
    found, position = [], 0
    while position <= len(text):
        part = _PATH.match(text, position)
        if part is None:
            raise ValueError(f"the quote at character {position + 1} is not closed before a comma or the end")
        found.append(unquoted(part[1]) if part[1] is not None else part[2])
        position = part.end() + (not part[0].endswith(","))
    return found


def joined_names(names: Iterable[str]) -> str:
    """Return the text that :func:`names_of` reads as these paths."""
    return ",".join(quoted(name) if must_quote(name) else name for name in names)


def must_quote(name: str) -> bool:
    """Return whether a path is quoted in a list of paths."""
    return "," in name or name.startswith('"')


def split(text: str) -> list[str]:
    """Return the values of a comma-separated list, in which a value may be quoted.

    :raises ValueError: when a quote is not closed.
    """
    found, position = [], 0
    while position <= len(text):
        part = _PART.match(text, position)
        if part is None:
            raise ValueError("a quoted value must be followed by a comma or the end")
        found.append(unquoted(part[1]) if part[1] is not None else part[2])
        if part.end() == len(text) and not part[0].endswith(","):
            break
        position = part.end()
    return found
