"""Requests that no client should send get a problem that says what is wrong, and not more than that."""

from __future__ import annotations

import gzip
import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from debonair import standalone
from tests.support import chassis_settings

SCRIPT = """
    CREATE TABLE authors (id INTEGER PRIMARY KEY, name TEXT);
    CREATE TABLE books (id INTEGER PRIMARY KEY, title TEXT, author_id INT REFERENCES authors);
    CREATE TABLE tags (id INTEGER PRIMARY KEY);
    CREATE TABLE tagged (
        book_id INT REFERENCES books, tag_id INT REFERENCES tags, PRIMARY KEY (book_id, tag_id)
    );
    CREATE VIEW titles AS SELECT title FROM books;
    INSERT INTO authors VALUES (1, 'Lem');
    INSERT INTO books VALUES (1, 'Solaris', 1);
    INSERT INTO tags VALUES (1);
    INSERT INTO tagged VALUES (1, 1);
"""


@pytest.fixture
def client(tmp_path: Path) -> FlaskClient:
    with sqlite3.connect(tmp_path / "books.db") as connection:
        connection.executescript(SCRIPT)
    connection.close()
    settings = chassis_settings(database={"uri": f"sqlite:///{tmp_path}/books.db"}, api={"readonly": False})
    return standalone.create_app(settings).test_client()


@pytest.mark.parametrize(
    ("path", "detail"),
    [
        ("/books/", "There is no books/; did you mean 'books'?"),
        ("/books/1/", "There is no books/1/; did you mean 'books/1'?"),
        ("/titles/1", "titles has no key: its rows have no URL."),
        ("/bookz", "There is no bookz; did you mean 'books'?"),
        ("/nothing/1", "There is no nothing/1."),
        ("/books/1/author/1/x", "There is no books/1/author/1/x."),
    ],
)
def test_a_path_that_is_nothing_says_what_there_is(client: FlaskClient, path: str, detail: str) -> None:
    response = client.get(path)
    assert (response.status_code, response.json["detail"]) == (404, detail)


@pytest.mark.parametrize("path", ["/openapi.json", "/docs", "/health/live", "/metrics"])
def test_a_page_of_the_service_has_its_methods(client: FlaskClient, path: str) -> None:
    for method in ("POST", "DELETE", "QUERY"):
        response = client.open(path, method=method)
        assert response.status_code == 405
        assert {"GET", "HEAD"} <= set(response.headers["Allow"].split(", "))


def test_a_method_that_is_not_allowed_names_those_that_are(client: FlaskClient) -> None:
    response = client.put("/books", json={})
    assert response.json["detail"] == "The method is not allowed here: use GET, HEAD, POST, QUERY."


def test_a_parameter_that_a_change_does_not_have_prevents_it(client: FlaskClient) -> None:
    for method, path in (("DELETE", "/books/1"), ("DELETE", "/books/1/tags/1"), ("PUT", "/books/1/tags/1")):
        response = client.open(f"{path}?dry_run=1", method=method)
        assert response.status_code == 400
        assert response.json["errors"][0]["pointer"] == "query:dry_run"
    assert client.get("/books/1/tags").json["num_results"] == 1


def test_an_encoded_body_is_refused(client: FlaskClient) -> None:
    body = gzip.compress(json.dumps({"title": "x"}).encode())
    given: dict[str, Any] = {"data": body, "content_type": "application/json"}
    response = client.patch("/books/1", **given, headers={"Content-Encoding": "gzip"})
    assert response.status_code == 415
    assert response.json["detail"] == "Send the body as it is, without Content-Encoding."
    plain = {"Content-Encoding": "identity", "Content-Type": "application/json"}
    assert client.patch("/books/1", data='{"title": "y"}', headers=plain).status_code == 200


def test_query_has_json_only(client: FlaskClient) -> None:
    for format_, status in (("csv", 400), (1, 400), ("json", 200)):
        assert client.open("/books", method="QUERY", json={"format": format_}).status_code == status


@pytest.mark.parametrize("url", ["/books?{}=1", "/books?filter={}=1", "/books/{}", "/books/1/{}", "/{}"])
def test_a_long_name_is_not_repeated_as_a_whole(client: FlaskClient, url: str) -> None:
    response = client.get(url.format("a" * 10_000))
    assert response.status_code in (400, 404)
    assert len(response.json["detail"]) < 400


def test_a_long_query_has_no_link(client: FlaskClient) -> None:
    short = client.get("/books?title__ne=x")
    assert 'rel="first"' in short.headers["Link"]
    long = client.get(f"/books?title__ne={'x' * 5000}")
    assert (long.status_code, long.json["num_results"]) == (200, 1)
    assert "Link" not in long.headers
