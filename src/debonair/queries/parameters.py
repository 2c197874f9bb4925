"""The parameters of a query, validated against the resource: text or JSON becomes a :class:`Query`.

Every fault is reported at once, by the name of its parameter.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from functools import partial
from typing import Any

from debonair.descriptions.description import Resource
from debonair.descriptions.kinds_of_numbers import whole_of
from debonair.descriptions.options import nearest
from debonair.queries import sorting
from debonair.queries.expression import MAX_TERMS, Text, TooComplexError, names_of
from debonair.queries.expression import parse as parse_expression
from debonair.queries.filters import filter_of
from debonair.queries.query import Junction, Node, Query, Search, terms_of, values_of
from debonair.queries.selection import includes_of, number, selection_of
from debonair.web.problems import Problem

CONTROL = ("page", "page_size", "after", "count", "sort", "fields", "include", "filter", "q", "format", "all")
"""The parameters that are no column; a column with such a name is filtered by ``name__eq``."""

_LISTS = ("__in", "__nin", "__between")

_JOINED = ("sort", "fields", "include")

MAX_OFFSET = 10**9
MAX_VALUES = 5000
LONGEST_NAME = 80
"""Characters of a parameter's name in a message."""


class FaultyQuery(Problem):
    """The query has a fault; each is reported by the name of its parameter.

    :ivar is_too_complex: whether the query is well-formed, and only larger than it may be.
    """

    code = 400
    title = "Invalid query"

    def __init__(self, faults: Mapping[str, list[str]], *, is_too_complex: bool = False) -> None:
        self.is_too_complex = is_too_complex
        name, messages = next(iter(faults.items()))
        shown = name if len(name) <= LONGEST_NAME else f"{name[:LONGEST_NAME]}…"
        super().__init__(f"{shown}: {messages[0]}".rstrip("?") + ("?" if messages[0].endswith("?") else "."))
        self.data = {"messages": {"query": dict(faults)}}


class _Faults(dict[str, list[str]]):
    too_complex = 0
    """How many of the messages are about the size of the filter."""

    def collect(self, name: str, read: Callable[[], Any], default: Any = None) -> Any:
        try:
            return read()
        except ValueError as error:
            self.setdefault(name, []).append(str(error))
            self.too_complex += isinstance(error, TooComplexError)
            return default


def query_of(resource: Resource, items: Iterable[tuple[str, Any]]) -> Query:
    """Return the query for the parameters of a request.

    :param items: names with texts, as in a query string, or with values of JSON, as in a body of QUERY.
    :raises FaultyQuery: with every fault.
    """
    faults = _Faults()
    single, nodes = _sorted_out(resource, list(items), faults)
    options = resource.options

    def text(name: str, default: str = "") -> str:
        value = single.get(name, default)
        if isinstance(value, list) and all(isinstance(part, str) for part in value):
            value = ",".join(value)
        if not isinstance(value, str):
            raise ValueError("must be a string")
        return value

    sort = faults.collect("sort", lambda: sorting.sort_of(resource, text("sort")), ())
    fields = faults.collect("fields", lambda: [*filter(None, names_of(text("fields")))], [])
    include = faults.collect("include", lambda: includes_of(resource, text("include"), fields), {})
    selection = faults.collect("fields", lambda: selection_of(resource, fields, include), None)
    largest = options.max_page_size
    size = faults.collect(
        "page_size",
        lambda: number(_whole(single.get("page_size", min(options.page_size, largest))), largest),
        1,
    )
    page = faults.collect("page", lambda: _page(resource, _whole(single.get("page", 1))), 1)
    count = faults.collect("count", lambda: _choice(text("count", "exact"), ("exact", "estimated", "none")))
    after = None
    if "after" in single and "sort" not in faults:
        after = faults.collect("after", lambda: sorting.decode(resource, sort, text("after")))
    values = sum(1 for node in nodes for _ in values_of(node))
    for kind, most, found in (
        ("terms", MAX_TERMS, sum(map(terms_of, nodes))),
        ("values", MAX_VALUES, values),
    ):
        if found > most:
            faults.setdefault("filter", []).append(f"must have at most {most} {kind} in all parameters")
            faults.too_complex += 1
    if faults:
        raise FaultyQuery(faults, is_too_complex=faults.too_complex == sum(map(len, faults.values())))
    return Query(selection, sort, _joined(nodes), page, size, after, count)


def _whole(value: Any) -> str:
    """Return the digits of a number that JSON or a text holds. :raises ValueError: when it is no number."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)  # JSON has one type of numbers.
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise ValueError("must be an integer")
    if isinstance(value, Text):
        with suppress(ValueError):  # number() says which numbers there are.
            value = whole_of(value)
    return str(value)


def _sorted_out(
    resource: Resource, items: list[tuple[str, Any]], faults: _Faults
) -> tuple[dict[str, Any], list[Node]]:
    single: dict[str, Any] = {}
    nodes: list[Node] = []
    for name, value in _lists_joined(resource, items):
        if name in CONTROL and name != "filter":
            if name in single and name in _JOINED and isinstance(value, str):
                # Clients that openapi-python-client generates repeat the parameter for each item.
                value = f"{single[name]},{value}"
            elif name in single:
                faults.setdefault(name, []).append("is given twice")
            single[name] = value
        if name == "q" or name not in CONTROL or name == "filter":
            node = faults.collect(name, partial(_node, resource, name, value))
            nodes += [node] if node is not None else []
    return single, nodes


def _lists_joined(resource: Resource, items: list[tuple[str, Any]]) -> list[tuple[str, Any]]:
    """Return the parameters, with those texts joined that are one list: many clients repeat a list's name."""
    texts: dict[str, list[str]] = {}
    for name, value in items:
        if isinstance(value, Text) and name.endswith(_LISTS) and name not in resource.columns:
            texts.setdefault(name, []).append(value)
    if all(len(parts) == 1 for parts in texts.values()):
        return items
    found = {name: Text(",".join(parts)) for name, parts in texts.items()}
    return [*((name, value) for name, value in items if name not in found), *found.items()]


def _node(resource: Resource, name: str, value: Any) -> Node:
    """Return the part of the filter that a parameter stands for."""
    if name == "q":
        return _search(resource, value)
    if name != "filter":
        try:
            return filter_of(resource, {name: value})
        except ValueError as error:
            if str(error).startswith("unknown column") and "; did you mean" not in str(error):
                raise ValueError(f"{error}{nearest(name, CONTROL)}") from None
            raise
    return filter_of(resource, parse_expression(value) if isinstance(value, str) else value)


def _joined(nodes: list[Node]) -> Node | None:
    if not nodes:
        return None
    return nodes[0] if len(nodes) == 1 else Junction("and", tuple(nodes))


def _search(resource: Resource, value: Any) -> Node:
    if not resource.searchable:
        raise ValueError(f"{resource.name} has no text search")
    if not isinstance(value, str) or "\x00" in value:
        raise ValueError("must be words")
    words = tuple(value.split())
    if not words or len(words) > 20:
        raise ValueError("must be from 1 to 20 words")
    return Search(resource, words)


def _page(resource: Resource, text: str) -> int:
    try:
        return number(text, MAX_OFFSET // resource.options.max_page_size)
    except ValueError as error:
        if not resource.pages_by_key:
            raise
        raise ValueError(f"{error}; use after= for a deep page") from None


def _choice(text: str, known: tuple[str, ...]) -> str:
    if text not in known:
        raise ValueError(f"must be one of {', '.join(known)}{nearest(text, known)}")
    return text
