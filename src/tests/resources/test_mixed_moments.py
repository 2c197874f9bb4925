"""Dates with times in SQLite: filters find a moment in each form in which a column has it."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient

from debonair import standalone
from debonair.reflection.stored_moments import StoredDateTime
from tests.support import chassis_settings

DAYS = ("2023-12-31", "2024-01-01", "2024-01-02")
TIMES = ("00:00", "00:00:00", "00:00:00.000", "00:00:01", "10:00", "10:00:00", "10:00:00.5",
         "10:00:00.500000", "23:59:59.999999", "23:59")  # fmt: skip
TEXTS = [*DAYS, *(f"{day}{separator}{time}" for day in DAYS for separator in " T" for time in TIMES)]

COMPARED: dict[str, Callable[[datetime, list[datetime]], bool]] = {
    "eq": lambda value, given: value == given[0],
    "ne": lambda value, given: value != given[0],
    "lt": lambda value, given: value < given[0],
    "le": lambda value, given: value <= given[0],
    "gt": lambda value, given: value > given[0],
    "ge": lambda value, given: value >= given[0],
    "in": lambda value, given: value in given,
    "nin": lambda value, given: value not in given,
    "between": lambda value, given: given[0] <= value <= given[1],
}


def _client(directory: Path, texts: list[str | None]) -> FlaskClient:
    with sqlite3.connect(directory / "mixed.db") as connection:
        connection.execute("CREATE TABLE events (id INTEGER PRIMARY KEY, at DATETIME)")
        connection.execute("CREATE INDEX by_time ON events (at)")
        connection.executemany("INSERT INTO events (at) VALUES (?)", [(text,) for text in texts])
    connection.close()
    uri = f"sqlite:///{directory}/mixed.db"
    return standalone.create_app(chassis_settings(database={"uri": uri})).test_client()


@pytest.mark.parametrize("first", ["2024-01-01 10:00:00", "2024-01-01T10:00:00", "2024-01-01"])
def test_filters_equal_a_comparison_of_the_moments(tmp_path: Path, first: str) -> None:
    """:param first: the text of the first row, whose form is that of the column."""
    source = random.Random(7)
    texts = [first, None, *source.sample(TEXTS, len(TEXTS))]
    client = _client(tmp_path, texts)
    moments = [text and datetime.fromisoformat(text) for text in texts]
    values = sorted({moment for moment in moments if isinstance(moment, datetime)})
    for operator, holds in COMPARED.items():
        for value in values:
            given = [value, *source.sample(values, 1 if operator == "between" else 3)]
            sent = given if operator in ("in", "nin") else given[: 2 if operator == "between" else 1]
            query = {f"at__{operator}": ",".join(each.isoformat() for each in sent), "page_size": "100"}
            response = client.get("/events", query_string=query | {"sort": "id", "fields": "id"})
            found = [isinstance(moment, datetime) and holds(moment, given) for moment in moments]
            expected = [id_ for id_, is_found in enumerate(found, 1) if is_found]
            assert [row["id"] for row in response.json["objects"]] == expected, query


def test_a_list_has_500_values(tmp_path: Path) -> None:
    client = _client(tmp_path, ["2024-01-01T10:00:00"])
    values = ",".join(f"2024-01-01T10:{n // 60:02}:{n % 60:02}" for n in range(500))
    for operator, number in (("in", 1), ("nin", 0)):
        response = client.get("/events", query_string={f"at__{operator}": values})
        assert response.json["num_results"] == number, response.get_data(as_text=True)[:300]


@pytest.mark.parametrize("operator", ["eq", "in", "lt", "le", "gt", "ge", "between"])
def test_an_index_serves_the_filter(operator: str) -> None:
    column = sa.column("at", StoredDateTime())
    binds = [sa.bindparam(f"v{n}", type_=column.type) for n in range(2 if operator == "between" else 1)]
    select = sa.select(column).select_from(sa.table("events"))
    select = select.where(column.type.filtered(column, operator, binds))
    with sa.create_engine("sqlite://").connect() as connection:
        connection.exec_driver_sql("CREATE TABLE events (id INTEGER PRIMARY KEY, at DATETIME)")
        connection.exec_driver_sql("CREATE INDEX by_time ON events (at)")
        values = {f"v{n}": f"2024-01-0{n + 1}" for n in range(2)}
        named = select.compile(dialect=sa.dialects.sqlite.dialect(paramstyle="named"))
        explain = sa.text(f"EXPLAIN QUERY PLAN {named}")
        used = {name: values.get(name, value) for name, value in named.params.items()}
        plan = " ".join(row[3] for row in connection.execute(explain, used))
    assert "SEARCH events USING COVERING INDEX by_time" in plan
    assert "SCAN" not in plan
