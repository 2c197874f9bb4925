"""Random filter trees select the rows that an independent evaluator selects, however they are sent."""

from __future__ import annotations

import random
from functools import partial
from typing import Any

import pytest

from debonair.descriptions.kinds_of_numbers import whole_of
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


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("id=4.0", "id=4"),
        ("id__in=1.00,4e0", "id__in=1,4"),
        ("id__between=-0.0,3E0", "id__between=0,3"),
        ("filter=id=40e-1", "filter=id=4"),
        ("page=2.0&page_size=2e0", "page=2&page_size=2"),
    ],
)
def test_an_integer_may_be_written_as_any_number_without_a_fraction(
    tmp_path: Any, written: str, meant: str
) -> None:
    with serving({"uri": f"sqlite:///{tmp_path}/t.db"}, MUSIC, partial(fill, rows=20)) as served:
        assert served.get("/albums", written)["objects"] == served.get("/albums", meant)["objects"]
        assert served.get("/albums", written)["num_results"]


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("9223372036854775807", 2**63 - 1), ("9223372036854775807.0", 2**63 - 1),
        ("922337203685477580.7e1", 2**63 - 1), ("1e18", 10**18), ("-0.0", 0), ("007", 7), ("+7", 7),
        ("0e99", 0),
    ],
)  # fmt: skip
def test_an_integer_is_read_exactly(text: str, number: int) -> None:
    assert whole_of(text) == number


@pytest.mark.parametrize(
    "text",
    ["", "x", "1.5", "1.", ".0", "1e-1", "1e19", "1e99", "0x1", "1_0", " 1", "1.0 ", "٣", "NaN", "Infinity",
     "--1", "9223372036854775807.1", "1e999999999"],
)  # fmt: skip
def test_what_is_no_integer_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="must be an integer"):
        whole_of(text)


def test_a_row_has_one_url(tmp_path: Any) -> None:
    with serving({"uri": f"sqlite:///{tmp_path}/t.db"}, MUSIC, partial(fill, rows=20)) as served:
        served.get("/albums/1")
        for path in ("/albums/1.0", "/albums/1e0", "/albums/10e-1/artist"):
            served.get(path, status=404)


@pytest.mark.parametrize("format_", ["json", "csv", "ndjson"])
def test_the_least_number_of_a_type_can_be_compared(database: dict[str, Any], format_: str) -> None:
    with serving(database, MUSIC, partial(fill, rows=5)) as served:
        client = served.app.test_client()
        query = f"id__ge=-2147483648&price__gt=-0.5&artist.rating__ge=-1.5&format={format_}"
        response = client.get(f"/albums?{query}")
        assert response.status_code == 200, response.get_data(as_text=True)
