"""The names of relations between tables. They depend on the schema alone, so they are the same at each start.

A name is the first of these that is neither a column nor another relation of the table:

* to-one: the column of the foreign key without ``_id`` (``author_id``: ``author``), the singular of the other
  table's name, that name, and that name with the columns (``people_by_author_id``);
* to-many: the name of the other table, when one foreign key of it refers here, else the name with the
  columns (``orders_by_customer_id``); ``children`` where the key is a table's own ``parent_id``;
* one-to-one, from the table that is referred to: the singular of the other table's name, and as to-many;
* many-to-many: the name of the table on the other side, and that name with the one between
  (``tags_by_post_tag``).

A number follows where all are in use: ``author_2``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import chain

_KEY_SUFFIX = re.compile(r"^(.*[^_])(?:_(?:id|ID|Id|fk|FK)|(?<=[a-z0-9])I[dD])$")

_PLURALS = (
    (re.compile("ies$"), "y"),
    (re.compile("(?<=[sxz])es$|(?<=[cs]h)es$"), ""),
    (re.compile("(?<![su'i])s$"), ""),
)


def stem(column: str) -> str | None:
    """Return the column of a foreign key without its suffix, or None when it has none."""
    match = _KEY_SUFFIX.match(column)
    return match[1] if match else None


def singular(name: str) -> str:
    """Return the singular of an English plural; another name as it is."""
    for pattern, end in _PLURALS:
        if pattern.search(name):
            return pattern.sub(end, name)
    return name


def attribute(column: str) -> str:
    """Return the attribute for a column: its name, with ``_`` after one that every Python class has."""
    return column + "_" if column.startswith(("__", "_sa_")) else column


class Names:
    """The names that a class has, columns first.

    :param columns: the attributes of its columns.
    """

    def __init__(self, columns: Iterable[str]) -> None:
        self._taken = set(columns)

    def take(self, *candidates: str | None) -> str:
        """Return the first candidate that is free, and keep it; None is no candidate."""
        named = [name for name in candidates if name]
        found = next(name for name in chain(named, _numbered(named[0])) if self._is_free(name))
        self._taken.add(found)
        return found

    def _is_free(self, name: str) -> bool:
        return name not in self._taken and attribute(name) == name


def _numbered(name: str) -> Iterator[str]:
    number = 2
    while True:
        yield f"{name.lstrip('_')}_{number}"
        number += 1


def to_one(columns: tuple[str, ...], table: str) -> tuple[str | None, ...]:
    """Return the candidates for a relation to one row of ``table`` through ``columns``."""
    own = stem(columns[0]) if len(columns) == 1 else None
    return own, singular(table), table, by(table, columns)


def to_many(columns: tuple[str, ...], table: str, *, only: bool, own: bool) -> tuple[str | None, ...]:
    """Return the candidates for a relation to the rows of ``table`` that refer here through ``columns``.

    :param only: whether no other foreign key of ``table`` refers here. :param own: whether it is this table.
    """
    children = (
        "children" if own and len(columns) == 1 and (stem(columns[0]) or "").lower() == "parent" else None
    )
    return children, table if only and not own else None, by(table, columns)


def by(table: str, columns: Iterable[str]) -> str:
    """Return the name of a table with columns or a table that lead to it."""
    return f"{table}_by_{'_'.join(columns)}"
