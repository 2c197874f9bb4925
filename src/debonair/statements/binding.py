"""The parameters of the statement for a query."""

from __future__ import annotations

from typing import Any

from debonair.queries.query import Condition, Node, Query, Search, values_of
from debonair.statements import operators, search


def parameters_of(query: Query, backend: str) -> dict[str, Any]:
    """Return the parameters of the statement for a query by name, without ``limit`` and ``offset``."""
    values: dict[str, Any] = {}
    for index, (node, at) in enumerate(values_of(query.filter)):
        values[f"v{index}"] = _bound(node, at, backend)
    for index, value in enumerate(query.after or ()):
        values[f"k{index}"] = value
    if query.within is not None:
        values |= {f"p{index}": value for index, value in enumerate(query.within.key)}
    return values


def _bound(node: Node, index: int, backend: str) -> Any:
    if isinstance(node, Search):
        return search.parameter(backend, node.resource, node.words[index])
    assert isinstance(node, Condition)  # nosec B101
    return operators.parameter(backend, node.operator, node.values[index])
