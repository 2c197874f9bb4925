"""Random filter trees over described tables, and their text for the query parameter ``filter``.

A tree is the JSON form of a filter: ``{"title__like": "A%"}``, ``{"and": [...]}``, ``{"or": [...]}`` or
``{"not": ...}``; an object with several members is an AND of them. ``random_tree`` makes one, ``expression``
is its text, and ``parameters`` are the query parameters of a tree that is an AND of comparisons.
"""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.resources.models import GENRES, TITLES, Kind

Tree = dict[str, Any]

EQUALITY = ("eq", "ne", "in", "nin", "isnull")
ORDER = ("lt", "le", "gt", "ge", "between")
TEXT = ("like", "ilike", "contains", "startswith")
OPERATORS = (*EQUALITY, *ORDER, *TEXT)
LISTS = ("in", "nin", "between")
"""The operators whose value is a list."""


@dataclass(frozen=True)
class Column:
    """A column: ``kind`` is one of integer, float, decimal, string, date, datetime, enum, boolean."""

    kind: str
    samples: Sequence[Any]
    """Values to compare with, as they are in JSON."""

    @property
    def operators(self) -> tuple[str, ...]:
        if self.kind in ("enum", "boolean"):
            return EQUALITY
        return OPERATORS if self.kind == "string" else EQUALITY + ORDER


@dataclass(frozen=True)
class Relation:
    """A relation to the rows of ``table`` whose ``remote`` column equals the row's ``local`` column.

    ``through`` is the table of a many-to-many relation, its column for the row and that for the related row.
    """

    table: str
    local: str
    remote: str
    many: bool = False
    through: tuple[str, str, str] | None = None


@dataclass(frozen=True)
class Table:
    """A table by its columns and relations."""

    columns: dict[str, Column]
    relations: dict[str, Relation] = field(default_factory=dict)


_KEYS = (-1, 0, 1, 2, 3, 5, 8, 13, 21, 50, 100, 2147483647)
_NAMES = (*TITLES, "Artist 30", "Album 4", "nothing")
_MOMENTS = ("1950-01-01T00:00:00", "1999-12-31T23:59:59", "1999-12-31T23:59:59.500000", "2024-06-01T12:00:00")

MUSIC: dict[str, Table] = {
    "artists": Table(
        {
            "id": Column("integer", _KEYS),
            "name": Column("string", _NAMES),
            "country": Column("string", ("DE", "PL", "JP", "de", "", "XX")),
            "rating": Column("float", (-1.0, 0.0, 0.1, 0.5, 2.5, 4.75, 5, 1e308, 5e-324)),
            "born": Column("date", ("1950-01-01", "1999-12-31", "2000-01-01", "2024-02-29")),
        },
        {"albums": Relation("albums", "id", "artist_id", many=True)},
    ),
    "albums": Table(
        {
            "id": Column("integer", _KEYS),
            "title": Column("string", _NAMES),
            "artist_id": Column("integer", _KEYS),
            "released": Column("datetime", _MOMENTS),
            "price": Column("decimal", ("0", "0.00", "0.01", "9.99", "9.990", "12.5", "99999999.99", "-1")),
            "kind": Column("enum", tuple(kind.name for kind in Kind)),
        },
        {
            "artist": Relation("artists", "artist_id", "id"),
            "tracks": Relation("tracks", "id", "album_id", many=True),
        },
    ),
    "tracks": Table(
        {
            "id": Column("integer", _KEYS),
            "album_id": Column("integer", _KEYS),
            "name": Column("string", _NAMES),
            "seconds": Column("integer", (0, 1, 180, 181, 240, 2147483647)),
            "position": Column("integer", (-1, 0, 1, 2, 3, 5, 6)),
        },
        {
            "album": Relation("albums", "album_id", "id"),
            "genres": Relation(
                "genres", "id", "id", many=True, through=("track_genres", "track_id", "genre_id")
            ),
        },
    ),
    "genres": Table(
        {"id": Column("integer", _KEYS), "name": Column("string", (*GENRES, "Polka"))},
        {
            "tracks": Relation(
                "tracks", "id", "id", many=True, through=("track_genres", "genre_id", "track_id")
            )
        },
    ),
}
"""The tables of the music library of models.py."""


def _pattern(random_: random.Random, text: str) -> str:
    """Return a pattern that is made from ``text``: near it, and often one that it matches."""
    literal = re.sub(r"([\\%_])", r"\\\1", text)
    middle = random_.randint(0, len(text))
    pattern = random_.choice(
        (text, literal, text.swapcase(), text[:middle] + "%", f"%{text[middle:]}", f"%{text[1:2]}%",
        literal + "_",
         text[:middle] + "_" + text[middle + 1 :], "%", "_%", "")
    )  # fmt: skip
    trailing = len(pattern) - len(pattern.rstrip("\\"))
    return pattern + "\\" * (trailing % 2)  # PostgreSQL rejects a pattern that ends within an escape


def _value(random_: random.Random, column: Column, operator: str) -> Any:
    if operator == "isnull":
        return random_.random() < 0.5
    if operator == "between":
        pair = random_.choices(column.samples, k=2)
        return (
            sorted(pair, key=float if column.kind == "decimal" else None) if random_.random() < 0.8 else pair
        )
    if operator in LISTS:
        return random_.choices(column.samples, k=random_.randint(1, 5))
    sample = random_.choice(column.samples)
    if operator in ("like", "ilike"):
        return _pattern(random_, sample)
    if operator in TEXT:
        start = random_.randint(0, len(sample)) if operator == "contains" else 0
        return sample[start : start + random_.randint(0, 4)]
    return sample


def _path(random_: random.Random, tables: dict[str, Table], name: str, deep: bool) -> tuple[str, Table]:
    """Return a random way along relations, "" or ending with ".", and the table that it leads to."""
    path = ""
    for _ in range(2):
        # The plain form has to-one relations only, or one to-many relation.
        relations = tables[name].relations.items()
        choices = [(step, relation) for step, relation in relations if deep or not (path and relation.many)]
        if not choices or random_.random() > 0.45:
            break
        step, relation = random_.choice(choices)
        path += step + (random_.choice(("__any.", "__none.")) if relation.many else ".")
        name = relation.table
        if relation.many and not deep:
            break
    return path, tables[name]


def _comparison(random_: random.Random, tables: dict[str, Table], name: str, deep: bool) -> Tree:
    path, table = _path(random_, tables, name, deep)
    column = random_.choice(list(table.columns))
    operator = random_.choice(table.columns[column].operators)
    value = _value(random_, table.columns[column], operator)
    bare = operator == "eq" and random_.random() < 0.5
    return {path + column + ("" if bare else f"__{operator}"): value}


def random_tree(
    random_: random.Random,
    table: str = "albums",
    depth: int = 4,
    deep: bool = False,
    tables: dict[str, Table] = MUSIC,
) -> Tree:
    """Return a tree for ``table`` with at most ``depth`` levels of and, or, not.

    Its paths have up to two to-one relations, or one to-many relation. With ``deep`` both relations of a path
    can be of any kind: ``artist.albums__any.title``, ``albums__any.tracks__none.name``.
    """
    if depth == 0 or random_.random() < 0.35:
        tree: Tree = {}
        for _ in range(random_.choice((1, 1, 1, 2))):
            tree |= _comparison(random_, tables, table, deep)
        return tree
    connective = random_.choice(("and", "or", "not"))
    if connective == "not":
        tree = {"not": random_tree(random_, table, depth - 1, deep, tables)}
    else:
        parts = [random_tree(random_, table, depth - 1, deep, tables) for _ in range(random_.randint(1, 3))]
        tree = {connective: parts}
    if random_.random() < 0.15:
        tree |= _comparison(random_, tables, table, deep)
    return tree


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _quoted(text: str) -> str:
    return '"' + re.sub(r'(["\\])', r"\\\1", text) + '"'


def _bare_or_quoted(text: str) -> str:
    return text if re.fullmatch(r"[\w.:+%-]+", text) else _quoted(text)


def value_text(operator: str, value: Any) -> str:
    """Return the text of a value as a query parameter has it: ``column__operator=text``."""
    return ",".join(_bare_or_quoted(_text(item)) for item in value) if operator in LISTS else _text(value)


def _operator(key: str) -> str:
    last = key.rpartition(".")[2].rpartition("__")
    return last[2] if last[1] else "eq"


def expression(tree: Tree) -> str:
    """Return the text of a tree for ``filter=``, before percent-encoding."""
    parts = [_member(key, value) for key, value in tree.items()]
    return parts[0] if len(parts) == 1 else f"and({','.join(parts)})"


def _member(key: str, value: Any) -> str:
    if key in ("and", "or"):
        return f"{key}({','.join(map(expression, value))})"
    if key == "not":
        return f"not({expression(value)})"
    return f"{key}={_bare_or_quoted(value_text(_operator(key), value))}"


def parameters(tree: Tree) -> list[tuple[str, str]] | None:
    """Return the tree as query parameters, before percent-encoding; None where it has and, or, not."""
    if tree.keys() & {"and", "or", "not"}:
        return None
    return [(key, value_text(_operator(key), value)) for key, value in tree.items()]
