"""What a client asks for, as a validated tree, without HTTP and without SQL.

All names in it exist and may be used; all values have the Python types of their columns. Every class is
immutable. :func:`shape_of` and :func:`values_of` separate what is asked from the values that it is asked
with: a statement is compiled once for a shape.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from debonair.descriptions.description import Column, Resource

Steps = tuple[str, ...]
"""A path along to-one relations, by their names."""


@dataclass(frozen=True, slots=True)
class Condition:
    """``steps.column operator values``."""

    steps: Steps
    column: Column
    operator: str
    values: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Junction:
    """Parts that are joined by ``and`` or ``or``."""

    operator: str
    parts: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Negation:
    """The opposite of a part; unknown remains unknown."""

    part: Node


@dataclass(frozen=True, slots=True)
class Related:
    """Whether any, or none, of the rows of a to-many relation fulfils a part."""

    steps: Steps
    relation: str
    quantifier: str
    part: Node


@dataclass(frozen=True, slots=True)
class Search:
    """Words that are searched in the text of a row of a resource."""

    resource: Resource
    words: tuple[str, ...]


Node = Condition | Junction | Negation | Related | Search


@dataclass(frozen=True, slots=True)
class Order:
    """One criterion of a sort."""

    steps: Steps
    column: str
    descending: bool = False


@dataclass(frozen=True, slots=True)
class Many:
    """A to-many relation that is embedded: the first rows of each parent.

    :param limit: the largest number of rows for each parent.
    """

    selection: Selection
    sort: tuple[Order, ...]
    limit: int


@dataclass(frozen=True, slots=True)
class Selection:
    """Which members an object has: columns, and embedded relations by name.

    :param sizes: whether of binary columns outside of the key only the size is read.
    """

    columns: tuple[str, ...]
    ones: tuple[tuple[str, Selection], ...] = ()
    manys: tuple[tuple[str, Many], ...] = ()
    sizes: bool = False


@dataclass(frozen=True, slots=True)
class Within:
    """The rows that one row of another resource has in a relation.

    :param parent: the other resource. :param relation: the relation of it. :param key: the key of its row.
    """

    parent: Resource
    relation: str
    key: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Query:
    """A page of a resource.

    :param page: the number of the page, from 1; with ``after`` it is counted from there.
    :param after: the driver's values of the sort criteria of the row before the page, for keyset paging; an
        empty tuple for its first page, None for numbered pages.
    :param count: ``exact``, ``estimated`` or ``none``. :param within: the row whose related rows they are.
    """

    selection: Selection
    sort: tuple[Order, ...]
    filter: Node | None = None
    page: int = 1
    page_size: int = 20
    after: tuple[Any, ...] | None = None
    count: str = "exact"
    within: Within | None = None


def shape_of(node: Node | None) -> Any:
    """Return a hashable value that two filters share which differ in their values only."""
    if isinstance(node, Condition):
        return (node.steps, node.column.name, node.operator, len(node.values))
    if isinstance(node, Junction):
        return (node.operator, *(shape_of(part) for part in node.parts))
    if isinstance(node, Negation):
        return ("not", shape_of(node.part))
    if isinstance(node, Related):
        return (node.steps, node.relation, node.quantifier, shape_of(node.part))
    return ("search", len(node.words)) if node is not None else None


def values_of(node: Node | None) -> Iterator[tuple[Node, int]]:
    """Yield each value's node and index, in the order in which a statement binds them."""
    if isinstance(node, Condition):
        yield from ((node, index) for index in range(len(node.values)))
    elif isinstance(node, Search):
        yield from ((node, index) for index in range(len(node.words)))
    elif isinstance(node, Junction):
        for part in node.parts:
            yield from values_of(part)
    elif isinstance(node, Negation | Related):
        yield from values_of(node.part)


def terms_of(node: Node) -> int:
    """Return how many comparisons a filter has."""
    if isinstance(node, Junction):
        return sum(map(terms_of, node.parts))
    return terms_of(node.part) if isinstance(node, Negation | Related) else 1
