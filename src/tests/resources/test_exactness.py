"""The value in a page is the value that a schema of marshmallow-sqlalchemy dumps, wherever it stands.

It is compared at the root, in an embedded to-one relation and in an embedded to-many relation, which reaches
Python as JSON of the database. The differences that are meant:

* floats that are not finite are null, as JSON has no numbers for them;
* binary data is base64, where marshmallow decodes it as UTF-8, which fails;
* a date that Python does not have is the text that PostgreSQL writes, where the driver fails;
* a whole number that SQLite keeps in a NUMERIC column which Python reads as a float is written as 1, not 1.0;
* ranges and bit strings are the text of the database: marshmallow-sqlalchemy has no field, or the wrong one.
"""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, Phase, given, seed, settings
from marshmallow_sqlalchemy import ModelConverter
from sqlalchemy.dialects import postgresql as pg
from sqlalchemy.orm import DeclarativeBase, Session, mapped_column, relationship

from tests.resources.served import Served, serving
from tests.resources.values import TYPES, Size, strategy_for


def model(columns: dict[str, Any]) -> type[Any]:
    """Return a mapped class of these columns whose every row is related to itself: ``twin`` and ``twins``."""

    class Base(DeclarativeBase):
        pass

    class Value(Base):
        __tablename__ = "exact"
        id = mapped_column(sa.Integer, primary_key=True)
        twin_id = mapped_column(sa.ForeignKey("exact.id"))
        twin = relationship("Value", back_populates="twins", remote_side=[id])
        twins = relationship("Value", back_populates="twin")

    for name, type_ in columns.items():
        setattr(Value, name, mapped_column(name, type_, nullable=True))
    return Value


def drawn(strategy: Any, count: int, name: str) -> list[Any]:
    """Return as many examples of a strategy of hypothesis, the same each time."""
    found: list[Any] = []

    @seed(zlib.crc32(name.encode()))
    @settings(
        max_examples=count, deadline=None, database=None, phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(strategy)
    def collect(value: Any) -> None:
        found.append(value)

    collect()
    return found


def canonical(value: Any) -> str:
    """Return a text that two values of JSON share when they are equal: 1, 1.0 and true are not."""
    return json.dumps(value, sort_keys=True)


def reference(type_: Any, app: Any) -> Callable[[Any, str], Any]:
    """Return what makes the expected JSON of a row and the name of its column."""
    if isinstance(type_, sa.LargeBinary):
        return lambda row, name: _or_none(getattr(row, name), lambda data: base64.b64encode(data).decode())
    field = ModelConverter().column2field(sa.Column("value", type_))

    def expected(row: Any, name: str) -> Any:
        value = field.serialize(name, row)
        if isinstance(value, float) and isinstance(getattr(row, name), int):
            value = getattr(row, name)
        text = app.json.dumps(value)
        return json.loads(text, parse_constant=lambda _: None)

    return expected


def _or_none(value: Any, make: Callable[[Any], Any]) -> Any:
    return None if value is None else make(value)


def places(served: Served) -> Iterator[tuple[dict[str, Any], dict[str, Any], dict[str, Any]]]:
    """Yield each row as it is at the root, in a to-one relation, and in a to-many relation."""
    token: str | None = ""
    while token is not None:
        query = {"include": "twin,twins", "page_size": "500", "count": "none", "after": token}
        page = served.get("/exact", query)
        for row in page["objects"]:
            yield row, row["twin"], row["twins"][0]
        token = page["after"]


def differences(served: Served, expected: dict[int, dict[str, Any]]) -> list[Any]:
    """Return what is not as expected: the value that is, at the root, and in the relations."""
    found, seen = [], 0
    for row in places(served):
        seen += 1
        for name, value in expected[row[0]["id"]].items():
            given = [each[name] for each in row]
            if {canonical(value)} != set(map(canonical, given)):
                found.append((value, *given))
    assert seen == len(expected)
    return found


def check(database: dict[str, Any], name: str, type_: Any, values: list[Any]) -> None:
    made = model({"value": type_})
    rows = [{"id": n, "twin_id": n, "value": value} for n, value in enumerate(values, 1)]
    table = made.metadata.tables["exact"]
    with serving(database, [made], lambda c: c.execute(table.insert(), rows)) as served:
        dumped = AS_TEXT if isinstance(type_, TEXTS) else reference(type_, served.app)
        with Session(served.engine) as session:
            if dumped is AS_TEXT:
                text = sa.select(table.c.id, sa.cast(table.c.value, sa.Text))
                expected = {id_: {"value": value} for id_, value in session.execute(text)}
            else:
                expected = {
                    row.id: {"value": dumped(row, "value")} for row in session.scalars(sa.select(made))
                }
        assert differences(served, expected)[:3] == []


TEXTS = (pg.ranges.AbstractSingleRange, pg.BIT)
AS_TEXT: Any = object()

COUNT = int(__import__("os").environ.get("N", "2000"))
CASES = [
    pytest.param(backend, name, id=f"{backend}-{name}")
    for backend in TYPES
    for name in TYPES[backend]
    if name != "untyped"
]


@pytest.fixture
def own(request: pytest.FixtureRequest, tmp_path: Any) -> Callable[[str], dict[str, Any]]:
    from tests.resources.served import postgresql, sqlite

    def of(backend: str) -> dict[str, Any]:
        if backend == "sqlite":
            return sqlite(tmp_path)
        return postgresql(request.getfixturevalue("postgresql_cluster"))

    return of


@pytest.mark.parametrize("name", [name for name in TYPES["sqlite"] if name != "untyped"])
def test_values_on_sqlite_are_what_a_schema_dumps(name: str, own: Any) -> None:
    type_ = TYPES["sqlite"][name]
    check(own("sqlite"), name, type_, drawn(strategy_for(type_, "sqlite"), 30, name))


@pytest.mark.acceptance
@pytest.mark.parametrize(("backend", "name"), CASES)
def test_2000_values_of_each_type_are_what_a_schema_dumps(backend: str, name: str, own: Any) -> None:
    type_ = TYPES[backend][name]
    check(own(backend), name, type_, drawn(strategy_for(type_, backend), COUNT, name))
