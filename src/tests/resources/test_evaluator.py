"""The evaluator of filter trees selects what SQLite selects by conditions that are written by hand."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa

from tests.resources.evaluator import Rows, all_of, any_of, comparison, like, negation, select
from tests.resources.models import fill

FROM = {
    "albums": "SELECT a.id FROM albums a LEFT JOIN artists r ON r.id = a.artist_id WHERE ",
    "artists": "SELECT r.id FROM artists r WHERE ",
    "genres": "SELECT g.id FROM genres g WHERE ",
    "tracks": "SELECT t.id FROM tracks t LEFT JOIN albums a ON a.id = t.album_id"
    " LEFT JOIN artists r ON r.id = a.artist_id WHERE ",
}
TRACKS = "EXISTS (SELECT 1 FROM tracks t WHERE t.album_id = a.id AND {})"
ALBUMS = "EXISTS (SELECT 1 FROM albums a WHERE a.artist_id = r.id AND {})"
GENRES = (
    "EXISTS (SELECT 1 FROM track_genres x JOIN genres g ON g.id = x.genre_id WHERE x.track_id = t.id AND {})"
)

CASES: list[tuple[str, dict[str, Any], str]] = [
    # Each operator, on each kind of column.
    ("albums", {"id": 3}, "a.id = 3"),
    ("albums", {"id__ne": 3}, "a.id <> 3"),
    ("albums", {"title__eq": "Blue"}, "a.title = 'Blue'"),
    ("albums", {"title__eq": ""}, "a.title = ''"),
    ("albums", {"title__eq": "O'Brien"}, "a.title = 'O''Brien'"),
    ("albums", {"title__eq": "żółć"}, "a.title = 'żółć'"),
    ("albums", {"title__ne": "Blue"}, "a.title <> 'Blue'"),
    ("albums", {"title__lt": "B"}, "a.title < 'B'"),
    ("albums", {"title__ge": "a"}, "a.title >= 'a'"),
    ("albums", {"title__gt": "z"}, "a.title > 'z'"),
    ("albums", {"title__between": ["A", "Z"]}, "a.title BETWEEN 'A' AND 'Z'"),
    ("albums", {"title__in": ["Blue", "a,b", ""]}, "a.title IN ('Blue', 'a,b', '')"),
    ("albums", {"title__nin": ["Blue", "A%"]}, "a.title NOT IN ('Blue', 'A%')"),
    ("albums", {"artist_id__in": [1, 2, 3]}, "a.artist_id IN (1, 2, 3)"),
    ("albums", {"artist_id__nin": [1, 2, 3]}, "a.artist_id NOT IN (1, 2, 3)"),
    ("albums", {"artist_id__isnull": True}, "a.artist_id IS NULL"),
    ("albums", {"artist_id__isnull": False}, "a.artist_id IS NOT NULL"),
    ("albums", {"artist_id__le": 5}, "a.artist_id <= 5"),
    ("albums", {"price": "9.99"}, "a.price = 9.99"),
    ("albums", {"price": "9.990"}, "a.price = 9.99"),
    ("albums", {"price__lt": "9.99"}, "a.price < 9.99"),
    ("albums", {"price__le": "9.99"}, "a.price <= 9.99"),
    ("albums", {"price__between": ["0.01", "12.5"]}, "a.price BETWEEN 0.01 AND 12.5"),
    ("albums", {"price__between": ["12.5", "0.01"]}, "a.price BETWEEN 12.5 AND 0.01"),
    ("albums", {"released__gt": "1999-12-31T23:59:59"}, "a.released > '1999-12-31 23:59:59.000000'"),
    ("albums", {"released": "1999-12-31T23:59:59"}, "a.released = '1999-12-31 23:59:59.000000'"),
    ("albums", {"released__isnull": True}, "a.released IS NULL"),
    ("albums", {"kind": "live"}, "a.kind = 'live'"),
    ("albums", {"kind__ne": "live"}, "a.kind <> 'live'"),
    ("albums", {"kind__nin": ["live", "single"]}, "a.kind NOT IN ('live', 'single')"),
    ("artists", {"rating__ge": 0.1}, "r.rating >= 0.1"),
    ("artists", {"rating": 5e-324}, "r.rating = 5e-324"),
    ("artists", {"rating__lt": 1e308}, "r.rating < 1e308"),
    ("artists", {"rating": 5}, "r.rating = 5"),
    ("artists", {"born__le": "1999-12-31"}, "r.born <= '1999-12-31'"),
    ("artists", {"country__in": ["DE", ""]}, "r.country IN ('DE', '')"),
    ("tracks", {"seconds__between": [180, 240]}, "t.seconds BETWEEN 180 AND 240"),
    ("tracks", {"position__ne": 0}, "t.position <> 0"),
    # Patterns.
    ("albums", {"title__like": "A%"}, r"a.title LIKE 'A%' ESCAPE '\'"),
    ("albums", {"title__like": r"A\%"}, "a.title = 'A%'"),
    ("albums", {"title__like": "A_b"}, "a.title IN ('A_b', 'Axb')"),
    ("albums", {"title__like": "a_b"}, "a.title = 'a,b'"),
    ("albums", {"title__like": r"back\\slash"}, r"a.title = 'back\slash'"),
    ("albums", {"title__like": "%"}, "a.title IS NOT NULL"),
    ("albums", {"title__like": "_"}, "length(a.title) = 1"),
    ("albums", {"title__like": "__"}, "length(a.title) = 2"),
    ("albums", {"title__ilike": "abacus"}, "a.title IN ('Abacus', 'abacus', 'ABACUS')"),
    ("albums", {"title__ilike": "z%"}, "a.title IN ('Zebra', 'zebra')"),
    ("albums", {"title__ilike": "ŻÓŁĆ"}, "0"),
    ("albums", {"title__ilike": "%é"}, "a.title = 'Café'"),
    ("albums", {"title__contains": "%"}, "instr(a.title, '%') > 0"),
    ("albums", {"title__contains": "lue"}, "instr(a.title, 'lue') > 0"),
    ("albums", {"title__contains": ""}, "a.title IS NOT NULL"),
    ("albums", {"title__startswith": "A_"}, "substr(a.title, 1, 2) = 'A_'"),
    ("albums", {"title__startswith": "ab"}, "substr(a.title, 1, 2) = 'ab'"),
    # Three-valued logic.
    ("albums", {"not": {"artist_id": 1}}, "NOT a.artist_id = 1"),
    ("albums", {"not": {"not": {"artist_id": 1}}}, "NOT NOT a.artist_id = 1"),
    ("albums", {"not": {"artist_id__in": [1, 2]}}, "NOT a.artist_id IN (1, 2)"),
    ("albums", {"not": {"artist_id__isnull": True}}, "NOT a.artist_id IS NULL"),
    ("albums", {"not": {"kind": "live", "price__gt": "1"}}, "NOT (a.kind = 'live' AND a.price > 1)"),
    ("albums", {"or": [{"kind": "live"}, {"price__gt": "10"}]}, "a.kind = 'live' OR a.price > 10"),
    ("albums", {"not": {"or": [{"kind": "live"}, {"price__gt": "10"}]}},
    "NOT (a.kind = 'live' OR a.price > 10)"),
    ("albums", {"and": [{"kind": "live"}, {"not": {"price__gt": "10"}}]},
    "a.kind = 'live' AND NOT a.price > 10"),
    ("albums", {"or": [{"kind": "live", "id__lt": 50}, {"kind__isnull": True}], "id__gt": 9},
     "(a.kind = 'live' AND a.id < 50 OR a.kind IS NULL) AND a.id > 9"),
    ("albums", {"not": {"and": [{"or": [{"artist_id": 1}, {"price": "0"}]}, {"not": {"kind": "live"}}]}},
     "NOT ((a.artist_id = 1 OR a.price = 0) AND NOT a.kind = 'live')"),
    # Relations to one: NULL where there is no related row.
    ("albums", {"artist.name": "Blue"}, "r.name = 'Blue'"),
    ("albums", {"artist.name__ne": "Blue"}, "r.name <> 'Blue'"),
    ("albums", {"not": {"artist.name": "Blue"}}, "NOT r.name = 'Blue'"),
    ("albums", {"artist.rating__isnull": True}, "r.rating IS NULL"),
    ("albums", {"artist.rating__isnull": False}, "r.rating IS NOT NULL"),
    ("albums", {"artist.id__nin": [1, 2]}, "r.id NOT IN (1, 2)"),
    ("tracks", {"album.artist.country": "DE"}, "r.country = 'DE'"),
    ("tracks", {"not": {"album.artist.country": "DE"}}, "NOT r.country = 'DE'"),
    ("tracks", {"album.artist.country__isnull": True}, "r.country IS NULL"),
    ("tracks", {"album.title__like": "B%", "album.artist_id__gt": 3},
    "a.title GLOB 'B*' AND a.artist_id > 3"),
    # Relations to many: two values.
    ("albums", {"tracks__any.seconds": 180}, TRACKS.format("t.seconds = 180")),
    ("albums", {"not": {"tracks__any.seconds": 180}}, "NOT " + TRACKS.format("t.seconds = 180")),
    ("albums", {"tracks__none.seconds": 180}, "NOT " + TRACKS.format("t.seconds = 180")),
    ("albums", {"tracks__none.seconds__ne": 180}, "NOT " + TRACKS.format("t.seconds <> 180")),
    ("albums", {"tracks__any.position__isnull": True}, TRACKS.format("t.position IS NULL")),
    ("albums", {"tracks__none.id__isnull": False}, "NOT " + TRACKS.format("1")),
    ("albums", {"tracks__any.name__in": ["Blue", ""]}, TRACKS.format("t.name IN ('Blue', '')")),
    ("artists", {"albums__any.price__lt": "1", "albums__none.kind": "live"},
     ALBUMS.format("a.price < 1") + " AND NOT " + ALBUMS.format("a.kind = 'live'")),
    ("artists", {"or": [{"albums__any.title__like": "B%"}, {"rating__isnull": True}]},
     ALBUMS.format("a.title GLOB 'B*'") + " OR r.rating IS NULL"),
    ("tracks", {"genres__any.name": "Jazz"}, GENRES.format("g.name = 'Jazz'")),
    ("tracks", {"genres__none.name__ilike": "jazz"}, "NOT " + GENRES.format("g.name IN ('Jazz', 'jazz')")),
    ("genres", {"tracks__any.seconds__gt": 240},
     "g.id IN (SELECT genre_id FROM track_genres JOIN tracks ON id = track_id WHERE seconds > 240)"),
    # Both relations of a path are of any kind.
    ("artists", {"albums__any.tracks__none.seconds": 180},
     ALBUMS.format("NOT " + TRACKS.format("t.seconds = 180"))),
    ("artists", {"albums__any.tracks__any.seconds": 180}, ALBUMS.format(TRACKS.format("t.seconds = 180"))),
    ("albums", {"artist.albums__any.kind": "live"},
     "EXISTS (SELECT 1 FROM albums b WHERE b.artist_id = r.id AND b.kind = 'live')"),
    ("albums", {"artist.albums__none.kind": "live"},
     "NOT EXISTS (SELECT 1 FROM albums b WHERE b.artist_id = r.id AND b.kind = 'live')"),
]  # fmt: skip


@pytest.fixture(scope="module")
def connection() -> Iterator[sqlite3.Connection]:
    engine = sa.create_engine("sqlite://")
    with engine.begin() as bound:
        fill(bound, 300, 5)
        raw: Any = bound.connection.dbapi_connection
        raw.execute("PRAGMA case_sensitive_like = on")
        yield raw
    engine.dispose()


@pytest.fixture(scope="module")
def rows(connection: sqlite3.Connection) -> Rows:
    return Rows.load(connection)


@pytest.mark.parametrize(("table", "tree", "where"), CASES)
def test_same_rows_as_by_sql(
    connection: sqlite3.Connection, rows: Rows, table: str, tree: dict[str, Any], where: str
) -> None:
    assert select(rows, tree, table) == sorted(id_ for (id_,) in connection.execute(FROM[table] + where))


def test_cases_select_some_rows_but_not_all(rows: Rows) -> None:
    some = [tree for table, tree, _ in CASES if 0 < len(select(rows, tree, table)) < len(rows.rows[table])]
    assert len(some) > 0.85 * len(CASES)


def test_truth_tables() -> None:
    values = (True, False, None)
    assert [[all_of([a, b]) for b in values] for a in values] == [
        [True, False, None],
        [False, False, False],
        [None, False, None],
    ]
    assert [[any_of([a, b]) for b in values] for a in values] == [
        [True, True, True],
        [True, False, None],
        [True, None, None],
    ]
    assert [negation(a) for a in values] == [False, True, None]
    assert (all_of([]), any_of([])) == (True, False)


@pytest.mark.parametrize(
    ("operator", "operand", "value", "expected"),
    [
        ("eq", None, 1, None), ("ne", None, 1, None), ("eq", 1, None, None), ("ne", 1, None, None),
        ("lt", 1, None, None), ("between", [1, 2], None, None), ("like", "%", None, None),
        ("contains", "", None, None), ("isnull", True, None, True), ("isnull", False, None, False),
        ("in", [1, None], 1, True), ("in", [1, None], 2, None), ("in", [], 1, False), ("in", [], None,
        False),
        ("nin", [1, None], 1, False), ("nin", [1, None], 2, None), ("nin", [], None, True), ("nin", [1],
        None, None),
        ("like", "a.c", "abc", False), ("like", "a%c", "a\nc", True), ("like", "a", "ab", False),
        ("like", "_", "🎺", True), ("like", "A", "a", False), ("ilike", "A", "a", True), ("ilike", "Ż",
        "ż", False),
    ],
)  # fmt: skip
def test_comparison(operator: str, operand: Any, value: Any, expected: bool | None) -> None:
    assert comparison(operator, operand)(value) is expected


def test_ilike_ignores_case_outside_of_ascii_where_the_database_does() -> None:
    assert comparison("ilike", "Ż%", unicode_case=True)("żółć") is True


def test_pattern_that_ends_within_an_escape_is_an_error() -> None:
    with pytest.raises(ValueError, match="ends within an escape"):
        like("a\\")


def test_rows_of_both_databases_are_the_same(rows: Rows, postgresql_url: str) -> None:
    engine = sa.create_engine(postgresql_url.replace("postgresql:", "postgresql+psycopg:"))
    with engine.begin() as bound:
        fill(bound, 300, 5)
        found = Rows.load(bound.connection.dbapi_connection)
    engine.dispose()
    assert found.rows == rows.rows
