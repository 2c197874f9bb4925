"""Writes to a database of SQLite in which foreign keys are broken: in a row, or in the schema."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from debonair import standalone
from tests.support import chassis_settings

SCRIPT = """
    CREATE TABLE parents (id INTEGER PRIMARY KEY, name TEXT);
    CREATE TABLE children (id INTEGER PRIMARY KEY, parent_id INT REFERENCES parents, name TEXT);
    INSERT INTO parents VALUES (1, 'a');
    INSERT INTO children VALUES (1, 1, 'whole'), (2, 99, 'dangling');
    CREATE TABLE codes (id INTEGER PRIMARY KEY, code TEXT);
    CREATE TABLE coded (id INTEGER PRIMARY KEY, code TEXT REFERENCES codes (code), name TEXT);
    INSERT INTO codes VALUES (1, 'x');
    INSERT INTO coded VALUES (1, NULL, 'whole'), (2, 'z', 'dangling');
    CREATE TABLE orphans (id INTEGER PRIMARY KEY, other INT REFERENCES nowhere (id), name TEXT);
    INSERT INTO orphans VALUES (1, NULL, 'whole'), (2, 5, 'dangling');
    CREATE TABLE watched (id INTEGER PRIMARY KEY);
    CREATE TRIGGER watch AFTER INSERT ON watched BEGIN INSERT INTO absent VALUES (1); END;
"""

DETAIL = "A foreign key or a trigger refers to what does not exist: correct the database first."


@pytest.fixture
def client(tmp_path: Path) -> FlaskClient:
    with sqlite3.connect(tmp_path / "broken.db") as connection:
        connection.executescript(SCRIPT)
        assert len(connection.execute("PRAGMA foreign_key_check(children)").fetchall()) == 1
    connection.close()
    settings = chassis_settings(database={"uri": f"sqlite:///{tmp_path}/broken.db"}, api={"readonly": False})
    return standalone.create_app(settings).test_client()


@pytest.mark.parametrize("path", ["/children", "/coded", "/orphans"])
def test_a_write_that_does_not_concern_the_reference_succeeds(client: FlaskClient, path: str) -> None:
    for key in (1, 2):
        changed = client.patch(f"{path}/{key}", json={"name": "n"})
        assert (changed.status_code, changed.json["name"]) == (200, "n")
    assert client.post(path, json={"name": "n"}).status_code == (201 if path == "/children" else 409)


def test_a_row_with_a_dangling_reference_can_be_corrected_and_deleted(client: FlaskClient) -> None:
    assert client.patch("/children/2", json={"parent_id": 1}).json["parent_id"] == 1
    assert client.delete("/children/2").status_code == 204
    assert client.patch("/children/1", json={"parent_id": 98}).status_code == 409


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("PATCH", "/coded/1", {"code": "x"}),
        ("POST", "/coded", {"code": "x"}),
        ("POST", "/coded", [{"code": "x"}, {"code": "y"}]),
        ("PATCH", "/codes/1", {"code": "y"}),
        ("DELETE", "/codes/1", None),
        ("PATCH", "/orphans/1", {"other": 1}),
        ("POST", "/orphans", {"other": 1}),
        ("POST", "/watched", {"id": 1}),
    ],
)
def test_a_write_that_the_schema_prevents_is_a_conflict(
    client: FlaskClient, method: str, path: str, body: Any
) -> None:
    response = client.open(path, method=method, json=body)
    assert response.status_code == 409, response.get_data(as_text=True)
    assert response.json["detail"] == DETAIL
