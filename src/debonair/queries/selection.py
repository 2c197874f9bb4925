"""Which members an object has: the parameters ``fields`` and ``include``."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from debonair.descriptions.description import Resource
from debonair.descriptions.options import nearest
from debonair.queries.expression import names_of
from debonair.queries.query import Many, Selection
from debonair.queries.sorting import sort_of

_QUOTED = r'"(?:[^"\\]|\\.)*"'
_INCLUDE = re.compile(rf"""({_QUOTED}|[^,()]+?)(?:\(((?:{_QUOTED}|[^)"])*)\))?(?:,|$)""", re.DOTALL)
_OPTION = re.compile(rf"""(?:{_QUOTED}|[^,;"])+""", re.DOTALL)

Includes = dict[str, tuple[int | None, str, dict[str, Any]]]
"""By relation: the limit, the sort, and the relations within."""


def number(text: str, largest: int) -> int:
    """Return the number that a text holds. :raises ValueError: when it is not from 1 to ``largest``."""
    if not re.fullmatch("[0-9]{1,12}", text) or not 1 <= int(text) <= largest:
        raise ValueError(f"must be a number from 1 to {largest}")
    return int(text)


def includes_of(resource: Resource, text: str, fields: Sequence[str]) -> Includes:
    """Return the relations that are embedded. :raises ValueError: when one is unknown or too deep.

    :param fields: the fields that the client names.
    """
    # What is embedded without being asked for is left out when the client names the fields that it wants.
    found: Includes = {} if fields else {name: (None, "", {}) for name in resource.embedded}
    position = 0
    while position < len(text):
        if text[position] == ",":  # An empty item is ignored, as in sort and fields.
            position += 1
            continue
        part = _INCLUDE.match(text, position)
        if part is None:
            raise ValueError(f"expected a relation at character {position + 1}")
        _add_include(resource, names_of(part[1])[0], part[2], found)
        position = part.end()
    return found


def _add_include(resource: Resource, path: str, options: str | None, found: Includes) -> None:
    current, inner, steps = resource, found, path.split(".")
    if len(steps) > resource.options.include_depth:
        raise ValueError(f"{path!r} is deeper than {resource.options.include_depth} relations")
    for step in steps:
        relation = current.relations.get(step)
        if relation is None:
            raise ValueError(f"unknown relation {step!r} of {current.name}{nearest(step, current.relations)}")
        limit, sort, within = inner.setdefault(step, (None, "", {}))
        if options and step is steps[-1]:
            if not relation.many:
                raise ValueError(f"{step!r} is one row: it has no limit and no sort")
            limit, sort = _include_options(options)
            sort_of(relation.target, sort)
            inner[step] = (limit, sort, within)
        current, inner = relation.target, within


def _include_options(text: str) -> tuple[int | None, str]:
    limit, sort = None, ""
    for part in _OPTION.findall(text):
        name, _, value = part.partition("=")
        if name == "limit":
            limit = number(value, 1000)
        elif name == "sort":
            sort = value
        elif sort and not _:
            sort += f",{name}"
        else:
            raise ValueError(f"unknown option {name!r} of a relation: use limit and sort")
    return limit, sort


def selection_of(
    resource: Resource, fields: Sequence[str], include: Includes, depth: int | None = None
) -> Selection:
    """Return the members of an object.

    :param fields: the columns and relations that it has; empty for all columns.
    :param depth: how many relations a path may have; None for what the resource allows.
    :raises ValueError: when one is unknown or too deep.
    """
    depth = resource.options.include_depth if depth is None else depth
    named: dict[str, list[str]] = {}
    columns: list[str] = []
    for path in fields:
        if path in resource.fields:
            columns.append(path)
            continue
        step, dot, rest = path.partition(".")
        if step not in resource.relations or (dot and not rest):
            known = [*resource.fields, *resource.relations]
            raise ValueError(f"unknown field {path!r}{nearest(path, known)}")
        if depth < 1:
            raise ValueError(f"{path[:80]!r} is in too many relations")
        named.setdefault(step, []).extend([rest] if rest else [])
    wanted = dict(include)
    for step in named:
        wanted.setdefault(step, (None, "", {}))
    ones, manys = [], []
    for name, (limit, sort, within) in wanted.items():
        relation = resource.relations[name]
        inner = selection_of(relation.target, named.get(name, []), within, depth - 1)
        if relation.many:
            order = sort_of(relation.target, sort)
            manys.append((name, Many(inner, order, limit or relation.target.options.max_page_size)))
        else:
            ones.append((name, inner))
    names = dict.fromkeys(columns) if fields else resource.fields
    return Selection(tuple(names), tuple(ones), tuple(manys))
