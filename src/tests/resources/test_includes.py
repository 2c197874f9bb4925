"""Embedded relations are those of plain SQL, in one statement at any depth, whatever the names are."""

from __future__ import annotations

import random
from functools import partial
from typing import Any
from urllib.parse import quote

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import DeclarativeBase, mapped_column, relationship

import debonair
from tests.resources.evaluator import Row, Rows
from tests.resources.models import MUSIC, fill
from tests.resources.served import Served, serving
from tests.resources.trees import MUSIC as TABLES

Tree = dict[str, Any]
"""What is embedded, by relation: the limit and the sort of a to-many relation, and what is embedded in it."""

SORTS = {
    "artists": ("id", "-id", "name", "-rating"), "albums": ("-id", "title", "-price"),
    "tracks": ("-id", "name", "-seconds", "position"), "genres": ("name", "-name"),
}  # fmt: skip


def _tree(random_: random.Random, table: str, depth: int) -> Tree:
    found: Tree = {}
    for name, relation in TABLES[table].relations.items():
        if depth and random_.random() < 0.8:
            inner = _tree(random_, relation.table, depth - 1)
            limit = random_.choice((None, 1, 2, 3))
            found[name] = (limit, random_.choice((None, *SORTS[relation.table])), inner)
    return found


def _include(table: str, tree: Tree, prefix: str = "") -> list[str]:
    found = []
    for name, (limit, sort, inner) in tree.items():
        options = [f"limit={limit}"] * (limit is not None) + [f"sort={sort}"] * (sort is not None)
        many = TABLES[table].relations[name].many
        found.append(prefix + name + (f"({','.join(options)})" if many and options else ""))
        found += _include(TABLES[table].relations[name].table, inner, f"{prefix}{name}.")
    return found


def _fields(table: str, tree: Tree, prefix: str = "") -> list[str]:
    found = [f"{prefix}id"]
    for name, (_, _, inner) in tree.items():
        found += _fields(TABLES[table].relations[name].table, inner, f"{prefix}{name}.")
    return found


def _sorted(rows: list[Row], sort: str | None, nulls_first: bool) -> list[Row]:
    found = sorted(rows, key=lambda row: row["id"])
    if sort is None:
        return found
    name, descending = sort.lstrip("-"), sort.startswith("-")

    def key(row: Row) -> Any:
        value = row[name]
        return ((value is not None) == nulls_first, 0 if value is None else value)

    if name == "id":
        return found[::-1] if descending else found
    return sorted(found, key=key, reverse=descending)


def _expected(rows: Rows, table: str, row: Row, tree: Tree, nulls_first: bool) -> dict[str, Any]:
    found: dict[str, Any] = {"id": row["id"]}
    for name, (limit, sort, inner) in tree.items():
        relation = TABLES[table].relations[name]
        related = rows.related(relation, row)
        if relation.many:
            related = _sorted(related, sort, nulls_first)[: limit or 1000]
        objects = [_expected(rows, relation.table, each, inner, nulls_first) for each in related]
        found[name] = objects if relation.many else next(iter(objects), None)
    return found


def _compare(served: Served, count: int) -> None:
    with served.engine.connect() as connection:
        rows = Rows.load(connection.connection)
    random_, nulls_first = random.Random(count), served.engine.dialect.name == "sqlite"
    for _ in range(count):
        table = random_.choice(sorted(TABLES))
        tree = _tree(random_, table, 3)
        query = {"include": ",".join(_include(table, tree)), "fields": ",".join(_fields(table, tree)),
                 "page_size": "1000", "count": "none"}  # fmt: skip
        served.reset()
        page = served.get(f"/{table}", query)
        assert len(served.statements) == 1, served.statements
        ordered = sorted(rows.rows[table], key=lambda row: row["id"])
        expected = [_expected(rows, table, row, tree, nulls_first) for row in ordered]
        assert page["objects"] == expected, query


def test_random_includes_are_those_of_plain_sql(tmp_path: Any) -> None:
    with serving({"uri": f"sqlite:///{tmp_path}/t.db"}, MUSIC, partial(fill, rows=8)) as served:
        _compare(served, 12)


@pytest.mark.acceptance
def test_300_random_includes_are_those_of_plain_sql(database: dict[str, Any]) -> None:
    with serving(database, MUSIC, partial(fill, rows=16)) as served:
        _compare(served, 300)


@pytest.mark.parametrize("rows", [1, 40])
def test_a_page_is_one_statement_and_two_with_a_count(rows: int, database: dict[str, Any]) -> None:
    with serving(database, MUSIC, partial(fill, rows=rows)) as served:
        for path, include in (
            ("/artists", "albums.tracks.genres"), ("/genres", "tracks.album.artist"),
            ("/artists/1/albums", "tracks,artist.albums.tracks"), ("/albums/1", "artist.albums.tracks"),
        ):  # fmt: skip
            for count, most in (("none", 1), ("exact", 2)):
                served.reset()
                page = {"count": count, "page_size": "3"} if path != "/albums/1" else {}
                served.get(path, {"include": include} | page)
                assert len(served.statements) <= most, served.statements


STRANGE = (
    "group", "select", "a b", "a/b", "a.b", "a..b", 'say "hi"', "it's", "50% off", "%", "%%s", "%(x)s", "a:b",
    ":v0", "::int", "limit", "offset", "v0", "ż", "{x}", "?", "[x]", "a,b", "-a", "a(b)", "c0", "\\", "__eq",
    "a__gt", "q", "page",
)  # fmt: skip


class Strange(DeclarativeBase):
    """Tables whose names are no identifiers."""


class Order(Strange):
    __tablename__ = 'order of 50% "x":y'
    id = mapped_column("%key:", sa.Integer, primary_key=True)
    other_id = mapped_column("other%id", sa.ForeignKey(id))
    other = relationship("Order", remote_side=[id], back_populates="others")
    others = relationship("Order", back_populates="other")


for _name in STRANGE:
    setattr(Order, _name, mapped_column(_name, sa.Text))


class Shelf(Strange):
    __tablename__ = "shelf:1/2"
    house = mapped_column("h,o", sa.Text, primary_key=True)
    number = mapped_column("n%", sa.Integer, primary_key=True)
    books = relationship("Book", back_populates="shelf")


class Book(Strange):
    __tablename__ = "books"
    __table_args__ = (sa.ForeignKeyConstraint(["ho", "nu"], [Shelf.house, Shelf.number]),)
    id = mapped_column(sa.Integer, primary_key=True)
    ho = mapped_column(sa.Text)
    nu = mapped_column(sa.Integer)
    shelf = relationship("Shelf", back_populates="books")


HOUSES = ("a,b", "c/d", "50%", 'q"', "ż", "", "%2C", "a b", ":x", "..")


def _strange(connection: sa.Connection) -> None:
    tables = Strange.metadata.tables
    orders = [{"%key:": n, "other%id": n} | {name: f"{name} {n}" for name in STRANGE} for n in (1, 2)]
    # Names such as "%(x)s" cannot be parameters of the driver.
    for order in orders:
        table = tables[Order.__tablename__]
        connection.execute(sa.insert(table).values({table.c[key]: value for key, value in order.items()}))
    shelves = [{"h,o": house, "n%": n} for house in HOUSES for n in (-1, 2)]
    connection.execute(sa.insert(tables[Shelf.__tablename__]), shelves)
    books = [{"id": n, "ho": shelf["h,o"], "nu": shelf["n%"]} for n, shelf in enumerate(shelves, 1)]
    connection.execute(sa.insert(tables["books"]), books)


@pytest.fixture
def strange(database: dict[str, Any]) -> Any:
    with serving(database, [Shelf, Book], _strange) as served:
        debonair.expose(served.app, Order, name="orders")
        yield served


def test_columns_of_any_name_are_read_and_filtered(strange: Served) -> None:
    for name in STRANGE:
        _filtered(strange, name)


def _filtered(strange: Served, name: str) -> None:
    expected = f"{name} 2"
    assert strange.get("/orders/2")[name] == expected
    for query in (
        {f"{name}__eq": expected}, {f"other.{name}__eq": expected}, {f"others__any.{name}__eq": expected},
        {"filter": f'"{_escaped(name)}__eq"="{_escaped(expected)}"'},
        {f"{name}__in": f'"{_escaped(expected)}"'},
    ):  # fmt: skip
        page = strange.get("/orders", [*query.items(), ("include", "other,others")])
        (found,) = page["objects"]
        assert found[name] == found["other"][name] == found["others"][0][name] == expected
    body = {"filter": {f"{name}__eq": expected}, "include": "others"}
    assert strange.query("/orders", body)["objects"][0]["others"][0][name] == expected


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')


def test_columns_of_any_name_are_sorted_by_and_chosen(strange: Served) -> None:
    for name in STRANGE:
        if "," not in name and not name.startswith("-"):
            _chosen(strange, name)


def _chosen(strange: Served, name: str) -> None:
    query = [("sort", f"-{name}"), ("fields", f"id,{name}"), ("page_size", "1")]
    (found,) = strange.get("/orders", query)["objects"]
    assert found == {"id": 2, name: f"{name} 2"}
    token = strange.get("/orders", [*query, ("after", "")])["after"]
    (found,) = strange.get("/orders", [*query, ("after", token)])["objects"]
    assert found[name] == f"{name} 1"


def test_composite_keys_lead_to_their_row_and_its_relations(strange: Served) -> None:
    for number in range(1, 2 * len(HOUSES) + 1):
        _composite(strange, number)


def _composite(strange: Served, number: int) -> None:
    book = strange.get(f"/books/{number}", "include=shelf")
    key = f"{quote(book['ho'], safe='')},{book['nu']}"
    path = f"/{quote('shelf:1%2F2', safe='')}/{quote(key, safe='')}"
    shelf = strange.get(path, "include=books")
    assert shelf == {
        "house": book["ho"],
        "number": book["nu"],
        "books": [{"id": number, "ho": book["ho"], "nu": book["nu"]}],
    }
    assert book["shelf"] == {"house": book["ho"], "number": book["nu"]}
    assert [row["id"] for row in strange.get(f"{path}/books")["objects"]] == [number]
    assert strange.get(f"/books/{number}/shelf") == book["shelf"]
