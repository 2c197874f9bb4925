"""Every database stores the values that the strategies make for its types."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import find, given, settings
from hypothesis import strategies as st

from tests.faults.postgresql import PASSWORD, Cluster
from tests.resources.values import TYPES, strategy_for

FEW = settings(max_examples=10, deadline=None, database=None, derandomize=True)

INEXACT = {
    "real", "float", "double", "numeric", "decimal_as_float", "char", "untyped", "jsonb", "tsvector",
    "inet", "cidr",
    "numrange", "int4range", "int8range", "tsrange", "tstzrange", "daterange",
}  # fmt: skip
"""Types that can return another value or form of it, or one that is not equal to itself."""


@pytest.fixture(scope="module")
def sqlite() -> Iterator[sa.Engine]:
    engine = sa.create_engine("sqlite://")
    yield engine
    engine.dispose()


@pytest.fixture(scope="module")
def postgresql(postgresql_cluster: Cluster) -> Iterator[sa.Engine]:
    address = f"127.0.0.1:{postgresql_cluster.port}/{postgresql_cluster.create()}"
    engine = sa.create_engine(f"postgresql+psycopg://tests:{PASSWORD}@{address}")
    yield engine
    engine.dispose()


@pytest.mark.parametrize(
    ("dialect", "name"), [(dialect, name) for dialect in TYPES for name in TYPES[dialect]]
)
def test_database_stores_the_values(request: pytest.FixtureRequest, dialect: str, name: str) -> None:
    type_ = TYPES[dialect][name]
    table = sa.Table(
        f"of_{name}", sa.MetaData(), sa.Column("id", sa.Integer, primary_key=True), sa.Column("value", type_)
    )
    engine: sa.Engine = request.getfixturevalue(dialect)
    with engine.begin() as connection:
        if name == "untyped":
            connection.exec_driver_sql("CREATE TABLE of_untyped (id INTEGER PRIMARY KEY, value)")
        else:
            table.metadata.create_all(connection)

    @FEW
    @given(st.lists(strategy_for(type_, dialect), min_size=1, max_size=10))
    def check(values: list[Any]) -> None:
        with engine.connect() as connection:
            for number, value in enumerate(values):
                connection.execute(table.insert(), {"id": number, "value": value})
            found = list(connection.scalars(sa.select(table.c.value).order_by(table.c.id)))
        assert len(found) == len(values)
        if name not in INEXACT:
            assert found == values

    check()


@pytest.mark.parametrize("dialect", TYPES)
def test_values_that_are_easily_shown_wrong_are_found(dialect: str) -> None:
    def exists(type_: sa.types.TypeEngine[Any], condition: Any) -> None:
        find(
            strategy_for(type_, dialect, nullable=False), condition, settings=settings(FEW, max_examples=5000)
        )

    exists(sa.Float(), math.isinf)
    exists(sa.Float(), math.isnan)
    exists(sa.Float(), lambda value: value != float(f"{value:.15g}") and value < 1)
    exists(sa.BigInteger(), lambda value: value > 2**53)
    exists(sa.Text(), lambda value: '"' in value)
    exists(sa.Text(), lambda value: any(ord(character) > 0xFFFF for character in value))
    exists(sa.JSON(), lambda value: value is None)
    exists(sa.DateTime(), lambda value: value.microsecond == 0)
    exists(sa.DateTime(), lambda value: value.microsecond != 0)


def test_nulls_are_among_the_values_of_a_nullable_column_only() -> None:
    assert find(strategy_for(sa.Integer(), "sqlite"), lambda value: value is None, settings=FEW) is None

    @FEW
    @given(strategy_for(sa.Integer(), "sqlite", nullable=False))
    def check(value: Any) -> None:
        assert value is not None

    check()


def test_postgresql_gets_no_nul_and_its_own_bounds() -> None:
    @FEW
    @given(
        strategy_for(sa.Text(), "postgresql", nullable=False), strategy_for(sa.Integer(), "postgresql", False)
    )
    def check(text: str, number: int) -> None:
        assert "\0" not in text
        assert -(2**31) <= number < 2**31

    check()


def test_type_without_a_strategy_is_named() -> None:
    with pytest.raises(LookupError, match="no strategy for the type TupleType"):
        strategy_for(sa.TupleType(), "sqlite")
