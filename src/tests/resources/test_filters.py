"""Random filter trees select the rows that an independent evaluator selects, however they are sent."""

from __future__ import annotations

import random
from functools import partial
from typing import Any

import pytest

from tests.resources.evaluator import Rows, select
from tests.resources.models import MUSIC, fill
from tests.resources.served import Served, serving
from tests.resources.trees import MUSIC as TABLES
from tests.resources.trees import Tree, expression, parameters, random_tree

COMMON = {"fields": "id", "page_size": "1000", "count": "none", "sort": "id"}


def _selected(served: Served, table: str, tree: Tree, way: str) -> list[int]:
    if way == "QUERY":
        body = served.query(f"/{table}", COMMON | {"filter": tree})
    else:
        plain = parameters(tree) if way == "parameters" else None
        pairs = [*COMMON.items(), *(plain if plain is not None else [("filter", expression(tree))])]
        body = served.get(f"/{table}", pairs)
    return [row["id"] for row in body["objects"]]


def _compare(served: Served, count: int, seed: int) -> None:
    with served.engine.connect() as connection:
        rows = Rows.load(connection.connection)
    random_, unicode_case = random.Random(seed), served.engine.dialect.name == "postgresql"
    names, telling = sorted(TABLES), 0
    for number in range(count):
        table = random_.choice(names)
        tree = random_tree(random_, table, deep=random_.random() < 0.3)
        expected = select(rows, tree, table, unicode_case)
        way = ("parameters", "filter", "QUERY")[number % 3]
        assert _selected(served, table, tree, way) == expected, (way, table, tree)
        telling += 0 < len(expected) < len(rows.rows[table])
    assert telling > count / 4  # the others select nothing, or every row


def test_300_random_trees_equal_the_evaluator(tmp_path: Any) -> None:
    with serving({"uri": f"sqlite:///{tmp_path}/t.db"}, MUSIC, partial(fill, rows=40)) as served:
        _compare(served, 300, seed=0)


@pytest.mark.acceptance
def test_10000_random_trees_equal_the_evaluator(database: dict[str, Any]) -> None:
    with serving(database, MUSIC, partial(fill, rows=60)) as served:
        _compare(served, 10_000, seed=1)


@pytest.mark.parametrize(
    ("repeated", "joined"),
    [
        ("id__in=1&id__in=2", "id__in=1,2"),
        ("id__in=1,3&id__in=2", "id__in=1,2,3"),
        ("id__nin=1&id__lt=5&id__nin=2", "id__nin=1,2&id__lt=5"),
        ("id__between=2&id__between=4", "id__between=2,4"),
        ("artist.id__in=1&artist.id__in=2", "artist.id__in=1,2"),
        ('title__in="A,b"&title__in=Blue', 'title__in="A,b",Blue'),
    ],
)
def test_a_list_may_be_given_as_repeated_parameters(tmp_path: Any, repeated: str, joined: str) -> None:
    with serving({"uri": f"sqlite:///{tmp_path}/t.db"}, MUSIC, partial(fill, rows=20)) as served:
        assert served.get("/albums", repeated)["objects"] == served.get("/albums", joined)["objects"]
        served.get("/albums", "id__between=1&id__between=2&id__between=3", status=400)
