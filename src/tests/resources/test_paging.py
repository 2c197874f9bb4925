"""Pages by number and by key: their links lead to every row exactly once, also while other rows change."""

from __future__ import annotations

import random
import re
from functools import partial
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
import sqlalchemy as sa

from debonair.descriptions.kinds import kind_of
from debonair.queries import sorting
from debonair.resources.exposing import views_of
from tests.resources.models import MUSIC, fill
from tests.resources.served import Served, serving
from tests.resources.test_exactness import drawn, model
from tests.resources.values import TYPES, strategy_for

SORTS = (
    "", "id", "-id", "title", "-title,price", "price,-title", "-price,kind,-released", "released",
    "-released",
    "artist.name", "-artist.name,released", "artist.rating,-artist.born,title", "-artist.rating",
    "kind,-artist.country,price", "artist_id,-artist.id", "artist.country,-price,artist.rating,-kind",
)  # fmt: skip
MORE = (
    "-title",
    "price",
    "-artist.country,-title",
    "artist.born,price,-id",
    "-id,title",
    "kind",
    "-kind,-id",
)


def _links(served: Served, url: str) -> dict[str, str]:
    response = served.app.test_client().get(url)
    assert response.status_code == 200
    pairs = re.findall(r'<([^>]*)>; rel="(\w+)"', response.headers["Link"])
    return {name: link for link, name in pairs}


@pytest.fixture
def served(database: dict[str, Any]) -> Any:
    with serving(database, MUSIC, partial(fill, rows=60)) as found:
        yield found


@pytest.mark.parametrize(
    ("page", "names"),
    [(1, "first next last"), (2, "first prev next last"), (12, "first prev last"), (13, "first prev last")],
)
def test_links_lead_to_the_other_pages(served: Served, page: int, names: str) -> None:
    links = _links(served, f"/albums?page={page}&page_size=5")
    pages = {"first": 1, "prev": page - 1, "next": page + 1, "last": 12}
    found = {name: dict(parse_qsl(urlsplit(link).query)) for name, link in links.items()}
    assert found == {name: {"page": str(pages[name]), "page_size": "5"} for name in names.split()}


def test_links_keep_every_other_parameter(served: Served) -> None:
    query = "title__ne=a%26b%3Dc%3E%22%C5%BC&sort=-id&page_size=3&fields=id&page=2&id__gt=1"
    for name, link in _links(served, f"/albums?{query}").items():
        given, kept = parse_qsl(query), parse_qsl(urlsplit(link).query)
        assert sorted(pair for pair in kept if pair[0] != "page") == sorted(
            pair for pair in given if pair[0] != "page"
        ), name
        assert urlsplit(link).path == "/albums"


def test_links_of_a_relation_lead_within_it(served: Served) -> None:
    links = _links(served, "/artists/1/albums?page_size=1")
    assert {urlsplit(link).path for link in links.values()} == {"/artists/1/albums"}


def test_next_links_of_numbered_pages_lead_to_every_row_once(served: Served) -> None:
    url: str | None = "/albums?page_size=7&sort=-title&fields=id"
    seen: list[int] = []
    while url:
        seen += [row["id"] for row in served.get(url)["objects"]]
        url = _links(served, url).get("next")
    assert sorted(seen) == list(range(1, 61))


def test_an_empty_collection_has_one_page(served: Served) -> None:
    page = served.get("/albums", "id=0")
    assert page == {"num_results": 0, "objects": [], "page": 1, "total_pages": 0}
    assert set(_links(served, "/albums?id=0")) == {"first", "last"}


def test_a_page_behind_the_last_is_empty(served: Served) -> None:
    page = served.get("/albums", "page=100&page_size=20")
    assert (page["objects"], page["num_results"], page["total_pages"]) == ([], 60, 3)


@pytest.mark.parametrize("sort", SORTS)
def test_pages_by_key_have_the_rows_of_one_page_in_its_order(served: Served, sort: str) -> None:
    query = {"sort": sort, "fields": "id"}
    expected = [row["id"] for row in served.get("/albums", query | {"page_size": "1000"})["objects"]]
    for size in (1, 7, 60):
        seen, url = [], f"/albums?sort={sort}&fields=id&page_size={size}&count=none&after="
        while url:
            page = served.get(url)
            assert page["page"] is page["total_pages"] is page["num_results"] is None
            seen += [row["id"] for row in page["objects"]]
            url = _links(served, url).get("next", "")
            assert bool(url) == (page["after"] is not None)
        assert seen == expected


def test_pages_by_key_count_every_row(served: Served) -> None:
    page = served.get("/albums", "after=&page_size=5&id__gt=10")
    assert served.get("/albums", f"after={page['after']}&page_size=5&id__gt=10")["num_results"] == 50


class Disturbance:
    """Inserts and deletes albums over a connection of its own; ``ids`` are those that it leaves alone."""

    def __init__(self, engine: sa.Engine, seed: int) -> None:
        self._engine, self._random = engine, random.Random(seed)
        self._table, self._next = MUSIC.metadata.tables["albums"], 1000 + seed * 1000
        with engine.connect() as connection:
            every = connection.scalars(sa.select(self._table.c.id).where(self._table.c.id <= 60)).all()
        self._victims = self._random.sample(sorted(every), 12)
        self.ids = set(every) - set(self._victims)

    def act(self) -> None:
        with self._engine.begin() as connection:
            if self._victims and self._random.random() < 0.5:
                victim, table = self._victims.pop(), self._table
                tracks = MUSIC.metadata.tables["tracks"]
                genres = MUSIC.metadata.tables["track_genres"]
                of_album = sa.select(tracks.c.id).where(tracks.c.album_id == victim)
                connection.execute(sa.delete(genres).where(genres.c.track_id.in_(of_album)))
                connection.execute(sa.delete(tracks).where(tracks.c.album_id == victim))
                connection.execute(sa.delete(table).where(table.c.id == victim))
            if self._next % 1000 == 40:
                return  # a sort by id would never end
            columns = [column for column in self._table.c if column.name != "id"]
            source = sa.select(sa.literal(self._next), *columns).where(
                self._table.c.id == self._random.choice(sorted(self.ids))
            )
            self._next += 1
            connection.execute(sa.insert(self._table).from_select(["id", *[c.name for c in columns]], source))


def _undisturbed(served: Served, sort: str, size: int, seed: int) -> None:
    disturbance, token, seen = Disturbance(served.engine, seed), "", []
    while token is not None:
        query = {"sort": sort, "fields": "id", "page_size": str(size), "count": "none", "after": token}
        page = served.get("/albums", query)
        seen += [row["id"] for row in page["objects"]]
        token = page["after"]
        disturbance.act()
        assert len(seen) < 2000
    assert len(seen) == len(set(seen)), f"{sort}: a row is on two pages"
    assert disturbance.ids <= set(seen), f"{sort}: a row is missing"


@pytest.mark.parametrize("sort", SORTS[4:14:3])
def test_rows_appear_once_while_others_come_and_go(served: Served, sort: str) -> None:
    _undisturbed(served, sort, 5, seed=1)


@pytest.mark.acceptance
@pytest.mark.parametrize("sort", [*SORTS, *MORE])
def test_rows_appear_once_under_every_sort_while_others_come_and_go(
    database: dict[str, Any], sort: str
) -> None:
    for seed, size in enumerate((1, 2, 3, 7)):
        with serving(database, MUSIC, partial(_fresh, seed=seed)) as served:
            _undisturbed(served, sort, size, seed)


def _fresh(connection: sa.Connection, seed: int) -> None:
    MUSIC.metadata.drop_all(connection)
    fill(connection, 60, seed)


ORDERED = [
    (backend, name) for backend in TYPES for name, type_ in TYPES[backend].items()
    if "lt" in kind_of(type_, backend).operators and name != "untyped"
]  # fmt: skip


@pytest.mark.acceptance
@pytest.mark.parametrize(("backend", "name"), ORDERED)
def test_pages_by_key_keep_the_order_of_every_type(backend: str, name: str, make_database: Any) -> None:
    made = model({"value": TYPES[backend][name]})
    values = drawn(strategy_for(TYPES[backend][name], backend), 120, name)
    rows = [{"id": n, "value": value} for n, value in enumerate(values, 1)]
    table = made.metadata.tables["exact"]
    with serving(make_database(backend), [made], lambda c: c.execute(table.insert(), rows)) as served:
        for sort in ("value", "-value", "twin.value,value"):
            query = {"sort": sort, "fields": "id", "count": "none"}
            expected = [row["id"] for row in served.get("/exact", query | {"page_size": "1000"})["objects"]]
            seen, token = [], ""
            while token is not None:
                page = served.get("/exact", query | {"page_size": "7", "after": token})
                seen += [row["id"] for row in page["objects"]]
                token = page["after"]
            assert seen == expected


STRANGE = {
    "sqlite": (b"\xff", float("inf"), "\0", -(2**63), None),
    "postgresql": (
        "",
        "x",
        "9" * 400,
        "NaN",
        "infinity",
        "2026-02-30",
        "[3,1)",
        "(",
        "\\",
        "{",
        "\U0010ffff",
        None,
    ),
}


@pytest.mark.acceptance
@pytest.mark.parametrize(("backend", "name"), ORDERED)
def test_a_forged_token_is_a_page_or_a_fault_of_after(backend: str, name: str, make_database: Any) -> None:
    made = model({"value": TYPES[backend][name]})
    with serving(make_database(backend), [made]) as served:
        resource = next(iter(views_of(served.app).catalog.resources.values()))
        sort = sorting.sort_of(resource, "value")
        for value in STRANGE[backend]:
            token = sorting.encode(resource, sort, (value, "1" if backend == "postgresql" else 1))
            query = f"sort=value&after={token}"
            response = served.app.test_client().get(f"/exact?{query}")
            if response.status_code != 200:
                assert response.status_code == 400, (value, response.get_data(as_text=True))
                assert [error["pointer"] for error in response.json["errors"]] == ["query:after"]


def test_a_value_of_a_filter_that_the_database_refuses_is_no_fault_of_the_token(make_database: Any) -> None:
    made = model({"value": TYPES["postgresql"]["int4range"]})
    with serving(make_database("postgresql"), [made]) as served:
        resource = next(iter(views_of(served.app).catalog.resources.values()))
        token = sorting.encode(resource, sorting.sort_of(resource, ""), ("1",))
        problem = served.get("/exact", {"after": token, "value": "nonsense"}, status=400)
        assert [error["pointer"] for error in problem["errors"]] == ["query:query"]


@pytest.mark.parametrize("sort", ["id", "-id", "title", "artist_id"])
def test_an_index_serves_pages_by_key(sort: str, served: Served) -> None:
    token = served.get("/albums", {"sort": sort, "page_size": "50", "after": ""})["after"]
    reader, resource = views_of(served.app).reader, views_of(served.app).catalog.resources["albums"]
    plan = reader.plan(resource, [("sort", sort), ("after", token), ("fields", "id")])
    connection = served.engine.raw_connection()
    try:
        cursor = connection.cursor()
        if reader.dialect.name == "postgresql":
            # The table is so small that the planner would read all of it.
            cursor.execute("SET enable_seqscan = off")
            cursor.execute("SET enable_bitmapscan = off")
            cursor.execute(f"EXPLAIN {plan.compiled.read.sql}", plan.parameters)
            wanted = f"Index Cond: .*{sort.strip('-')}"
        else:
            cursor.execute(f"EXPLAIN QUERY PLAN {plan.compiled.read.sql}", plan.parameters)
            wanted = "SEARCH .* USING (COVERING |INTEGER )?(INDEX|PRIMARY KEY)"
        found = "\n".join(str(row[-1]) for row in cursor.fetchall())
    finally:
        connection.close()
    assert re.search(wanted, found), found
