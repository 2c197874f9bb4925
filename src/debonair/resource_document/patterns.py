"""Patterns for the names in the parameters ``sort``, ``fields`` and ``include`` of the OpenAPI document."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator

from debonair.descriptions.description import Relation, Resource
from debonair.queries.expression import must_quote, quoted

LONGEST = 4000
"""Characters: a pattern of more relations names the first ones only, and allows any path into them."""

_ANY = "[^,()]+"
_LIMIT = "limit=(?:[1-9][0-9]{0,2}|1000)"


def sorts(resource: Resource) -> str:
    """Return the pattern of a column to sort by; empty when there is none."""

    def columns(each: Resource, depth: int) -> list[str]:
        return [column.name for column in each.columns.values() if column.sortable]

    def to_one(each: Resource) -> list[Relation]:
        return [relation for relation in each.relations.values() if not relation.many]

    depth = resource.options.include_depth
    found = _shortest(lambda depth, rest: _paths(resource, columns, to_one, depth, rest), depth)
    plain = [f"-?(?:{found})"] if found else []
    return "|".join(plain + _in_quotes("-?", resource, columns, to_one))


def fields(resource: Resource) -> str:
    """Return the pattern of a member, or of one of an embedded relation."""

    def members(each: Resource, depth: int) -> list[str]:
        return [*each.columns, *(each.relations if depth else ())]

    def every(each: Resource) -> Iterable[Relation]:
        return each.relations.values()

    depth = resource.options.include_depth
    found = _shortest(lambda depth, rest: _paths(resource, members, every, depth, rest), depth)
    return "|".join(([found] if found else []) + _in_quotes("", resource, members, every))


def includes(resource: Resource) -> str:
    """Return the pattern of a relation to embed."""
    return _shortest(lambda depth, rest: _included(resource, depth, rest), resource.options.include_depth)


def _shortest(make: Callable[[int, bool], str], depth: int) -> str:
    """Return the pattern of the greatest depth that is not too long; a rest is any text."""
    for each in range(depth, 0, -1):
        if len(found := make(each, each < depth)) <= LONGEST:
            return found
    return make(0, depth > 0)


def _paths(
    resource: Resource,
    names: Callable[[Resource, int], list[str]],
    follow: Callable[[Resource], Iterable[Relation]],
    depth: int,
    rest: bool,
) -> str:
    found = [escaped(name) for name in names(resource, depth) if not must_quote(name)]
    for relation in follow(resource) if depth or rest else ():
        inner = _paths(relation.target, names, follow, depth - 1, rest) if depth else _ANY
        if inner and not must_quote(relation.name):
            found.append(f"{escaped(relation.name)}\\.(?:{inner})")
    return "|".join(found)


def _in_quotes(
    sign: str,
    resource: Resource,
    names: Callable[[Resource, int], list[str]],
    follow: Callable[[Resource], Iterable[Relation]],
) -> list[str]:
    """Return the pattern of the paths that are quoted, as a name in them has a comma; [] for none.

    :param sign: the pattern of what may stand before a path, within the quotes.
    """

    def paths(each: Resource, start: str, depth: int) -> Iterator[str]:
        yield from (start + name for name in names(each, depth) if must_quote(start + name))
        for relation in follow(each) if depth else ():
            yield from paths(relation.target, f"{start}{relation.name}.", depth - 1)

    found, length = [], 0
    for path in paths(resource, "", resource.options.include_depth):
        text = escaped(quoted(path)[1:-1])
        length += len(text)
        if length > LONGEST:
            break
        found.append(text)
    return [f'"{sign}(?:{"|".join(found)})"'] if found else []


def _included(resource: Resource, depth: int, rest: bool) -> str:
    if not depth:
        return _ANY if rest else ""
    found = []
    for relation in resource.relations.values():
        if re.search("[,()]", relation.name):
            continue
        inner = _included(relation.target, depth - 1, rest)
        further = [f"\\.(?:{inner})"] if inner else []
        if relation.many:
            further.append(_options(relation.target))
        found.append(escaped(relation.name) + (f"(?:{'|'.join(further)})?" if further else ""))
    return "|".join(found)


def _options(resource: Resource) -> str:
    """Return the pattern of how many of a to-many relation are embedded, and in which order."""
    columns = "|".join(
        escaped(name) for name, column in resource.columns.items()
        if column.sortable and not re.search("[,()]", name)
    )  # fmt: skip
    if not columns:
        return f"\\({_LIMIT}\\)"
    sort = f"sort=-?(?:{columns})"
    return f"\\((?:{_LIMIT}(?:,{sort})?|{sort})\\)"


def escaped(text: str) -> str:
    """Return a pattern for a text: only what ECMA-262 knows as special in Unicode mode is escaped."""
    return text.translate(_ESCAPES)


_ESCAPES = str.maketrans({character: f"\\{character}" for character in r"\^$.|?*+()[]{}"})
