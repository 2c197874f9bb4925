"""A name with a comma or a quote is quoted in ``sort``, ``fields`` and ``include``, and in the document."""

from __future__ import annotations

import re
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from debonair import standalone
from debonair.queries.expression import joined_names, names_of
from tests.support import chassis_settings

SCRIPT = """
    CREATE TABLE boxes (id INTEGER PRIMARY KEY, "width, mm" INT, "a""b" INT, [say "x"] INT, ["q"] INT);
    INSERT INTO boxes VALUES (1, 20, 1, 2, 3), (2, 10, 4, 5, 6);
    CREATE TABLE parts (id INTEGER PRIMARY KEY, box_id INT REFERENCES boxes, "x,y" TEXT);
    INSERT INTO parts VALUES (1, 1, 'p'), (2, 1, 'q'), (3, 2, 'r');
    CREATE TABLE slots ("row, no" INT, col INT, PRIMARY KEY ("row, no", col));
    INSERT INTO slots VALUES (7, 8);
    CREATE TABLE pegs (id INTEGER PRIMARY KEY, "r,c" INT, col INT,
        FOREIGN KEY ("r,c", col) REFERENCES slots ("row, no", col));
    INSERT INTO pegs VALUES (1, 7, 8);
"""


@pytest.fixture
def client(tmp_path: Path) -> FlaskClient:
    with sqlite3.connect(tmp_path / "boxes.db") as connection:
        connection.executescript(SCRIPT)
    connection.close()
    uri = f"sqlite:///{tmp_path}/boxes.db"
    return standalone.create_app(chassis_settings(database={"uri": uri})).test_client()


def _objects(client: FlaskClient, path: str, **query: str) -> Any:
    response = client.get(path, query_string=query)
    assert response.status_code == 200, response.get_data(as_text=True)
    return response.json["objects"]


def test_a_quoted_name_is_selected_and_sorted_by(client: FlaskClient) -> None:
    asked = {"fields": 'id,"width, mm"', "sort": '"width, mm",id'}
    assert _objects(client, "/boxes", **asked) == [{"id": 2, "width, mm": 10}, {"id": 1, "width, mm": 20}]
    assert [row["id"] for row in _objects(client, "/boxes", sort='"-width, mm"')] == [1, 2]
    assert _objects(client, "/boxes", fields='a"b,say "x","\\"q\\""', sort='-a"b')[0] == {
        'a"b': 4, 'say "x"': 5, '"q"': 6,
    }  # fmt: skip
    asked = {"fields": 'id,"box.width, mm"', "sort": '"box.width, mm","-x,y"'}
    assert [row["id"] for row in _objects(client, "/parts", **asked)] == [3, 2, 1]
    assert _objects(client, "/parts", **asked)[0] == {"id": 3, "box": {"width, mm": 10}}


def test_an_included_relation_is_sorted_by_a_quoted_name(client: FlaskClient) -> None:
    found = _objects(client, "/boxes", include='parts(limit=1,sort="-x,y")', fields="id,parts.id")
    assert [row["parts"] for row in found] == [[{"id": 2}], [{"id": 3}]]


def test_the_query_as_json_has_the_same_names(client: FlaskClient) -> None:
    for sort in ('"-width, mm"', ['"-width, mm"', "id"]):
        found = client.open("/boxes", method="QUERY", json={"sort": sort, "fields": ['"width, mm"']})
        assert found.json["objects"] == [{"width, mm": 20}, {"width, mm": 10}]


def test_a_quote_that_is_not_closed_is_reported(client: FlaskClient) -> None:
    for name, text in (("sort", 'id,"x'), ("fields", '"width, mm"x'), ("include", 'parts(sort="x)')):
        response = client.get("/boxes", query_string={name: text})
        assert response.status_code == 400
        assert [error["pointer"] for error in response.json["errors"]] == [f"query:{name}"]


def test_a_long_text_with_quotes_is_read_once(client: FlaskClient) -> None:
    text = "parts(" + '"' * 20_001
    assert client.get("/boxes", query_string={"include": text}).status_code == 400


def test_heads_of_a_page_sort_by_quoted_names(client: FlaskClient) -> None:
    page = client.get("/boxes", headers={"Accept": "text/html"}).get_data(as_text=True)
    href = next(each for each in re.findall(r'href="([^"]*sort=[^"]*)"', page) if "width" in each)
    assert client.get(href, headers={"Accept": "text/html"}).status_code == 200
    assert [row["id"] for row in client.get(href).json["objects"]] == [2, 1]


def test_a_related_row_whose_key_has_a_comma_has_other_representations(client: FlaskClient) -> None:
    page = client.get("/pegs/1/slot", headers={"Accept": "text/html"})
    assert page.status_code == 200, page.get_data(as_text=True)
    assert page.mimetype == "text/html"


def test_the_document_has_the_pattern_of_quoted_names(client: FlaskClient) -> None:
    parameters = client.get("/openapi.json").json["components"]["parameters"]
    patterns = {
        (name, each["name"]): each["schema"]["items"]["pattern"]
        for name, each in parameters.items()
        if each["name"] in ("sort", "fields")
    }

    def fits(name: str, kind: str, text: str) -> bool:
        found = [pattern for key, pattern in patterns.items() if key[1] == kind and name in key[0]]
        return any(re.search(pattern, text) for pattern in found)

    assert fits("Box", "sort", '"-width, mm"')
    assert fits("Box", "fields", '"width, mm"')
    assert fits("Box", "fields", '"\\"q\\""')
    assert fits("Part", "sort", '"box.width, mm"')
    assert not fits("Box", "fields", '"-width, mm"')
    assert not fits("Box", "sort", "width, mm")


@pytest.mark.parametrize("names", [["a"], ["a", "b,c"], ['"'], ["\\", ',"\\'], ["a\n,b", ""], ['x"y', ","]])
def test_names_are_read_as_they_were_joined(names: list[str]) -> None:
    assert names_of(joined_names(names)) == names
