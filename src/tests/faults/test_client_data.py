"""Client data that the database refuses: a problem with a status of 4xx on SQLite and PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask, request
from sqlalchemy import CheckConstraint, Column, ForeignKey, Integer, MetaData, Numeric, String, Table

from debonair.application import create_app
from debonair.database.engine import db
from debonair.testing import assert_problem
from tests.faults.postgresql import Cluster
from tests.support import chassis_settings

METADATA = MetaData()
SHELF = Table("shelf", METADATA, Column("id", Integer, primary_key=True))
ITEM = Table(
    "item",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("code", String(5), unique=True, nullable=False),
    Column("price", Numeric(6, 2)),
    Column("count", Integer, CheckConstraint("count >= 0")),
    Column("shelf_id", ForeignKey("shelf.id")),
)


@pytest.fixture(params=["sqlite", "postgresql"])
def shop(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Flask]:
    """An application with a route that inserts what it is sent, on each database."""
    if request.param == "sqlite":
        options: dict[str, Any] = {"uri": f"sqlite:///{tmp_path}/shop.db"}
    else:
        cluster: Cluster = request.getfixturevalue("cluster")
        given = cluster.options(cluster.create())
        options = {name.removeprefix("database_"): value for name, value in given.items()}
    app = create_app("debonair.standalone", chassis_settings(database=options))
    app.add_url_rule("/items", "items", insert, methods=["POST"])
    app.add_url_rule("/shelf", "shelf", empty, methods=["DELETE"])
    with app.app_context():
        METADATA.create_all(db.engine)
        with db.engine.begin() as connection:
            connection.execute(SHELF.insert().values(id=1))
            connection.execute(ITEM.insert().values(code="first", shelf_id=1))
    yield app
    with app.app_context():
        db.engine.dispose()


def insert() -> dict[str, str]:
    db.session.execute(ITEM.insert().values(**request.get_json()))
    db.session.commit()
    return {"code": "done"}


def empty() -> dict[str, str]:
    db.session.execute(SHELF.delete())
    db.session.commit()
    return {"code": "done"}


def pointers(problem: dict[str, Any]) -> list[str]:
    return [fault["pointer"] for fault in problem.get("errors", [])]


@pytest.mark.parametrize(
    ("sent", "status", "pointer"),
    [
        ({"code": "first"}, 409, "#/code"),
        ({"price": "1.00"}, 422, "#/code"),
        ({"code": "a", "count": -1}, 422, None),
        ({"code": "a", "count": 2**70}, 422, None),
        ({"code": "a", "shelf_id": 99}, 409, None),
    ],
    ids=["duplicate", "missing", "check", "large", "reference"],
)
def test_data_that_the_database_refuses_are_a_problem(
    shop: Flask, sent: dict[str, Any], status: int, pointer: str | None
) -> None:
    problem = assert_problem(shop.test_client().post("/items", json=sent), status)
    assert pointer is None or pointers(problem) == [pointer], problem
    assert not any(str(value) in problem["detail"] for value in ("first", 2**70, 99))


@pytest.mark.parametrize("shop", ["postgresql"], indirect=True)
@pytest.mark.parametrize(
    "sent",
    [
        {"code": "too long"},
        {"code": "a", "price": "123456.00"},
        {"code": "a\x00b"},
        {"code": "a", "count": 2**40},
    ],
    ids=["long", "numeric", "nul", "integer"],
)
def test_data_that_postgresql_cannot_hold_are_a_problem(shop: Flask, sent: dict[str, Any]) -> None:
    assert_problem(shop.test_client().post("/items", json=sent), 422)


def test_row_that_others_refer_to_is_kept(shop: Flask) -> None:
    assert_problem(shop.test_client().delete("/shelf"), 409)
    assert shop.test_client().post("/items", json={"code": "next", "shelf_id": 1}).status_code == 200
