"""A column that is converted as a whole has the values that each value has by itself."""

from __future__ import annotations

from typing import Any, NamedTuple, cast

import orjson
import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy.dialects import sqlite

from debonair.descriptions.kinds import kind_of
from debonair.exports.columns import converted, quick_of
from debonair.reflection import stored_moments, stored_types
from debonair.statements.wire import converter, written_by_default

DIALECT = sqlite.dialect()

TYPES = {
    "numeric": sa.Numeric(10, 2),
    "datetime": sa.DateTime(),
    "date": sa.Date(),
    "stored numeric": stored_types.StoredNumeric(),
    "stored datetime": stored_moments.StoredDateTime(),
    "stored date": stored_moments.StoredDate(),
    "stored boolean": stored_types.StoredBoolean(),
}

MOMENTS = st.one_of(
    st.datetimes().map(lambda value: value.isoformat(" ", "microseconds")),
    st.datetimes().map(str),
    st.datetimes().map(lambda value: value.isoformat("T") + "+02:30"),
    st.dates().map(str),
    st.sampled_from(["20240229T01:02:03", "2024-W01-1T01:02:03", "2024-02-30 01:02:03", "2024-02-29T01", ""]),
)
NUMBERS = st.one_of(
    st.floats(allow_nan=False),
    st.decimals(-1000, 1000, places=2).map(float),
    st.integers(-(2**63), 2**63 - 1),
    st.sampled_from([0, 1, -0.0, 1e15, 1e16, 1e22, 1e-4, 1e-5, 0.125]),
)
OTHER = st.one_of(st.text(max_size=5), st.binary(max_size=5), st.sampled_from(["e", "null", "inf", "1,2"]))
COLUMNS = st.one_of(
    *(st.lists(st.one_of(st.none(), values), max_size=6) for values in (MOMENTS, NUMBERS)),
    st.lists(st.one_of(st.none(), MOMENTS, NUMBERS, OTHER), max_size=6),
    st.lists(st.sampled_from([0, 1]), max_size=6),
)


class Described(NamedTuple):
    """What a conversion knows of a column."""

    type: Any
    kind: Any


@pytest.mark.parametrize("name", TYPES)
@settings(deadline=None)
@given(values=COLUMNS)
def test_whole_column_has_the_values_of_each(name: str, values: list[Any]) -> None:
    type_: Any = TYPES[name]
    kind = kind_of(type_)
    convert = converter(kind, type_, DIALECT, embedded=False)
    assert convert is not None
    quick = quick_of(cast(Any, Described(type_, kind)), DIALECT)
    assert quick is not None
    expected = [None if value is None else convert(value) for value in values]
    found = converted(tuple(values), convert, quick)
    assert orjson.dumps(list(found), written_by_default) == orjson.dumps(expected, written_by_default)


def test_usual_values_are_converted_at_once() -> None:
    usual = {
        "numeric": (1.5, 2),
        "datetime": ("2024-02-29 01:02:03.000000",),
        "date": ("2024-02-29",),
        "stored numeric": (1.5, 2),
        "stored datetime": ("2024-02-29 01:02:03", "2024-02-29T01:02:03.5"),
        "stored date": ("2024-02-29",),
        "stored boolean": (0, 1),
    }
    for name, values in usual.items():
        type_: Any = TYPES[name]
        quick = quick_of(cast(Any, Described(type_, kind_of(type_))), DIALECT)
        assert quick is not None and quick(values) is not None, name
