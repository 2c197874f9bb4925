"""Databases of others: forms of values and names that no author of a model would choose."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from flask.testing import FlaskClient

from debonair import standalone
from tests.support import chassis_settings

Serve = Callable[..., FlaskClient]


@pytest.fixture
def serve(tmp_path: Path) -> Serve:
    """A function that makes a file of SQLite out of a script, and returns a client of the API over it."""

    def make(script: str, **api: Any) -> FlaskClient:
        path = tmp_path / "foreign.db"
        with sqlite3.connect(path) as connection:
            connection.executescript(script)
        connection.close()
        settings = chassis_settings(database={"uri": f"sqlite:///{path}"}, api=api)
        return standalone.create_app(settings).test_client()

    return make


def found(client: FlaskClient, path: str, **query: Any) -> list[Any]:
    """Return the values of the first column of the rows that a query selects, in the order of the key."""
    response = client.get(path, query_string=query)
    assert response.status_code == 200, response.get_data(as_text=True)
    return [next(iter(row.values())) for row in response.json["objects"]]


def test_a_column_without_a_name_is_left_out_and_reported(
    serve: Serve, caplog: pytest.LogCaptureFixture
) -> None:
    client = serve(
        'CREATE TABLE odd (id INTEGER PRIMARY KEY, "" TEXT); INSERT INTO odd VALUES (1, 2);'
        "CREATE TABLE plain (id INTEGER PRIMARY KEY)"
    )
    assert client.get("/odd").json["objects"] == [{"id": 1}]
    assert client.get("/plain").json["num_results"] == 0
    assert 'odd."" is not served: the name of the column is empty' in caplog.messages


def test_a_table_whose_name_no_path_can_have_is_reported(
    serve: Serve, caplog: pytest.LogCaptureFixture
) -> None:
    client = serve('CREATE TABLE ".." (id); CREATE TABLE "" (id); CREATE TABLE plain (id)')
    assert client.get("/plain").json["num_results"] == 0
    for name in ("..", '""'):
        assert f"{name} is not served: its name cannot be a segment of a URL" in caplog.messages


POSTGRESQL = """
    CREATE TABLE odd (id int PRIMARY KEY, name text COLLATE "C", single real, relation regclass);
    INSERT INTO odd VALUES (1, 'B', 0.1, 'odd'), (2, 'a', 2.5, NULL);
    CREATE TABLE found (id int PRIMARY KEY, title text, body text);
    CREATE INDEX ON found USING gin (
        to_tsvector('english', coalesce(title, '') || ' ' || coalesce(body, '')));
    INSERT INTO found VALUES (1, 'cats', NULL), (2, NULL, 'a dog: it barks');
"""


@pytest.mark.acceptance
def test_collations_numbers_of_4_bytes_names_and_expressions_of_postgresql_are_filtered(
    postgresql_url: str,
) -> None:
    import psycopg

    with psycopg.connect(postgresql_url) as connection:
        connection.execute(POSTGRESQL)
    uri = postgresql_url.replace("postgresql", "postgresql+psycopg", 1)
    client = standalone.create_app(chassis_settings(database={"uri": uri})).test_client()
    assert found(client, "/odd", name__between="A,C") == [1]
    assert found(client, "/odd", single="0.1") == [1]
    assert found(client, "/odd", single__in="0.1,2.5") == [1, 2]
    assert found(client, "/odd", single__between="0.1,0.1") == [1]
    assert found(client, "/odd", relation="odd") == [1]
    assert found(client, "/odd", relation="nothing") == []
    assert found(client, "/odd", relation__in="odd,nothing") == [1]
    assert found(client, "/found", q="cat") == [1]
    assert found(client, "/found", q="bark") == [2]


VIEW = """
    CREATE TABLE lines (id INTEGER PRIMARY KEY, name TEXT, price REAL);
    INSERT INTO lines VALUES (1, 'a', 1.5), (2, 'a', 2), (3, 'b', 10.25);
    CREATE VIEW totals AS SELECT name, count(*) AS n, sum(price) AS total, name || '' AS word
        FROM lines GROUP BY name;
"""


def test_what_a_view_computes_is_filtered_as_a_number(serve: Serve) -> None:
    client = serve(VIEW)
    assert found(client, "/totals", n="2") == ["a"]
    assert found(client, "/totals", total="10.25") == ["b"]
    assert found(client, "/totals", total__lt="10") == ["a"]
    assert found(client, "/totals", n__in="1,5") == ["b"]
    assert found(client, "/totals", n__ne="1") == ["a"]
    assert found(client, "/totals", total__between="3,4") == ["a"]
    assert found(client, "/totals", word="b") == ["b"]


def test_text_that_is_not_utf_8_makes_no_row_unreadable(serve: Serve) -> None:
    client = serve(
        "CREATE TABLE old (id INTEGER PRIMARY KEY, name TEXT); CREATE TABLE part (id INTEGER PRIMARY KEY,"
        " old_id INT REFERENCES old); INSERT INTO old VALUES (1, cast(x'4dfc6c6c6572' AS TEXT)), (2, 'ü');"
        "INSERT INTO part VALUES (1, 1)"
    )
    assert client.get("/old").json["objects"] == [{"id": 1, "name": "M\ufffdller"}, {"id": 2, "name": "ü"}]
    assert client.get("/old/1").json["name"] == "M\ufffdller"
    assert client.get("/part?include=old").json["objects"][0]["old"]["name"] == "M\ufffdller"
    assert "M\ufffdller" in client.get("/old", headers={"Accept": "text/html"}).get_data(as_text=True)


MIXED = """
    CREATE TABLE mixed (k PRIMARY KEY, v);
    INSERT INTO mixed VALUES (1, 5), ('x', '5'), (2.5, 'five'), ('007', NULL);
"""


def test_a_column_without_a_type_takes_numbers_and_text(serve: Serve) -> None:
    client = serve(MIXED, readonly=False)
    assert found(client, "/mixed", v="5") == [1, "x"]
    assert found(client, "/mixed", k="007") == ["007"]
    assert found(client, "/mixed", k="7") == []
    for key, value in ((1, 6), ("2.5", 1.25), ("x", "six")):
        assert client.patch(f"/mixed/{key}", json={"v": value}).json["v"] == value
    assert client.post("/mixed", json={"k": 9, "v": -1}).status_code == 201
    for wrong in (True, {}, [], 2**63):
        assert client.patch("/mixed/1", json={"v": wrong}).status_code == 422


def test_a_column_named_self_is_written(serve: Serve) -> None:
    client = serve("CREATE TABLE t (id INTEGER PRIMARY KEY, self TEXT, class TEXT)", readonly=False)
    body = {"id": 1, "self": "a", "class": "b"}
    assert client.post("/t", json=body).json == body


def test_booleans_that_are_stored_as_text_are_booleans(serve: Serve) -> None:
    client = serve(
        "CREATE TABLE posts (id INTEGER PRIMARY KEY, shown boolean DEFAULT 'f');"
        "INSERT INTO posts VALUES (1, 't'), (2, 'f'), (3, NULL)",
        readonly=False,
    )
    assert [row["shown"] for row in client.get("/posts").json["objects"]] == [True, False, None]
    assert found(client, "/posts", shown="true") == [1]
    assert client.patch("/posts/2", json={"shown": True}).status_code == 200
    assert found(client, "/posts", shown="true") == [1, 2]


MOMENTS = """
    CREATE TABLE moments (id INTEGER PRIMARY KEY, at DATETIME, clock TIME);
    INSERT INTO moments VALUES (1, '2023-05-01 10:11:12.500000', '10:11:12.5'),
        (2, '2023-05-01 10:11:12', '10:11'), (3, '2023-05-01', '10:11:00'),
        (4, '2023-05-01 00:00:00.000', '10:11:00.000'), (5, NULL, NULL), (6, '2023-05-02', '10:12');
    CREATE VIEW seen AS SELECT * FROM moments;
"""


STAMPED = "CREATE TABLE t (id INTEGER PRIMARY KEY, at TIMESTAMP);"


@pytest.mark.parametrize("path", ["/moments", "/seen"])
def test_equal_moments_in_different_forms_are_equal(serve: Serve, path: str) -> None:
    client = serve(MOMENTS)
    midnight, second = "2023-05-01", "2023-05-01T10:11:12"
    assert found(client, path, at=midnight) == [3, 4]
    assert found(client, path, at=second) == [2]
    assert found(client, path, at=second + ".5") == [1]
    assert found(client, path, at__ne=midnight) == [1, 2, 6]
    assert found(client, path, at__gt=midnight) == [1, 2, 6]
    assert found(client, path, at__ge=second) == [1, 2, 6]
    assert found(client, path, at__le=midnight) == [3, 4]
    assert found(client, path, at__lt=second) == [3, 4]
    assert found(client, path, at__in=f"{midnight},{second}") == [2, 3, 4]
    assert found(client, path, at__nin=f"{midnight},{second}") == [1, 6]
    assert found(client, path, at__between=f"{midnight},{second}") == [2, 3, 4]
    assert found(client, path, clock="10:11") == [2, 3, 4]
    assert found(client, path, clock__gt="10:11") == [1, 6]


@pytest.mark.parametrize(
    ("stored", "asked"),
    [
        ("2023-05-01T10:11:12Z", "2023-05-01T10:11:12Z"),
        ("2023-05-01T10:11:12.345Z", "2023-05-01T12:11:12.345+02:00"),
        ("2023-05-01 10:11:12+00:00", "2023-05-01T10:11:12"),
        ("2023-05-01T10:11:12.000", "2023-05-01T10:11:12"),
        (1577836800, "1577836800"),
        (1577836800.25, "1577836800.25"),
    ],
)
def test_a_moment_is_found_in_the_form_that_the_column_has(serve: Serve, stored: Any, asked: str) -> None:
    client = serve(f"{STAMPED} INSERT INTO t VALUES (1, {stored!r})")
    assert found(client, "/t", at=asked) == [1]
    assert found(client, "/t", at__gt=asked) == []
    value = client.get("/t/1").json["at"]
    assert found(client, "/t", at=value) == [1]
    assert client.get(f"/t?at={quote(str(value))}", headers={"Accept": "text/html"}).status_code == 200


def test_a_moment_is_written_in_the_form_that_the_column_has(serve: Serve, tmp_path: Path) -> None:
    client = serve(f"{STAMPED} INSERT INTO t VALUES (1, '2023-05-01T10:11:12Z')", readonly=False)
    assert client.post("/t", json={"at": "2024-01-01T00:00:00Z"}).status_code == 201
    with sqlite3.connect(tmp_path / "foreign.db") as connection:
        assert connection.execute("SELECT at FROM t WHERE id = 2").fetchone() == ("2024-01-01T00:00:00Z",)
    connection.close()
