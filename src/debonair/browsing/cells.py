"""Values as people read them."""

from __future__ import annotations

import datetime
import re
from dataclasses import dataclass, replace
from typing import Any

import orjson

from debonair.descriptions.kinds import Kind
from debonair.statements.wire import PlainText, Size, written_by_default


@dataclass(frozen=True)
class Cell:
    """A value on a page.

    :param text: what is shown. :param form: ``text``, ``number``, ``flag``, ``moment``, ``binary``, ``json``,
        ``null``, or ``empty`` for text without a visible character.
    :param href: where it links to. :param key: the bare key, shown beside the label of a related row.
    :param machine: the value for ``<time datetime>``. :param cut: whether the text is shortened.
    """

    text: str
    form: str = "text"
    href: str | None = None
    key: str | None = None
    machine: str | None = None
    cut: bool = False

    def linked(self, href: str | None, key: str | None = None) -> Cell:
        """Return the same value as a link."""
        return replace(self, href=href, key=key)


def is_number(kind: Kind) -> bool:
    """Return whether values of a kind are numbers, which are aligned at the right."""
    schema = kind.schema
    return schema.get("type") in ("integer", "number") or schema.get("format") == "decimal"


def is_binary(kind: Kind) -> bool:
    """Return whether values of a kind are bytes, in base64."""
    return "contentEncoding" in kind.schema


def cell_of(kind: Kind, value: Any, longest: int | None = None) -> Cell:
    """Return what is shown of a value.

    :param value: as the object of the JSON has it, or the size of a binary one.
    :param longest: the largest number of characters; None for all.
    """
    if value is None:
        return Cell("NULL", "null")
    if isinstance(value, bool):
        return Cell("true" if value else "false", "flag")
    if isinstance(value, Size):
        return Cell(size_text(value), "binary")
    if isinstance(value, bytes | memoryview):
        return Cell(size_text(len(value)), "binary")
    if is_binary(kind) and isinstance(value, str) and not isinstance(value, PlainText):
        return Cell(size_text(len(value) * 3 // 4 - value[-2:].count("=")), "binary")
    if isinstance(value, datetime.date | datetime.time):
        return Cell(_moment(value), "moment", machine=value.isoformat())
    if isinstance(value, dict | list):
        return _text(_json(value, longest is None), "json", longest)
    if isinstance(value, int | float) or is_number(kind):
        return Cell(str(value), "number")
    text = str(value)
    return _text(text, "text", longest) if text.strip() else Cell("empty", "empty")


def size_text(count: int) -> str:
    """Return a number of bytes in words."""
    size = float(count)
    for unit in ("bytes", "kB", "MB"):
        if size < 1000:
            return f"{count} {unit}" if unit == "bytes" else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} GB"


def _text(text: str, form: str, longest: int | None) -> Cell:
    if longest is None or len(text) <= longest:
        return Cell(text, form)
    return Cell(text[: longest - 1].rstrip() + "…", form, cut=True)


def _moment(value: datetime.date | datetime.time) -> str:
    if isinstance(value, datetime.datetime):
        text = value.isoformat(" ", "auto" if value.second or value.microsecond else "minutes")
        return re.sub(r"(\.\d*?)0+(?!\d)", r"\1", text)
    return value.isoformat()


def _json(value: Any, indented: bool) -> str:
    option = orjson.OPT_INDENT_2 if indented else 0
    try:
        return orjson.dumps(value, default=written_by_default, option=option).decode()
    except orjson.JSONEncodeError:
        return str(value)
