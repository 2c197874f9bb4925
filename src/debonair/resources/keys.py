"""The keys of rows in URLs."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote, unquote

from werkzeug.exceptions import NotFound

from debonair.descriptions.description import Resource


def missing(resource: Resource, key: tuple[Any, ...]) -> NotFound:
    """Return the problem for a key that no row has."""
    text = ",".join(map(str, key))
    text = text if len(text) <= 80 else f"{text[:80]}…"
    return NotFound(f"{resource.name} has no row with the key {text!r}.")


def key_of(resource: Resource, text: str) -> tuple[Any, ...]:
    """Return the values of a key in a URL. :raises NotFound: when no row can have it."""
    try:
        if len(resource.key) == 1:
            return (_key_part(resource, resource.key[0], text),)
        parts = text.split(",")
        return tuple(_key_part(resource, *each) for each in zip(resource.key, parts, strict=True))
    except ValueError:
        raise missing(resource, (text,)) from None


def _key_part(resource: Resource, name: str, text: str) -> Any:
    part = unquote(text)
    value = resource.column(name).kind.parse(part)
    if type(value) is int and not part.lstrip("+-").isdigit():
        raise ValueError("is another way to write a key")  # 1.0: a row has one URL.
    return value


def key_text(values: tuple[Any, ...]) -> str:
    """Return a key as it is written in the path of a URL."""
    return quote(",".join(quote(str(value), safe="") for value in values), safe=",")
