"""SQLite writes the JSON of a page where that is the same to the byte as what orjson writes of the rows."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

from debonair.database.engine import engine_of
from debonair.resources.exposing import expose
from debonair.statements import json_pages
from debonair.statements.json_pages import JsonPage

MakeApp = Callable[..., Flask]


class Base(DeclarativeBase):
    pass


class Thing(Base):
    __tablename__ = "things"
    id: Mapped[int] = mapped_column(primary_key=True)
    number: Mapped[int | None]
    text: Mapped[str | None]
    flag: Mapped[bool | None]
    twin_id: Mapped[int | None] = mapped_column(sa.ForeignKey("things.id"))
    it_s: Mapped[str | None] = mapped_column('it\'s "x"')
    twin: Mapped[Thing | None] = relationship(remote_side=[id])


@pytest.fixture(autouse=True)
def _at_any_size(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let SQLite write small pages too."""
    monkeypatch.setattr(json_pages, "LEAST", 1)


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Whether the database wrote the JSON of each page."""
    found: list[bool] = []
    read = JsonPage.read

    def noted(page: JsonPage, connection: Any, parameters: Any) -> Any:
        result = read(page, connection, parameters)
        found.append(result is not None)
        return result

    monkeypatch.setattr(JsonPage, "read", noted)
    return found


Pages = Callable[..., None]


@pytest.fixture
def compared(make_app: MakeApp, monkeypatch: pytest.MonkeyPatch) -> Pages:
    """A function that serves rows, and checks that both ways of reading return the same bytes."""
    made: list[Flask] = []
    monkeypatch.setattr(JsonPage, "give_up", lambda *_: None)

    def compare(rows: list[dict[str, Any]], declared: str = "INTEGER") -> None:
        if not made:
            made.append(make_app())
            expose(made[0], Thing)
        app = made[0]
        client, engine = app.test_client(), engine_of(app)
        with engine.begin() as connection:
            connection.exec_driver_sql("DROP TABLE IF EXISTS things")
            connection.exec_driver_sql(
                f'CREATE TABLE things (id INTEGER PRIMARY KEY, number {declared}, "text" TEXT, flag BOOLEAN, '
                'twin_id INTEGER, "it\'s ""x""" TEXT)'
            )
            for each in rows:
                connection.exec_driver_sql(
                    "INSERT INTO things VALUES (:id, :number, :text, :flag, :twin_id, :it_s)",
                    dict.fromkeys(("number", "text", "flag", "twin_id", "it_s")) | each,
                )
        for query in QUERIES:
            found = client.get(f"/things?{query}")
            with monkeypatch.context() as patch:
                patch.setattr(JsonPage, "read", lambda *_: None)
                expected = client.get(f"/things?{query}")
            assert (found.status_code, found.data) == (200, expected.data)
            assert found.headers["ETag"] == expected.headers["ETag"]
            assert found.headers["Link"] == expected.headers["Link"]

    return compare


QUERIES = (
    "", "include=twin", "include=twin&sort=-text", "page_size=3&page=2&include=twin.twin", "fields=text,id",
    "number__gt=0&sort=flag", "count=none&page_size=2", "fields=id&include=twin&sort=-twin.text",
)  # fmt: skip

TEXTS = [
    "",
    "a",
    'q"\\/',
    "\0",
    "a\0b",
    "\x01\b\t\n\f\r\x1f\x7f",
    "Żółć",
    "\u2028",
    "😀",
    "</script>",
    "1",
    "1.5",
]


def test_json_is_written_by_the_database(compared: Pages, written: list[bool]) -> None:
    rows = [
        {
            "id": n,
            "number": 2**63 - n,
            "text": text,
            "flag": n % 3 % 2,
            "twin_id": n // 2 or None,
            "it_s": text,
        }
        for n, text in enumerate(TEXTS, 1)
    ]
    compared(rows)
    assert written == [True] * len(QUERIES)


def test_page_without_rows_is_written_too(compared: Pages, written: list[bool]) -> None:
    compared([])
    assert all(written)


@pytest.mark.parametrize(
    "odd",
    [
        {"number": 1.5}, {"number": 1e19}, {"number": float("inf")}, {"number": 0.1 + 0.2},
        {"number": b"\0\1"}, {"text": b"ab"}, {"flag": 2}, {"flag": "yes"}, {"flag": 0.5},
    ],
    ids=str,
)  # fmt: skip
def test_value_that_is_not_of_the_type_of_its_column_is_read_by_rows(
    compared: Pages, written: list[bool], odd: dict[str, Any]
) -> None:
    compared([{"id": 1, "text": "a"}, {"id": 2} | odd])
    assert written[0] is False


def test_number_in_a_column_of_text_is_read_by_rows(make_app: MakeApp, written: list[bool]) -> None:
    app = make_app()
    expose(app, Thing, hidden=["number", "flag", "twin_id", "it_s", "twin"])
    with engine_of(app).begin() as connection:
        connection.exec_driver_sql("CREATE TABLE things (id INTEGER PRIMARY KEY, text)")
        connection.exec_driver_sql("INSERT INTO things VALUES (1, 0.30000000000000004)")
    page = app.test_client().get("/things")
    assert page.json["objects"] == [{"id": 1, "text": 0.30000000000000004}] and written == [False]


def test_rows_are_read_from_then_on(written: list[bool], make_app: MakeApp) -> None:
    app = make_app()
    expose(app, Thing)
    Base.metadata.create_all(engine_of(app))
    with engine_of(app).begin() as connection:
        connection.exec_driver_sql("INSERT INTO things (id, number) VALUES (1, 1.5)")
    client = app.test_client()
    assert client.get("/things").json["objects"][0]["number"] == 1.5
    with engine_of(app).begin() as connection:
        connection.exec_driver_sql("UPDATE things SET number = 1")
    assert client.get("/things").json["objects"][0]["number"] == 1
    assert written == [False, False]


@pytest.mark.parametrize("count", [30, pytest.param(2000, marks=pytest.mark.acceptance)])
def test_values_of_any_type_in_any_column_are_the_same_either_way(compared: Pages, count: int) -> None:
    draw = random.Random(1)

    def value() -> Any:
        return draw.choice([
            None, draw.getrandbits(draw.choice((1, 8, 53, 63))), -draw.getrandbits(63), draw.random(),
            draw.choice((1e300, -0.0, 5e-324, 2.0**60)), draw.randbytes(3),
            "".join(chr(draw.choice((draw.randrange(128), draw.randrange(0xD800)))) for _ in range(4)),
        ])  # fmt: skip

    names = ("number", "text", "flag", "it_s")
    for _start in range(0, count, 30):
        # Most pages have values of the columns' types, and some have one of another.
        rows: list[dict[str, Any]] = [
            {"id": n, "number": draw.getrandbits(63), "text": str(value()), "twin_id": draw.choice((n, None))}
            for n in range(1, 31)
        ]
        for _ in range(draw.choice((0, 0, 1, 3))):
            draw.choice(rows)[draw.choice(names)] = value()
        compared(rows, *draw.choice(((), ("",), ("NUMERIC",), ("TEXT",))))


@pytest.mark.parametrize("count", [1, 59, 61, 200])
def test_any_number_of_columns(make_app: MakeApp, written: list[bool], count: int) -> None:
    table = sa.Table(
        "wide", sa.MetaData(), sa.Column("id", sa.Integer, primary_key=True),
        *[sa.Column(f"c{number}", sa.Text) for number in range(count)],
    )  # fmt: skip
    model = type("Wide", (), {})
    sa.orm.registry().map_imperatively(model, table)
    app = make_app()
    table.metadata.create_all(engine_of(app))
    expose(app, model)
    row = {"id": 1} | {f"c{number}": str(number) for number in range(count)}
    with engine_of(app).begin() as connection:
        connection.execute(table.insert(), [row])
    assert app.test_client().get("/wide").json["objects"] == [row]
    assert written == ([True] if count < 60 else [])
