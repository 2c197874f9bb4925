"""The value in a page is the value that a schema of marshmallow-sqlalchemy dumps, wherever it stands.

It is compared at the root, in an embedded to-one relation and in an embedded to-many relation, which reaches
Python as JSON of the database. The differences that are meant:

* floats that are not finite are null, as JSON has no numbers for them;
* binary data is base64, where marshmallow decodes it as UTF-8, which fails;
* a date that Python does not have is the text that PostgreSQL writes, where the driver fails;
* a whole number that SQLite keeps in a NUMERIC column which Python reads as a float is written as 1, not 1.0;
* ranges, bit strings, network addresses and text to search are the text of the database:
  marshmallow-sqlalchemy has no field for them, or one that changes them.
"""

from __future__ import annotations

import base64
import datetime
import json
import zlib
from collections.abc import Callable, Iterator
from decimal import Decimal
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
        max_examples=count,
        deadline=None,
        database=None,
        phases=[Phase.generate],
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
    if isinstance(type_, pg.DOMAIN):
        type_ = type_.data_type
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


def places(served: Served) -> Iterator[tuple[dict[str, Any], ...]]:
    """Yield each row as it is at the root, in a to-one relation, and in a to-many relation.

    The page is read by key, and by number in two orders: that is another statement, whose JSON SQLite writes.
    It is also exported: PostgreSQL writes the values of many types as text.
    """
    exported = {row["id"]: row for row in _exported(served)}
    numbered = [dict(_numbered(served, sort)) for sort in ("id", "-id")]
    token: str | None = ""
    while token is not None:
        query = {"include": "twin,twins", "page_size": "500", "count": "none", "after": token}
        page = served.get("/exact", query)
        for row in page["objects"]:
            others = [each for rows in numbered for each in (rows[row["id"]], rows[row["id"]]["twin"])]
            others += [exported[row["id"]], exported[row["id"]]["twin"]]
            yield row, row["twin"], row["twins"][0], *others
        token = page["after"]


def _exported(served: Served) -> Iterator[dict[str, Any]]:
    response = served.app.test_client().get("/exact?include=twin&format=ndjson")
    yield from map(json.loads, response.data.splitlines())


def _numbered(served: Served, sort: str) -> Iterator[tuple[int, dict[str, Any]]]:
    number, last = 0, 1
    while number < last:
        number += 1
        page = served.get("/exact", {"include": "twin", "page_size": "500", "sort": sort, "page": number})
        last = page["total_pages"]
        yield from ((row["id"], row) for row in page["objects"])


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
                # Not a cast: that adds /32 to an address.
                as_text = sa.case((table.c.value.is_not(None), sa.func.format("%s", table.c.value)))
                text = sa.select(table.c.id, as_text)
                expected = {id_: {"value": value} for id_, value in session.execute(text)}
            else:
                expected = {
                    row.id: {"value": dumped(row, "value")} for row in session.scalars(sa.select(made))
                }
        assert differences(served, expected)[:3] == []


TEXTS = (pg.ranges.AbstractSingleRange, pg.BIT, pg.INET, pg.CIDR, pg.TSVECTOR)
AS_TEXT: Any = object()

CASES = [
    pytest.param(backend, name, id=f"{backend}-{name}")
    for backend in TYPES
    for name in TYPES[backend]
    if name != "untyped"
]


@pytest.mark.parametrize("name", [name for name in TYPES["sqlite"] if name != "untyped"])
def test_values_on_sqlite_are_what_a_schema_dumps(name: str, make_database: Any) -> None:
    type_ = TYPES["sqlite"][name]
    check(make_database("sqlite"), name, type_, drawn(strategy_for(type_, "sqlite"), 30, name))


@pytest.mark.acceptance
@pytest.mark.parametrize(("backend", "name"), CASES)
def test_2000_values_of_each_type_are_what_a_schema_dumps(
    backend: str, name: str, make_database: Any
) -> None:
    type_ = TYPES[backend][name]
    check(make_database(backend), name, type_, drawn(strategy_for(type_, backend), 2000, name))


class Cents(sa.types.TypeDecorator[Any]):
    """Amounts of money as integers."""

    impl = sa.Integer
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Any) -> Any:
        return None if value is None else int(value * 100)

    def process_result_value(self, value: Any, dialect: Any) -> Any:
        return None if value is None else Decimal(value) / 100


class Zoned(sa.types.TypeDecorator[Any]):
    """Moments that are kept in UTC, also where the database has no zones."""

    impl = sa.DateTime
    cache_ok = True

    def process_result_value(self, value: Any, dialect: Any) -> Any:
        return None if value is None else value.replace(tzinfo=datetime.UTC)


class Words(sa.types.TypeDecorator[Any]):
    """Lists of words in one text."""

    impl = sa.Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Any) -> Any:
        return None if value is None else " ".join(value)

    def process_result_value(self, value: Any, dialect: Any) -> Any:
        return None if value is None else value.split()


class Rounded(sa.types.TypeDecorator[Any]):
    """Decimals without zeros at their end."""

    impl = sa.Numeric(20, 6)
    cache_ok = True

    def process_result_value(self, value: Any, dialect: Any) -> Any:
        return None if value is None else value.normalize()


OWN: dict[str, tuple[Any, list[Any], list[Any]]] = {
    "cents": (Cents(), [Decimal("1.25"), None, Decimal(-3)], ["1.25", None, "-3"]),
    "zoned": (
        Zoned(), [datetime.datetime(2024, 5, 6, 7, 8, 9, 10), datetime.datetime.min],
        ["2024-05-06T07:08:09.000010+00:00", "0001-01-01T00:00:00+00:00"],
    ),
    "words": (Words(), [["a", "b"], [], None], [["a", "b"], [], None]),
    "rounded": (Rounded(), [Decimal("1.500"), Decimal("0.000001")], ["1.5", "0.000001"]),
    "enum_of_strings": (sa.Enum("a b", "ż", name="of_strings"), ["a b", "ż", None], ["a b", "ż", None]),
    "enum_by_values": (
        sa.Enum(Size, values_callable=lambda enum: [each.value for each in enum], name="by_values"),
        [Size.small, Size.with_accent, None], ["small", "with_accent", None],
    ),
    "uuid_as_text": (sa.Uuid(as_uuid=False), ["0" * 32], ["00000000-0000-0000-0000-000000000000"]),
    "pickle": (sa.PickleType(), [{"a": [1, None]}, None], [{"a": [1, None]}, None]),
}  # fmt: skip


@pytest.mark.parametrize("name", OWN)
def test_types_of_an_author_are_written_as_python_has_them(name: str, database: dict[str, Any]) -> None:
    type_, values, expected = OWN[name]
    _expect(database, {"value": type_}, [{"value": value} for value in values],
            [{"value": value} for value in expected])  # fmt: skip


def _expect(
    database: dict[str, Any], columns: dict[str, Any], rows: list[dict[str, Any]],
    expected: list[dict[str, Any]], made: Any = None,
) -> None:  # fmt: skip
    made = made or model(columns)
    table = made.metadata.tables["exact"]
    keyed = [row | {"id": n, "twin_id": n} for n, row in enumerate(rows, 1)]
    with serving(database, [made], lambda c: c.execute(table.insert(), keyed)) as served:
        assert differences(served, dict(enumerate(expected, 1))) == []


@pytest.mark.parametrize("count", [1, 2, 63, 64, 100, 101, 127, 128, 200])
def test_rows_of_1_to_200_columns_are_exact(count: int, database: dict[str, Any]) -> None:
    kinds = (
        (sa.Integer(), 2**31 - 1, 2**31 - 1), (sa.Double(), 0.1 + 0.2, 0.1 + 0.2), (sa.Text(), "ż\n", "ż\n"),
        (sa.Numeric(10, 2), Decimal("1.10"), "1.10"), (sa.LargeBinary(), b"\0\xff", "AP8="),
        (sa.DateTime(), datetime.datetime(1, 2, 3), "0001-02-03T00:00:00"),
    )  # fmt: skip
    chosen = {f"c{number}": kinds[number % len(kinds)] for number in range(count)}
    row = {name: value for name, (_, value, _) in chosen.items()}
    expected = {name: text for name, (_, _, text) in chosen.items()}
    _expect(database, {name: type_ for name, (type_, _, _) in chosen.items()}, [row], [expected])


STORED = (
    1,
    -(2**63),
    2**63 - 1,
    0.1,
    1e308,
    5e-324,
    "text",
    "",
    "2024-01-01",
    "12:00",
    b"\0\xff",
    b"",
    None,
)
"""What SQLite stores in a column of any type."""


@pytest.mark.parametrize("name", TYPES["sqlite"])
def test_values_that_are_not_of_the_type_are_no_fault_on_sqlite(name: str, tmp_path: Any) -> None:
    made = model({"value": TYPES["sqlite"][name]})

    def fill(connection: sa.Connection) -> None:
        insert = "INSERT INTO exact (id, twin_id, value) VALUES (?, ?, ?)"
        for number, value in enumerate(STORED, 1):
            try:
                connection.exec_driver_sql(insert, (number, number, value))
            except sa.exc.IntegrityError:
                continue  # a CHECK of the type

    created = model({"value": sa.LargeBinary()}) if name == "untyped" else made
    with serving({"uri": f"sqlite:///{tmp_path}/t.db"}, [made], fill, [created]) as served:
        for row in places(served):
            assert len({canonical(each["value"]) for each in row}) == 1


SPECIAL = {
    "date": (sa.Date(), ("infinity", "-infinity", "0044-03-15 BC", "10000-01-01", "2024-02-29")),
    "timestamp": (sa.DateTime(), ("infinity", "-infinity", "0044-03-15 12:00:00 BC")),
    "timestamptz": (sa.DateTime(timezone=True), ("infinity", "0044-03-15 12:00:00+00 BC")),
    "time": (sa.Time(), ("24:00:00",)),
    "numeric": (sa.Numeric(), ("NaN", "Infinity", "1e-50", "1e50")),
    "float8": (sa.Double(), ("NaN", "Infinity", "-Infinity", "-0")),
    "interval": (sa.Interval(), ("1 mon", "-1 year 3 days 00:00:01.5", "170000000 years", "99999 days")),
    "json": (pg.JSON(), ('{"a": 123456789012345678901234567890}', '"\\ud800"', "1e400", "null")),
    "jsonb": (pg.JSONB(), ('[123456789012345678901234567890, 1.10]', "null")),
    "date[]": (pg.ARRAY(sa.Date()), ("{infinity,NULL,2024-02-29}", "{}", "[2:3]={2024-01-01,2024-01-02}")),
    "bytea[]": (pg.ARRAY(sa.LargeBinary()), (r'{"\\x00ff",NULL}',)),
    "interval[]": (pg.ARRAY(sa.Interval()), ("{1 day 02:03:04.5,NULL}",)),
    "float8[]": (pg.ARRAY(sa.Double()), ("{NaN,Infinity,0.1,NULL}",)),
    "uuid[]": (pg.ARRAY(sa.Uuid()), ("{00000000-0000-0000-0000-000000000001,NULL}",)),
    "text[]": (pg.ARRAY(sa.Text()), (r'{"a\"b","c,d",NULL,"NULL",""}', "{{a,b},{c,NULL}}")),
    "inet[]": (pg.ARRAY(pg.INET()), ("{127.0.0.1,::1/64}",)),
    "xml": (sa.types.NullType(), ("<a>b</a>",)),
    "point": (sa.types.NullType(), ("(1,2.5)",)),
    "money": (pg.MONEY(), ("12.34",)),
    "oid": (pg.OID(), ("4294967295",)),
}  # fmt: skip


@pytest.mark.acceptance
@pytest.mark.parametrize("name", SPECIAL)
def test_values_that_python_has_not_are_the_same_everywhere(name: str, make_database: Any) -> None:
    type_, texts = SPECIAL[name]
    made = model({"value": type_})

    def fill(connection: sa.Connection) -> None:
        connection.exec_driver_sql(f"ALTER TABLE exact DROP COLUMN value, ADD COLUMN value {name}")
        for number, text in enumerate(texts, 1):
            connection.exec_driver_sql(
                f"INSERT INTO exact (id, twin_id, value) VALUES ({number}, {number}, CAST(%s AS {name}))",
                (text,),
            )

    # The column is replaced, since SQLAlchemy cannot create one of an unknown type.
    if isinstance(type_, sa.types.NullType):
        made.metadata.tables["exact"].c.value.type = sa.Text()
        created, made = made, model({"value": type_})
    else:
        created = made
    with serving(make_database("postgresql"), [made], fill, created=[created]) as served:
        for row in places(served):
            assert len({canonical(each["value"]) for each in row}) == 1, row
            print(name, texts[row[0]["id"] - 1], row[0]["value"])
