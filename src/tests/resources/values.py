"""Values for columns of every type, as strategies of hypothesis.

``strategy_for`` returns the values that can be bound to a column of a type of SQLAlchemy. What the database
then holds can differ, as a REAL of PostgreSQL has 7 digits: compare with what is read. ``TYPES`` are the
types to try, by the name of the dialect.
"""

from __future__ import annotations

import datetime
import enum
import ipaddress
import string
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy
from sqlalchemy.dialects import postgresql as pg
from sqlalchemy.types import TypeEngine

Values = SearchStrategy[Any]
Maker = Callable[[Any, str], Values]

THOROUGH = settings(max_examples=2000, deadline=None, database=None)
"""Settings of a property test: 2,000 examples, without a deadline and without files of earlier runs."""


class Size(enum.Enum):
    """An enum whose names differ from its values."""

    small = "S"
    large = "L"
    with_accent = "ż"


TYPES: dict[str, dict[str, TypeEngine[Any]]] = {
    "sqlite": {
        "integer": sa.Integer(), "bigint": sa.BigInteger(), "smallint": sa.SmallInteger(),
        "boolean": sa.Boolean(),
        "real": sa.REAL(), "float": sa.Float(), "double": sa.Double(), "numeric": sa.Numeric(),
        "decimal": sa.Numeric(10, 2), "decimal_as_float": sa.Numeric(10, 2, asdecimal=False),
        "text": sa.Text(),
        "varchar": sa.String(20), "blob": sa.LargeBinary(), "date": sa.Date(), "time": sa.Time(),
        "datetime": sa.DateTime(), "interval": sa.Interval(), "enum": sa.Enum(Size), "uuid": sa.Uuid(),
        "json": sa.JSON(), "untyped": sa.types.NullType(),
    },
    "postgresql": {
        "integer": sa.Integer(), "bigint": sa.BigInteger(), "smallint": sa.SmallInteger(),
        "boolean": sa.Boolean(),
        "real": sa.REAL(), "double": sa.Double(), "numeric": sa.Numeric(), "decimal": sa.Numeric(12, 3),
        "decimal_as_float": sa.Numeric(10, 2, asdecimal=False), "text": sa.Text(), "varchar": sa.String(20),
        "char": sa.CHAR(5), "bytea": sa.LargeBinary(), "date": sa.Date(), "time": sa.Time(),
        "timetz": sa.Time(timezone=True), "timestamp": sa.DateTime(),
        "timestamptz": sa.DateTime(timezone=True),
        "interval": sa.Interval(), "enum": sa.Enum(Size, name="size"), "uuid": sa.Uuid(), "json": pg.JSON(),
        "jsonb": pg.JSONB(), "integers": pg.ARRAY(sa.Integer()), "texts": pg.ARRAY(sa.Text()),
        "matrix": pg.ARRAY(sa.Integer(), dimensions=2), "decimals": pg.ARRAY(sa.Numeric(12, 3)),
        "timestamps": pg.ARRAY(sa.DateTime()), "inet": pg.INET(), "cidr": pg.CIDR(), "macaddr": pg.MACADDR(),
        "tsvector": pg.TSVECTOR(), "int4range": pg.INT4RANGE(), "int8range": pg.INT8RANGE(),
        "numrange": pg.NUMRANGE(), "tsrange": pg.TSRANGE(), "tstzrange": pg.TSTZRANGE(),
        "daterange": pg.DATERANGE(),
        "bit": pg.BIT(8), "varbit": pg.BIT(12, varying=True),
        "domain": pg.DOMAIN("percentage", sa.Integer(), check="VALUE <= 2147483647"),
    },
}  # fmt: skip


def _integers(type_: Any, dialect: str) -> Values:
    bits = 64
    if dialect == "postgresql":
        bits = 64 if isinstance(type_, sa.BigInteger) else 16 if isinstance(type_, sa.SmallInteger) else 32
    return st.integers(-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)


def _floats(type_: Any, dialect: str) -> Values:
    single = dialect == "postgresql" and isinstance(type_, sa.REAL)
    return st.floats(width=32 if single else 64)  # nan (NULL in SQLite) and infinities are among them


def _numerics(type_: Any, dialect: str) -> Values:
    if type_.precision is not None:
        scale = type_.scale or 0
        most = 10**type_.precision - 1
        found: Values = st.integers(-most, most).map(lambda digits: Decimal(digits).scaleb(-scale))
    else:
        found = st.decimals(-(10**30), 10**30, places=12)
        found |= st.decimals(-1000, 1000, allow_nan=False, allow_infinity=False)
        if dialect == "postgresql":
            found |= st.sampled_from([Decimal("NaN"), Decimal("Infinity"), Decimal("-Infinity")])
    return found if type_.asdecimal else found.map(float)


def _texts(type_: Any, dialect: str) -> Values:
    """Every text that UTF-8 can encode. PostgreSQL has no NUL."""
    excluded = "\0" if dialect == "postgresql" else ""
    characters = st.characters(exclude_categories=["Cs"], exclude_characters=excluded)
    return st.text(characters, max_size=type_.length or 60)


def _datetimes(type_: Any, dialect: str) -> Values:
    if not (type_.timezone and dialect == "postgresql"):
        return st.datetimes()
    # A zone moves the moment by up to a day, and it must stay in the years 1 to 9999.
    first, last = datetime.datetime(1, 1, 3), datetime.datetime(9999, 12, 29)
    return st.datetimes(first, last, timezones=_zones() | st.timezones())


def _zones() -> SearchStrategy[datetime.timezone]:
    minutes = st.integers(-14 * 60, 14 * 60)
    return minutes.map(lambda offset: datetime.timezone(datetime.timedelta(minutes=offset)))


def _times(type_: Any, dialect: str) -> Values:
    return st.times(timezones=_zones()) if type_.timezone and dialect == "postgresql" else st.times()


def _intervals(type_: Any, dialect: str) -> Values:
    most = datetime.timedelta(days=700_000)  # SQLite has the moment that long after 1970
    return st.timedeltas(-most, most)


def _enums(type_: Any, dialect: str) -> Values:
    return st.sampled_from(list(type_.enum_class) if type_.enum_class else type_.enums)


def _uuids(type_: Any, dialect: str) -> Values:
    return st.uuids() if type_.as_uuid else st.uuids().map(str)


def _json(type_: Any, dialect: str) -> Values:
    """JSON without NUL; integers have 64 bits, floats are finite. JSONB can return a float as an integer."""
    text = _texts(sa.Text(), "postgresql")
    leaves = st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | text
    leaves |= st.floats(allow_nan=False, allow_infinity=False)
    return st.recursive(leaves, lambda inner: st.lists(inner) | st.dictionaries(text, inner), max_leaves=12)


def _arrays(type_: Any, dialect: str) -> Values:
    item = st.none() | strategy_for(type_.item_type, dialect, nullable=False)
    if type_.dimensions == 2:
        return st.integers(1, 4).flatmap(
            lambda width: st.lists(st.lists(item, min_size=width, max_size=width), max_size=4)
        )
    return st.lists(item, max_size=8)


def _ranges(type_: Any, dialect: str) -> Values:
    bounds: dict[type[Any], TypeEngine[Any]] = {
        pg.INT4RANGE: sa.Integer(), pg.INT8RANGE: sa.BigInteger(), pg.NUMRANGE: sa.Numeric(12, 3),
        pg.TSRANGE: sa.DateTime(), pg.TSTZRANGE: sa.DateTime(timezone=True), pg.DATERANGE: sa.Date(),
    }  # fmt: skip
    bound = strategy_for(bounds[type(type_)], dialect, nullable=False)
    if isinstance(type_, pg.INT4RANGE | pg.INT8RANGE | pg.DATERANGE):
        # PostgreSQL writes [a,b] as [a,b+1): the value after the last one would be out of range.
        last: Any = datetime.date(9999, 12, 30)
        if not isinstance(type_, pg.DATERANGE):
            last = 2**31 - 2 if isinstance(type_, pg.INT4RANGE) else 2**63 - 2
        bound = bound.map(lambda value: min(value, last))
    pairs = st.tuples(st.none() | bound, st.none() | bound).map(
        lambda pair: pair if None in pair else tuple(sorted(pair))
    )
    made = st.builds(
        lambda pair, kind: pg.Range(*pair, bounds=kind), pairs, st.sampled_from(("[)", "(]", "[]", "()"))
    )
    return made | st.just(pg.Range(empty=True))


def _bits(type_: Any, dialect: str) -> Values:
    return st.text("01", min_size=0 if type_.varying else type_.length, max_size=type_.length).map(
        pg.BitString
    )


def _addresses(type_: Any, dialect: str) -> Values:
    return st.ip_addresses().map(str)


def _networks(type_: Any, dialect: str) -> Values:
    return st.builds(
        lambda address, size: str(
            ipaddress.ip_network((address, size % (address.max_prefixlen + 1)), strict=False)
        ),
        st.ip_addresses(),
        st.integers(0, 128),
    )


def _anything(type_: Any, dialect: str) -> Values:
    """What a column of SQLite without a type can hold."""
    return (
        _integers(type_, dialect)
        | _floats(type_, dialect)
        | _texts(sa.Text(), dialect)
        | st.binary(max_size=40)
    )


_MAKERS: tuple[tuple[type[Any] | tuple[type[Any], ...], Maker], ...] = (
    (pg.DOMAIN, lambda type_, dialect: strategy_for(type_.data_type, dialect, nullable=False)),
    (pg.ARRAY, _arrays),
    (pg.ranges.AbstractSingleRange, _ranges),
    (pg.BIT, _bits),
    (pg.INET, _addresses),
    (pg.CIDR, _networks),
    (pg.MACADDR, lambda *_: st.binary(min_size=6, max_size=6).map(lambda octets: octets.hex(":"))),
    (pg.TSVECTOR, lambda *_: st.lists(st.text(string.ascii_lowercase, min_size=1)).map(" ".join)),
    (sa.JSON, _json),
    (sa.Enum, _enums),
    (sa.Uuid, _uuids),
    (sa.Boolean, lambda *_: st.booleans()),
    (sa.Integer, _integers),
    (sa.Float, _floats),
    (sa.Numeric, _numerics),
    (sa.String, _texts),
    (sa.LargeBinary, lambda *_: st.binary(max_size=300)),
    ((sa.Interval, pg.INTERVAL), _intervals),
    (sa.DateTime, _datetimes),
    (sa.Date, lambda *_: st.dates()),
    (sa.Time, _times),
    (sa.types.NullType, _anything),
)
"""The strategy of each type: the first of them that a type is an instance of."""


def strategy_for(type_: TypeEngine[Any], dialect_name: str, nullable: bool = True) -> Values:
    """Return the values that a column of ``type_`` can hold in ``sqlite`` or ``postgresql``, None among them.

    Without ``nullable`` None is not among them. Raises LookupError for a type without a strategy.
    """
    for kinds, maker in _MAKERS:
        if isinstance(type_, kinds):
            values = maker(type_, dialect_name)
            return st.none() | values if nullable else values
    raise LookupError(f"there is no strategy for the type {type_!r}: add one to {__name__}")
