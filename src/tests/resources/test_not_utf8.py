"""SQLite stores any bytes as text: what is not UTF-8 is read with replacement characters."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import DeclarativeBase, mapped_column

from debonair.database.engine import engine_of
from debonair.resources.exposing import expose


@pytest.fixture
def client(make_app: Callable[..., Flask]) -> FlaskClient:
    class Base(DeclarativeBase):
        pass

    class Note(Base):
        __tablename__ = "notes"
        id = mapped_column(sa.Integer, primary_key=True)
        text = mapped_column(sa.String)
        stars = mapped_column(sa.Integer)

    app = make_app()
    with engine_of(app).begin() as connection:
        Base.metadata.create_all(connection)
        connection.execute(
            sa.insert(Note), [{"id": number, "text": f"n{number}"} for number in range(1, 201)]
        )
        connection.execute(sa.text("UPDATE notes SET text = CAST(x'61FF62' AS TEXT) WHERE id IN (150, 160)"))
    expose(app, Note)
    return app.test_client()


def _texts(objects: list[dict[str, Any]]) -> list[str]:
    return [each["text"] for each in objects]


def test_a_page_and_a_row_have_a_replacement_character(client: FlaskClient) -> None:
    assert client.get("/notes/150").json["text"] == "a\ufffdb"
    found = client.get("/notes?page_size=200").json["objects"]
    assert [each["id"] for each in found if each["text"] == "a\ufffdb"] == [150, 160]
    assert client.get("/notes/1").json["text"] == "n1"


def test_exports_have_each_row_once(client: FlaskClient) -> None:
    page = client.get("/notes?page_size=200").json["objects"]
    lines = client.get("/notes?format=ndjson").data.splitlines()
    assert [json.loads(line) for line in lines] == page
    rows = csv.DictReader(io.StringIO(client.get("/notes?format=csv").text, newline=""))
    assert [row["text"] for row in rows] == _texts(page)
    assert client.get("/notes?format=csv&page_size=5").text.count("\r\n") == 6


def test_a_change_of_the_row_is_a_conflict_that_names_the_reason(client: FlaskClient) -> None:
    response = client.patch("/notes/150", json={"stars": 1})
    assert response.status_code == 409 and "not UTF-8" in response.json["detail"]
    assert client.patch("/notes/1", json={"stars": 1}).status_code == 200
