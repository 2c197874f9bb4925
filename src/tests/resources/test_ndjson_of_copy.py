"""NDJSON that is made of PostgreSQL's COPY is, to the byte, what is made of rows."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, time
from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import DeclarativeBase, mapped_column, relationship

from debonair.exports import copied
from debonair.exports.export import Exports
from tests.resources.served import Served, serving
from tests.resources.shop_rows import FLOATS, TEXTS


class Base(DeclarativeBase):
    """A base of these tests' own."""


class Note(Base):
    """A row with a value of each of several types, and perhaps another row."""

    __tablename__ = "notes"

    id = mapped_column(sa.Integer, primary_key=True)
    text = mapped_column("te'xt %", sa.Text)
    ratio = mapped_column(sa.Double)
    price = mapped_column(sa.Numeric)
    flag = mapped_column(sa.Boolean)
    blob = mapped_column(sa.LargeBinary)
    moment = mapped_column(sa.DateTime)
    zoned = mapped_column(sa.DateTime(timezone=True))
    clock = mapped_column(sa.Time)
    code = mapped_column(sa.Uuid(native_uuid=False))
    words = mapped_column(sa.ARRAY(sa.Text))
    document = mapped_column(sa.JSON)
    other_id = mapped_column(sa.ForeignKey("notes.id"))
    other = relationship("Note", remote_side=[id])


ESCAPED = (
    *map(chr, range(1, 0x80)),
    "\t\b", "a\t", "\ta", "\\\t", "\\N", "\\.", "\\v", "\\\v", "\v\\v", "\b\n", 'x\\"',
)  # fmt: skip
PRICES = ("NaN", "Infinity", "0", "0E-9", "0.0000001", "-1E-12", "1E+30", "10.00000001", "1.50")
FRACTIONS = (0, 5, 100000, 123456, 120000)


def rows() -> Iterator[dict[str, Any]]:
    """Yield rows, each with a value of one column."""
    yield from ({"text": text} for text in [*TEXTS, *ESCAPED])
    yield from ({"ratio": ratio} for ratio in [*FLOATS, 1.0, -3.0, 1e-5, 1e5])
    yield from ({"price": Decimal(price)} for price in PRICES)
    yield from ({"flag": flag} for flag in (True, False))
    yield from ({"blob": bytes(range(256))[:length]} for length in (0, 1, 57, 58, 256))
    for fraction in FRACTIONS:
        moment = datetime(2024, 2, 29, 1, 2, 3, fraction)
        yield {"moment": moment, "zoned": moment.replace(tzinfo=UTC), "clock": time(1, 2, 3, fraction)}
    for year in (1, 9999):
        moment = datetime(year, 6, 1)
        yield {"moment": moment, "zoned": moment.replace(tzinfo=UTC)}


@pytest.fixture
def served(postgresql_url: str) -> Iterator[Served]:
    made = [{"other_id": at - 1 or None, "id": at} | row for at, row in enumerate(rows(), 1)]

    def fill(connection: sa.Connection) -> None:
        for row in made:
            connection.execute(sa.insert(Note).values(row))

    database = {"uri": postgresql_url.replace("postgresql:", "postgresql+psycopg:")}
    with serving(database, [Note], fill) as found:
        yield found


def lines(served: Served, query: str) -> list[bytes]:
    response = served.app.test_client().get(f"/notes?format=ndjson&{query}")
    assert response.status_code == 200, response.data
    return response.data.split(b"\n")


OF_COPY = "id,text,ratio,price,flag,blob,moment,zoned,clock"
OF_OTHER = ",".join(f"other.{name}" for name in OF_COPY.split(","))


@pytest.mark.parametrize(
    "query",
    [
        f"sort=id&fields={OF_COPY}",
        f"sort=-id&include=other&fields=id,text,{OF_OTHER}",
        "include=other.other&sort=id&fields=id,other.id,other.other.id,other.other.text",
        "fields=text&sort=id",
        "fields=moment&moment__isnull=false&sort=id",
        "fields=other.text&sort=id",
        "fields=id,text&after=&page_size=150&sort=text,id",
        "fields=id,text&text=nothing%25%5C",
    ],
)
def test_copy_writes_what_rows_are_written_as(
    served: Served, query: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(Exports, "_by_rows", None)
        found = lines(served, query)
    with monkeypatch.context() as patch:
        patch.setattr(copied, "expressions", lambda *given: None)
        expected = lines(served, query)
    assert list(map(_parsed, found)) == list(map(_parsed, expected))
    assert all(isinstance(json.loads(line), dict) for line in found[:-1]) and found[-1] == b""


def _parsed(line: bytes) -> str:
    """Return a text that objects share whose members are equal and in the same order; 1 and 1.0 are not."""
    return json.dumps(json.loads(line)) if line else ""


@pytest.mark.parametrize("name", ["code", "words", "document"])
def test_other_types_go_by_rows(served: Served, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = lines(served, f"fields=id,{name}")
    monkeypatch.setattr(Exports, "_copied", None)
    assert lines(served, f"fields=id,{name}") == expected and len(expected) > 100


@pytest.mark.parametrize("zone", ["UTC", "Asia/Kolkata", "America/New_York", "Etc/GMT+5"])
def test_moments_have_the_offset_of_the_page(served: Served, zone: str) -> None:
    with served.engine.begin() as connection:
        connection.execute(sa.text(f"ALTER DATABASE {served.engine.url.database} SET timezone TO '{zone}'"))
    served.engine.dispose()
    page = served.get("/notes", "fields=id,zoned&sort=id&page_size=1000")["objects"]
    exported = lines(served, "fields=id,zoned&sort=id")[: len(page)]
    assert [json.loads(line) for line in exported] == page


def test_moments_that_python_lacks_are_the_text_of_the_database(served: Served) -> None:
    texts = ("infinity", "-infinity", "0044-03-15 12:00:00.5 BC", "10000-01-01 01:02:03.25")
    with served.engine.begin() as connection:
        connection.execute(sa.text("DELETE FROM notes"))
        for at, text in enumerate(texts):
            insert = f"INSERT INTO notes (id, moment, zoned) VALUES ({at}, '{text}', '{text}')"
            connection.execute(sa.text(insert))
    page = served.get("/notes", "fields=id,moment,zoned&sort=id")["objects"]
    found = [json.loads(line) for line in lines(served, "fields=id,moment,zoned&sort=id")[:-1]]
    assert found == page and [row["moment"] for row in found] == list(texts)


def test_csv_of_a_table_that_is_related_to_itself_has_both_rows(served: Served) -> None:
    response = served.app.test_client().get("/notes?format=csv&include=other&fields=id,other.id&id=2")
    assert response.status_code == 200 and response.data == b'"id","other.id"\r\n2,1\r\n'
