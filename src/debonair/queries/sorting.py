"""The order of the rows: the parameter ``sort``, and the token of keyset paging, ``after``.

The token holds the values of the sort criteria of the last row of a page. It is opaque to clients, is checked
like any other input, and fits only the sort that it was made with.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import math
import re
from typing import Any

import orjson

from debonair.descriptions.description import Column, Resource
from debonair.descriptions.kinds import COMPARED, NULLNESS, Kind
from debonair.descriptions.options import nearest
from debonair.queries.query import Order

MAX_CRITERIA = 20


def sort_of(resource: Resource, text: str) -> tuple[Order, ...]:
    """Return the criteria of a sort, with the key as the last ones.

    :raises ValueError: when a name is unknown or may not be sorted by.
    """
    found: list[Order] = []
    for part in filter(None, text.split(",")):
        descending = part.startswith("-")
        name = part[1:] if descending else part
        current, rest = resource, name
        steps: list[str] = []
        while rest not in current.columns:
            step = next((key for key in current.relations if rest.startswith(f"{key}.")), None)
            if step is None or current.relations[step].many:
                ones = [key for key, relation in current.relations.items() if not relation.many]
                if rest in ones:
                    raise ValueError(f"{name!r} is a relation: sort by one of its columns, {name}.…")
                raise ValueError(
                    f"unknown column {name!r}{nearest(rest.partition('.')[0], [*current.columns, *ones])}"
                )
            steps.append(step)
            if len(steps) > resource.options.include_depth:
                raise ValueError(f"{name[:80]!r} is deeper than {resource.options.include_depth} relations")
            rest = rest[len(step) + 1 :]
            current = current.relations[step].target
        column = current.columns[rest]
        if not column.sortable or not column.kind.operators & (COMPARED - NULLNESS):
            raise ValueError(f"{name!r} cannot be sorted by")
        if any((order.steps, order.column) == (tuple(steps), rest) for order in found):
            raise ValueError(f"{name[:80]!r} is given twice")
        found.append(Order(tuple(steps), rest, descending))
        if len(found) > MAX_CRITERIA:
            raise ValueError(f"must have at most {MAX_CRITERIA} criteria")
    present = {(order.steps, order.column) for order in found}
    found += [Order((), name) for name in resource.order_key if ((), name) not in present]
    return tuple(found)


def encode(resource: Resource, sort: tuple[Order, ...], values: tuple[Any, ...]) -> str:
    """Return the token for the page after a row.

    :param values: the values of the sort criteria of the row, as the JSON of a page has them.
    """
    written = [repr(value) if isinstance(value, float) else value for value in values]
    text = orjson.dumps([_digest(resource, sort), written], default=str)
    return base64.urlsafe_b64encode(text).decode().rstrip("=")


def decode(resource: Resource, sort: tuple[Order, ...], token: str) -> tuple[Any, ...]:
    """Return the values of the sort criteria of the row before the page; none for an empty token.

    :raises ValueError: when the token is not one, or was made for another sort.
    """
    if not token:
        return ()
    kinds = [column_of(resource, order).kind for order in sort]
    try:
        digest, values = orjson.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
        if digest == _digest(resource, sort):
            return tuple(
                _loaded(kind, value, resource.backend) for kind, value in zip(kinds, values, strict=True)
            )
    except (TypeError, ValueError, binascii.Error) as error:
        raise ValueError("is not a token of this API: use the one of the page before") from error
    raise ValueError("belongs to another sort: begin again with an empty after=")


_FOREIGN = re.compile(r"-?infinity|24:00:00[-+:0-9]*|[0-9]{4,6}-[-+:. 0-9]{5,30}( BC)?")
"""Dates and times that Python does not have, as PostgreSQL writes them."""


def _loaded(kind: Kind, value: Any, backend: str) -> Any:
    if value is None:
        return None
    if kind.schema.get("type") == "number":
        number = float(value)
        return kind.load(number) if math.isfinite(number) else number
    try:
        return kind.load(value)
    except ValueError:
        if backend == "postgresql" and isinstance(value, str) and _FOREIGN.fullmatch(value):
            return value
        raise


def column_of(resource: Resource, order: Order) -> Column:
    """Return the column of a sort criterion."""
    for step in order.steps:
        resource = resource.relations[step].target
    return resource.column(order.column)


def _digest(resource: Resource, sort: tuple[Order, ...]) -> str:
    text = repr((resource.name, [(order.steps, order.column, order.descending) for order in sort]))
    return hashlib.blake2b(text.encode(), digest_size=6).hexdigest()
