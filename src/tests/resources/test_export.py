"""Exports have all rows that a query selects, exactly, within bounds of memory and connections."""

from __future__ import annotations

import csv
import http.client
import io
import json
import math
import socket
import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, closing
from datetime import date, datetime
from pathlib import Path
from typing import Any

import orjson
import pytest
import sqlalchemy as sa
from flask import Flask
from sqlalchemy.orm import DeclarativeBase, mapped_column
from werkzeug.exceptions import ServiceUnavailable

from debonair.application import create_app
from debonair.database.engine import engine_of
from debonair.exports.delimited import Field, header_of, writer
from debonair.exports.export import Exports
from debonair.resources.exposing import expose, views_of
from tests.chassis.serving import Served
from tests.resources import models
from tests.resources.shop_rows import FLOATS, TEXTS
from tests.support import chassis_settings


@pytest.fixture(params=["sqlite", "postgresql"])
def app(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Flask]:
    """An application with the music library, on each database."""
    uri = f"sqlite:///{tmp_path}/music.db"
    if request.param == "postgresql":
        uri = request.getfixturevalue("postgresql_url").replace("postgresql:", "postgresql+psycopg:")
    app = create_app("debonair.standalone", chassis_settings(database={"uri": uri}))
    with engine_of(app).begin() as connection:
        models.fill(connection, 300)
    expose(app, *models.MUSIC)
    yield app
    engine_of(app).dispose()


def export(app: Flask, path: str, **headers: str) -> Any:
    return app.test_client().get(path, headers=headers)


def table(app: Flask, path: str) -> list[dict[str, str]]:
    response = export(app, path)
    assert response.status_code == 200, response.data
    return list(csv.DictReader(io.StringIO(response.get_data(as_text=True), newline=""), strict=True))


def every_object(app: Flask, path: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in export(app, path).data.splitlines()]


def page(app: Flask, path: str) -> list[dict[str, Any]]:
    objects: list[dict[str, Any]] = app.test_client().get(path).json["objects"]
    return objects


QUERIES = (
    "sort=id",
    "sort=-artist.name,-id&include=artist",
    "title__like=%25e%25&fields=id,title,price",
    "filter=or(price__gt=9.5,artist.country=PL)&fields=id,price,artist.name",
    "artist.name__in=Blue,%22a,b%22&sort=-released",
    "title=nothing+has+this",
)


@pytest.mark.parametrize("query", QUERIES)
def test_csv_has_the_rows_of_the_page(app: Flask, query: str) -> None:
    def flat(value: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
        for name, inner in value.items():
            if isinstance(inner, dict):
                yield from flat(inner, f"{prefix}{name}.")
            elif name != "artist":
                yield prefix + name, inner

    apart = ("released", "artist.rating")
    expected = [dict(flat(each)) for each in page(app, f"/albums?page_size=1000&{query}")]
    found = table(app, f"/albums?format=csv&{query}")
    assert len(found) == len(expected)
    for row, each in zip(found, expected, strict=True):
        assert {name: value for name, value in row.items() if value and name not in apart} == {
            name: str(value) for name, value in each.items() if value not in (None, "") and name not in apart
        }
        # PostgreSQL writes as many digits of a number and of a second as it has.
        rating = row.get("artist.rating")
        assert not rating or float(rating) == each["artist.rating"]
        moment = row.get("released") and datetime.fromisoformat(row["released"])
        assert not moment or moment == datetime.fromisoformat(each["released"])


@pytest.mark.parametrize(
    "query", [*QUERIES, "include=tracks(limit=2,sort=-id)", "include=artist,tracks.genres"]
)
def test_ndjson_has_the_objects_of_the_page(app: Flask, query: str) -> None:
    assert every_object(app, f"/albums?format=ndjson&{query}") == page(app, f"/albums?page_size=1000&{query}")


def test_null_is_an_empty_field_and_the_empty_string_is_quoted(app: Flask) -> None:
    with engine_of(app).begin() as connection:
        connection.execute(sa.insert(models.Artist).values(id=901, name="null", country=None))
        connection.execute(sa.insert(models.Artist).values(id=902, name='say "\\null"],[', country=""))
    lines = export(app, "/artists?format=csv&id__gt=900&fields=id,name,country").data
    assert lines == b'"id","name","country"\r\n901,"null",\r\n902,"say ""\\null""],[",""\r\n'


def test_media_type_selects_the_export(app: Flask) -> None:
    response = export(app, "/albums?id=1", Accept="text/csv")
    assert response.content_type == "text/csv; charset=utf-8; header=present"
    assert response.headers["Content-Disposition"] == "attachment; filename=albums.csv"
    assert "Accept" in response.headers["Vary"]
    assert export(app, "/albums?id=1", Accept="application/x-ndjson").data.count(b"\n") == 1
    assert export(app, "/albums", Accept="text/plain, */*;q=0.8").mimetype == "application/json"


def test_rows_of_a_relation_are_exported(app: Flask) -> None:
    expected = page(app, "/artists/1/albums?page_size=1000&fields=id")
    assert every_object(app, "/artists/1/albums?format=ndjson&fields=id") == expected
    assert export(app, "/artists/9999/albums?format=csv").status_code == 404


def test_head_has_no_body_and_takes_no_connection(app: Flask) -> None:
    response = app.test_client().head("/albums?format=csv")
    assert response.status_code == 200 and response.data == b"" and response.mimetype == "text/csv"
    assert app.test_client().head("/albums?format=csv&titl=x").status_code == 400
    assert engine_of(app).pool.checkedout() == 0  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ("format=csv&page=0", "page"),
        ("format=ndjson&after=x", "after"),
        ("format=csv&titel=x", "titel"),
        ("format=csv&sort=;drop", "sort"),
        ("format=csw", "format"),
        ("format=", "format"),
    ],
)
def test_faulty_parameter_is_named(app: Flask, query: str, name: str) -> None:
    response = export(app, f"/albums?{query}")
    assert response.status_code == 400 and response.mimetype == "application/problem+json"
    assert [each["pointer"] for each in response.json["errors"]] == [f"query:{name}"]


@pytest.mark.parametrize("query", ["page_size=7", "page=3&page_size=4", "page=2", "after=&page_size=5"])
def test_an_export_of_a_page_has_that_page(app: Flask, query: str) -> None:
    expected = page(app, f"/albums?sort=-title&{query}")
    assert every_object(app, f"/albums?format=ndjson&sort=-title&{query}") == expected
    ids = [row["id"] for row in table(app, f"/albums?format=csv&sort=-title&{query}&fields=id")]
    assert ids == [str(each["id"]) for each in expected]


def test_rows_of_a_to_many_relation_are_json_in_csv(app: Flask) -> None:
    query = "fields=id,artist.name&include=tracks(limit=2),artist.albums(limit=1)"
    expected = page(app, f"/albums?page_size=1000&{query}")
    found = table(app, f"/albums?format=csv&{query}")
    assert [json.loads(row["tracks"]) for row in found] == [each["tracks"] for each in expected]
    assert [json.loads(row["artist.albums"]) if row["artist.albums"] else None for row in found] == [
        each["artist"] and each["artist"]["albums"] for each in expected
    ]
    assert [row["artist.name"] for row in found] == [
        (each["artist"] or {}).get("name", "") for each in expected
    ]


def test_values_do_not_become_sql(app: Flask) -> None:
    response = export(
        app, "/albums?format=csv&title=%27%29%3B+DROP+TABLE+albums%3B--+%25s+%25%28x%29s+%25%25"
    )
    assert response.status_code == 200 and response.data.count(b"\r\n") == 1
    assert len(table(app, "/albums?format=csv")) == 300


def test_export_beyond_the_limit_is_refused_until_one_ends(app: Flask) -> None:
    exports = Exports(views_of(app).reader)
    resource = views_of(app).catalog.resources["albums"]
    with app.test_request_context("/albums"), ExitStack() as stack:
        for _ in range(exports.most):
            stack.enter_context(closing(exports.csv(resource, "", None)))
        with pytest.raises(ServiceUnavailable) as refused:
            exports.ndjson(resource, "", None)
        assert refused.value.retry_after == 5
        stack.close()
        exports.ndjson(resource, "", None).close()
    assert engine_of(app).pool.checkedout() == 0  # type: ignore[attr-defined]


def test_export_that_the_client_leaves_keeps_the_pool_usable(app: Flask) -> None:
    with engine_of(app).begin() as connection:
        rows = [{"album_id": 1, "name": "x" * 100} for _ in range(20_000)]
        connection.execute(sa.insert(models.Track), rows)
    for _ in range(8):
        with app.test_request_context("/tracks?format=csv"):
            response = app.dispatch_request()
            next(iter(response.response))
            response.close()
    assert len(table(app, "/tracks?format=csv&name__like=x%25")) == 20_000


def test_error_of_the_database_before_the_first_row_is_a_problem(app: Flask) -> None:
    with engine_of(app).begin() as connection:
        connection.execute(sa.text("DROP TABLE track_genres"))
        connection.execute(sa.text("DROP TABLE tracks"))
    response = export(app, "/tracks?format=csv")
    assert response.status_code == 503 and response.mimetype == "application/problem+json"
    assert engine_of(app).pool.checkedout() == 0  # type: ignore[attr-defined]


class Base(DeclarativeBase):
    """A base of the tests' own."""


class Value(Base):
    """A row with a value of each of several types."""

    __tablename__ = "values"

    id = mapped_column(sa.Integer, primary_key=True)
    text = mapped_column(sa.Text)
    number = mapped_column(sa.Float)
    flag = mapped_column(sa.Boolean)
    blob = mapped_column(sa.LargeBinary)
    document = mapped_column(sa.JSON)
    moment = mapped_column(sa.DateTime)
    day = mapped_column(sa.Date)


@pytest.fixture
def values(app: Flask) -> Flask:
    Base.metadata.create_all(engine_of(app))
    rows = [{"text": text, "blob": (text or "").encode() or None} for text in TEXTS]
    rows += [{"number": number, "flag": bool(at % 2)} for at, number in enumerate(FLOATS)]
    rows += [{"document": document} for document in ({"a": [1, None, 'x"\\']}, [], "null", 5, None)]
    rows += [{"moment": datetime(2024, 2, 29, 1, 2, 3, n), "day": date(1, 1, 1)} for n in (0, 5, 500000)]
    with engine_of(app).begin() as connection:
        for row in rows:
            connection.execute(sa.insert(Value).values(row))
    expose(app, Value)
    return app


@pytest.mark.parametrize("fields", ["id,text,number,flag,blob,moment,day", "id,document,text,number"])
def test_values_of_every_type_are_those_of_json(values: Flask, fields: str) -> None:
    """The first fields are written by PostgreSQL itself, the second ones are not."""
    expected = page(values, f"/values?page_size=1000&fields={fields}")
    for row, each in zip(table(values, f"/values?format=csv&fields={fields}"), expected, strict=True):
        for name, value in each.items():
            text = row[name]
            if value is None:
                assert text in ("", "null" if name == "document" else "")
            elif name == "number":
                assert math.copysign(1, float(text)) == math.copysign(1, value) and float(text) == value
            elif name in ("flag", "document"):
                assert orjson.loads(text) == value
            elif name == "moment":
                assert datetime.fromisoformat(text) == datetime.fromisoformat(value)
            else:
                assert text == str(value)


@pytest.mark.parametrize("style", ["ISO, MDY", "SQL, DMY", "German"])
def test_dates_that_python_lacks_are_those_of_json(postgresql_url: str, style: str) -> None:
    uri = postgresql_url.replace("postgresql:", "postgresql+psycopg:")
    app = create_app("debonair.standalone", chassis_settings(database={"uri": uri}))
    texts = (
        "infinity",
        "-infinity",
        "0044-03-15 BC",
        "10000-01-01",
        "9999-12-31",
        "0001-01-01",
        "2024-02-29",
    )
    engine = engine_of(app)
    Base.metadata.create_all(engine)
    with engine.begin() as connection:
        for text in texts:
            values = f"'{text}', timestamp '{text}', date '{text}'"
            connection.execute(sa.text(f'INSERT INTO "values" (text, moment, day) VALUES ({values})'))
        connection.execute(sa.text(f"ALTER DATABASE {engine.url.database} SET DateStyle TO {style}"))
    try:
        expose(app, Value)
        fields = "fields=text,moment,day&sort=id"
        expected = page(app, f"/values?{fields}")
        engine.dispose()
        assert table(app, f"/values?format=csv&{fields}") == expected
    finally:
        engine.dispose()


def test_integers_beyond_64_bits_in_json_are_exact(values: Flask) -> None:
    text = '{"a": [123456789012345678901234567890, 1.5, null]}'
    with engine_of(values).begin() as connection:
        connection.execute(sa.text('DELETE FROM "values"'))
        connection.exec_driver_sql(f"""INSERT INTO "values" (id, document) VALUES (1, '{text}')""")
    assert every_object(values, "/values?format=ndjson&fields=document") == [{"document": json.loads(text)}]
    [row] = table(values, "/values?format=csv&fields=document")
    assert json.loads(row["document"]) == json.loads(text)


def test_infinite_numbers_have_a_name(values: Flask) -> None:
    with engine_of(values).begin() as connection:
        connection.execute(sa.text('DELETE FROM "values"'))
        connection.execute(sa.insert(Value).values(id=1, number=math.inf))
        connection.execute(sa.insert(Value).values(id=2, number=-math.inf))
    for fields in ("id,number", "id,number,document"):
        found = [row["number"] for row in table(values, f"/values?format=csv&fields={fields}")]
        assert found == ["Infinity", "-Infinity"]


def test_every_text_survives_in_any_company() -> None:
    texts = [*(text for text in TEXTS if text is not None), "],[", "null", ',null,"', '\\"', '\\\\"', "\x00"]
    column: Any = None
    fields = [Field(f"c{at}", at, column, None) for at in range(3)]
    write = writer(fields, 3)
    for text in texts:
        for rows in (
            [(text, None, 1)],
            [(None, text, text)] * 2,
            [(1, None, text), (text, "", None), (2, 3, 4)],
        ):
            read = list(csv.reader(io.StringIO(write(rows).decode(), newline=""), strict=True))
            assert read == [["" if value is None else str(value) for value in row] for row in rows]
    assert header_of(fields) == b'"c0","c1","c2"\r\n'


SERVICE = """
import sqlalchemy as sa
from debonair.resources.exposing import expose
from sqlalchemy.orm import mapped_column

class Line(debonair.db.Model):
    __tablename__ = "lines"
    id = mapped_column(sa.Integer, primary_key=True)
    name = mapped_column(sa.Text, nullable=False)

make = create_app

def create_app(settings):
    app = make(settings)
    expose(app, Line)
    return app
"""


@pytest.fixture
def served(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Served]:
    """A service of one process with 200,001 rows."""
    database = tmp_path / "lines.db"
    with closing(sqlite3.connect(database)) as connection:
        connection.executescript(
            """CREATE TABLE lines (id INTEGER PRIMARY KEY, name TEXT NOT NULL);
            WITH RECURSIVE n(id) AS (SELECT 1 UNION ALL SELECT id + 1 FROM n WHERE id < 200000)
            INSERT INTO lines SELECT id, printf('a line with the number %d and some text', id) FROM n;
            INSERT INTO lines VALUES (200001, 'the last line');"""
        )
    kind = getattr(request, "param", "epoll")
    config = f"worker_class = {kind}\n[database]\nuri = sqlite:///{database}\n"
    package = tmp_path / "src" / "orders"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    service = Served(package, config, workers=1, code=SERVICE)
    yield service
    service.stop()


def _peak(served: Served) -> int:
    """Return the largest resident memory of the worker so far, in KiB."""
    [worker] = served.workers()
    text = Path(f"/proc/{worker}/status").read_text()
    return int(next(line.split()[1] for line in text.splitlines() if line.startswith("VmHWM")))


@pytest.mark.parametrize("served", ["epoll", "gthread", "gevent"], indirect=True)
def test_slow_readers_exhaust_neither_the_pool_nor_the_threads(served: Served) -> None:
    with ExitStack() as stack:
        slow = []
        for _ in range(2):
            client = stack.enter_context(socket.create_connection(("127.0.0.1", served.port)))
            client.sendall(b"GET /lines?format=csv HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert client.recv(12) == b"HTTP/1.1 200"
            slow.append(client)
        status, text = served.get("/lines?format=csv&id__lt=10")
        assert status == 503 and "exports are in progress" in text
        for _ in range(10):
            assert served.get("/lines?page_size=1")[0] == 200
    served.wait_for(lambda: served.get("/lines?format=csv&id__lt=10")[0] == 200)


@pytest.mark.parametrize("form", ["csv", "ndjson"])
def test_memory_is_bounded(served: Served, form: str) -> None:
    served.get(f"/lines?format={form}&id__lt=100")
    before = _peak(served)
    status, text = served.get(f"/lines?format={form}&id__lt=200001")
    assert status == 200 and text.count("\n") == 200_000 + (form == "csv")
    assert _peak(served) - before < 16 * 1024


def test_client_notices_an_export_that_fails_in_the_middle(served: Served, tmp_path: Path) -> None:
    with open(tmp_path / "lines.db", "r+b") as database:  # The last rows are in the last pages.
        database.seek(-20 * 4096, io.SEEK_END)
        database.write(b"\xff" * 20 * 4096)
    with closing(http.client.HTTPConnection("127.0.0.1", served.port, timeout=60)) as connection:
        connection.request("GET", "/lines?format=csv")
        response = connection.getresponse()
        assert response.status == 200
        with pytest.raises(http.client.IncompleteRead):
            response.read()
    served.wait_for(lambda: "The export of lines ended after" in served.stderr.read_text())
    assert "Traceback" not in served.stderr.read_text()
    assert served.get("/lines?page_size=1&count=none")[0] == 200
