"""The URLs of pages: those of resources and rows, and the present one with other parameters."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode

from flask import current_app, request

from debonair.descriptions.description import Resource
from debonair.resources.additions import VIEWS
from debonair.resources.keys import key_text

FACET = "_facet"
"""The parameter that names a column whose values are counted. It is of the pages only."""

Items = tuple[tuple[str, str], ...]


def items_in(text: str) -> Items:
    """Return the names and values of a query string."""
    return tuple(parse_qsl(text, keep_blank_values=True))


@dataclass(frozen=True)
class Address:
    """The URL of the present page.

    :param path: percent-encoded. :param items: the parameters.
    """

    path: str
    items: Items

    def url(self, items: Iterable[tuple[str, str]]) -> str:
        """Return the URL with these parameters only."""
        text = urlencode(list(items))
        return f"{self.path}?{text}" if text else self.path

    def replace(self, **values: str) -> str:
        """Return the URL with other values of some parameters, on the first page unless they name one."""
        names = {*values, "page", "after"}
        kept = [item for item in self.items if item[0] not in names]
        return self.url([*kept, *values.items()])

    def without(self, *indexes: int) -> str:
        """Return the URL of the first page without the parameters at some indexes."""
        return self.url(item for at, item in enumerate(self.items) if at not in indexes and not _paging(item))

    def added(self, *items: tuple[str, str]) -> str:
        """Return the URL of the first page with further parameters."""
        return self.url([*(item for item in self.items if not _paging(item)), *items])

    def data(self, format_: str) -> str:
        """Return the URL of the same rows in a format for programs; an export has those of all pages."""
        without = ("format", FACET, *(("page", "page_size", "after") if format_ in ("csv", "ndjson") else ()))
        kept = [item for item in self.items if item[0] not in without]
        return self.url([*kept, ("format", format_)])


def _paging(item: tuple[str, str]) -> bool:
    return item[0] in ("page", "after")


def url_of(resource: Resource) -> str:
    """Return the URL of a resource, with the prefix that the server is mounted at."""
    views = current_app.extensions[VIEWS]
    return quote(f"{request.script_root}{views.prefixes.get(resource.name, '')}/{resource.name}")


def url_of_row(url: str, resource: Resource, values: Mapping[str, Any]) -> str | None:
    """Return the URL of a row; None when it has none.

    :param url: of the resource. :param values: the object, with the readable members of the key.
    """
    if not resource.addressable or any(values.get(name) is None for name in resource.key):
        return None
    text = key_text(tuple(values[name] for name in resource.key))
    # A browser removes dots from a path.
    return None if text in ("", ".", "..") else f"{url}/{text}"


def url_of_relation(row: str, relation: str) -> str:
    """Return the URL of the related rows of a row."""
    return f"{row}/{quote(relation, safe='')}"
