"""Random filter trees cover the language of filters, and their text says the same as they do."""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa

from tests.resources.evaluator import Rows, select
from tests.resources.models import fill
from tests.resources.trees import (
    LISTS,
    MUSIC,
    OPERATORS,
    Tree,
    expression,
    parameters,
    random_tree,
    value_text,
)

TABLES = sorted(MUSIC)


def _trees(count: int, deep: bool = False, seed: int = 0) -> list[Tree]:
    random_ = random.Random(seed)
    return [random_tree(random_, random_.choice(TABLES), deep=deep) for _ in range(count)]


def _comparisons(tree: Any, depth: int = 0) -> Iterator[tuple[int, str, Any]]:
    """Yield the depth, key and value of each comparison."""
    for key, value in tree.items():
        if key in ("and", "or", "not"):
            for part in value if key != "not" else [value]:
                yield from _comparisons(part, depth + 1)
        else:
            yield depth, key, value


def test_same_seed_gives_the_same_trees_and_another_gives_others() -> None:
    assert _trees(50) == _trees(50) != _trees(50, seed=1)


def test_trees_have_every_operator_on_every_kind_of_column() -> None:
    random_, seen = random.Random(1), set()
    for _ in range(10_000):
        table = random_.choice(TABLES)
        for _, key, _ in _comparisons(random_tree(random_, table)):
            if "." not in key:
                column, _, operator = key.rpartition("__")
                seen.add((MUSIC[table].columns[column or key].kind, operator if column else "eq"))
    expected = {(c.kind, o) for t in MUSIC.values() for c in t.columns.values() for o in c.operators}
    assert seen == expected
    assert {operator for _, operator in seen} == set(OPERATORS)


def test_trees_are_nested_to_depth_4() -> None:
    depths = Counter(max(depth for depth, _, _ in _comparisons(tree)) for tree in _trees(2000))
    assert set(depths) == {0, 1, 2, 3, 4}


@pytest.mark.parametrize(
    ("deep", "path"),
    [
        (False, "artist.name"), (False, "album.artist.rating"), (False, "albums__any.title"),
        (False, "tracks__none.seconds"), (False, "genres__any.name"), (True, "artist.albums__any.title"),
        (True, "albums__any.tracks__none.name"), (True, "tracks__any.album.kind"),
    ],
)  # fmt: skip
def test_trees_have_paths_along_relations(deep: bool, path: str) -> None:
    keys = {key for tree in _trees(5000, deep) for _, key, _ in _comparisons(tree)}
    assert any(re.fullmatch(re.escape(path) + "(__[a-z]+)?", key) for key in keys)


def test_plain_paths_have_one_relation_to_many_and_nothing_with_it() -> None:
    for tree in _trees(5000):
        for _, key, _ in _comparisons(tree):
            if re.search("__(any|none)[.]", key):
                assert key.count(".") == 1


@pytest.mark.parametrize(
    ("tree", "text"),
    [
        ({"title": "Blue"}, "title=Blue"),
        ({"title__like": "A%"}, "title__like=A%"),
        ({"title": "a,b"}, 'title="a,b"'),
        ({"title": 'say "x" \\'}, r'title="say \"x\" \\"'),
        ({"title": ""}, 'title=""'),
        ({"id__in": [1, 2]}, 'id__in="1,2"'),
        ({"title__in": ["a,b", "c"]}, r'title__in="\"a,b\",c"'),
        ({"price__between": ["0.01", "9.99"]}, 'price__between="0.01,9.99"'),
        ({"artist.name__isnull": True}, "artist.name__isnull=true"),
        ({"id__gt": 3, "id__lt": 5}, "and(id__gt=3,id__lt=5)"),
        ({"or": [{"title__like": "A%"}, {"and": [{"id__gt": 3}, {"not": {"artist.name": "x y"}}]}]},
         'or(title__like=A%,and(id__gt=3,not(artist.name="x y")))'),
    ],
)  # fmt: skip
def test_expression_of_a_tree(tree: Tree, text: str) -> None:
    assert expression(tree) == text


def test_parameters_of_an_and_of_comparisons() -> None:
    assert parameters({"id__in": [1, 2], "title": "a,b", "artist.name__in": ["a,b", 'c"']}) == [
        ("id__in", "1,2"),
        ("title", "a,b"),
        ("artist.name__in", '"a,b","c\\""'),
    ]
    assert parameters({"or": [{"id": 1}]}) is None


def _items(text: str) -> list[str]:
    """Split a list by its commas, outside of quotes."""
    items, at = [], 0
    while True:
        found = re.compile(r'"((?:[^"\\]|\\.)*)"|[^",]*', re.DOTALL).match(text, at)
        assert found
        items.append(found[0] if found[1] is None else re.sub(r"\\(.)", r"\1", found[1], flags=re.DOTALL))
        at = found.end() + 1
        if at > len(text):
            return items
        assert text[at - 1] == ","


def _parse(text: str, start: int = 0) -> tuple[Any, int]:
    """Read an expression; return it with texts for values, and its end."""
    if found := re.compile(r"(and|or|not)\(").match(text, start):
        parts, at = [], found.end()
        while True:
            part, at = _parse(text, at)
            parts.append(part)
            if text[at] == ")":
                return (found[1], parts), at + 1
            assert text[at] == ","
            at += 1
    found = re.compile(r'([^=(),]+)=(?:"((?:[^"\\]|\\.)*)"|([^,)"]*))', re.DOTALL).match(text, start)
    assert found, text[start:]
    value = found[3] if found[2] is None else re.sub(r"\\(.)", r"\1", found[2], flags=re.DOTALL)
    return (found[1], value), found.end()


def _plain(tree: Tree) -> Any:
    """Return the tree as ``_parse`` does."""
    parts: list[Any] = []
    for key, value in tree.items():
        if key in ("and", "or"):
            parts.append((key, [_plain(part) for part in value]))
        elif key == "not":
            parts.append((key, [_plain(value)]))
        else:
            parts.append((key, value_text(key.rpartition("__")[2], value)))
    return parts[0] if len(parts) == 1 else ("and", parts)


def test_expression_is_read_as_the_tree() -> None:
    for tree in _trees(3000, deep=True):
        text = expression(tree)
        assert _parse(text) == (_plain(tree), len(text))


def test_lists_are_read_as_their_items() -> None:
    lists = [
        value
        for tree in _trees(3000)
        for _, key, value in _comparisons(tree)
        if key.rpartition("__")[2] in LISTS
    ]
    assert len(lists) > 1000
    for items in lists:
        assert _items(value_text("in", items)) == [str(item) for item in items]


@pytest.mark.parametrize("table", TABLES)
def test_many_trees_select_some_rows_but_not_all(table: str) -> None:
    with sa.create_engine("sqlite://").begin() as connection:
        fill(connection, 80, 2)
        rows = Rows.load(connection.connection.dbapi_connection)
    random_, total = random.Random(3), len(rows.rows[table])
    counts = [len(select(rows, random_tree(random_, table), table)) for _ in range(500)]
    assert sum(0 < count < total for count in counts) > 125
