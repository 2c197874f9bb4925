"""The order of the rows: the parameter ``sort``, and the token of keyset paging, ``after``.

The token holds the values of the sort criteria of the last row of a page. It is opaque to clients, is checked
like any other input, and fits only the sort that it was made with.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from typing import Any

import orjson

from debonair.descriptions.description import Column, Resource
from debonair.descriptions.kinds import COMPARED, NULLNESS
from debonair.descriptions.options import nearest
from debonair.queries.expression import names_of
from debonair.queries.query import Order

MAX_CRITERIA = 20

NO_TOKEN = "is not a token of this API: use the one of the page before"  # nosec B105
"""The fault of a token that no page had."""


def sort_of(resource: Resource, text: str) -> tuple[Order, ...]:
    """Return the criteria of a sort, with the key as the last ones.

    A column that is given again has no effect, as in SQL.

    :param text: criteria, separated by commas; see :func:`~debonair.queries.expression.names_of`.
    :raises ValueError: when a name is unknown or may not be sorted by.
    """
    found: list[Order] = []
    parts = names_of(text)
    if len(parts) > MAX_CRITERIA:
        raise ValueError(f"must have at most {MAX_CRITERIA} criteria")
    for part in filter(None, parts):
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
        if all((order.steps, order.column) != (tuple(steps), rest) for order in found):
            found.append(Order(tuple(steps), rest, descending))
    present = {(order.steps, order.column) for order in found}
    found += [Order((), name) for name in resource.order_key if ((), name) not in present]
    return tuple(found)


def encode(resource: Resource, sort: tuple[Order, ...], values: tuple[Any, ...]) -> str:
    """Return the token for the page after a row.

    :param values: the driver's values of the sort criteria of the row: what SQLite stores, PostgreSQL's text.
    """
    tagged = [_tagged(value) for value in values]
    text = orjson.dumps([_digest(resource, sort), tagged, _checksum(tagged)])
    return base64.urlsafe_b64encode(text).decode().rstrip("=")


def decode(resource: Resource, sort: tuple[Order, ...], token: str) -> tuple[Any, ...]:
    """Return the driver's values of the sort criteria of the row before the page; none for an empty token.

    The checksum finds a token that was changed. It is no signature: SQLite compares any of its values, and
    PostgreSQL checks its texts itself, when it runs the statement.

    :raises ValueError: when the token is not one, or was made for another sort, or when the resource has no
        keyset paging.
    """
    if not resource.pages_by_key:
        raise ValueError(f"{resource.name} has no keyset paging: use page=")
    if not token:
        return ()
    read = _text if resource.backend == "postgresql" else _untagged
    try:
        digest, values, checksum = orjson.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
        if checksum != _checksum(values):
            raise ValueError("was changed")
        if digest == _digest(resource, sort):
            return tuple(read(value) for value, _ in zip(values, sort, strict=True))
    except (TypeError, ValueError, LookupError, OverflowError, binascii.Error) as error:
        raise ValueError(NO_TOKEN) from error
    raise ValueError("belongs to another sort: begin again with an empty after=")


def _tagged(value: Any) -> Any:
    """Return JSON that holds a value of SQLite exactly: JSON has no bytes, and no infinity."""
    if isinstance(value, float):
        return ["f", value.hex()]
    return ["b", value.hex()] if isinstance(value, bytes) else value


def _untagged(value: Any) -> Any:
    if isinstance(value, list):
        tag, text = value
        return {"f": float.fromhex, "b": bytes.fromhex}[tag](text)
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        raise ValueError("has more than 64 bits")
    if value is not None and type(value) not in (int, str):
        raise TypeError("is no value of SQLite")
    return value


def _text(value: Any) -> str | None:
    if value is not None and (not isinstance(value, str) or "\0" in value):
        raise TypeError("is no text of PostgreSQL")
    return value


def column_of(resource: Resource, order: Order) -> Column:
    """Return the column of a sort criterion."""
    for step in order.steps:
        resource = resource.relations[step].target
    return resource.column(order.column)


def _digest(resource: Resource, sort: tuple[Order, ...]) -> str:
    return _checksum([resource.name, [(order.steps, order.column, order.descending) for order in sort]])


def _checksum(value: Any) -> str:
    return hashlib.blake2b(orjson.dumps(value), digest_size=6).hexdigest()
