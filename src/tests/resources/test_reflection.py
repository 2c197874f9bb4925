"""Classes out of a database that exists: tables, columns, types, keys and relations."""

from __future__ import annotations

import datetime as dt
import sqlite3
import warnings
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, create_engine, func, inspect, select
from sqlalchemy.orm import Session

from debonair.errors import CommandError
from debonair.reflection.reflected import Reflected, reflect
from tests.resources import shop


@pytest.fixture(autouse=True)
def _no_warnings() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


@pytest.fixture(params=["sqlite", "postgresql"])
def shop_engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    """The shop, on each database."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path}/shop.db"
    else:
        url = request.getfixturevalue("postgresql_url")
    shop.make(url, rows=200)
    engine = create_engine(url.replace("postgresql://", "postgresql+psycopg://"))
    yield engine
    engine.dispose()


def sqlite_with(script: str, path: Path | None = None) -> Engine:
    engine = create_engine(f"sqlite:///{path or ':memory:'}")
    with engine.connect() as connection:
        driver = connection.connection.dbapi_connection
        assert isinstance(driver, sqlite3.Connection)
        driver.executescript(script)
    return engine


def models(found: Reflected) -> dict[str, Any]:
    return {model.__name__: model for model in found.models}


def relations(model: Any) -> dict[str, tuple[str, bool]]:
    """Return the relations of a class: the class on the other side, and whether it is to many."""
    return {
        relation.key: (relation.mapper.class_.__name__, bool(relation.uselist))
        for relation in inspect(model).relationships
    }


def test_every_table_and_view_of_the_shop_is_a_class_whose_rows_can_be_read(shop_engine: Engine) -> None:
    found = reflect(shop_engine)
    assert found.skipped == []
    names = {"products", "product_tags", "order_totals", "odd names", "group", "visits"}
    assert names <= set(models(found))
    assert not {name for name in models(found) if name.startswith(("products_search", "events_", "sqlite"))}
    with Session(shop_engine) as session:
        for model in found.models:
            table = model.__table__
            count = session.scalar(select(func.count()).select_from(table))
            if "extremes" not in model.__name__:
                assert len(session.execute(select(*table.c)).all()) == count
                session.scalars(select(model)).all()


def test_relations_of_the_shop_have_the_documented_names(shop_engine: Engine) -> None:
    found = models(reflect(shop_engine))
    assert relations(found["categories"]) == {
        "parent": ("categories", False), "children": ("categories", True), "products": ("products", True),
    }  # fmt: skip
    assert relations(found["orders"]) == {
        "customer": ("customers", False),
        "billing_address": ("addresses", False),
        "shipping_address": ("addresses", False),
        "order_lines": ("order_lines", True),
    }
    assert relations(found["addresses"]) == {
        "customer": ("customers", False),
        "orders_by_billing_address_id": ("orders", True),
        "orders_by_shipping_address_id": ("orders", True),
    }
    assert relations(found["tags"]) == {
        "product_tags": ("product_tags", True),
        "products": ("products", True),
    }
    assert relations(found["customers"])["customer_profile"] == ("customer_profiles", False)
    assert relations(found["customer_profiles"]) == {"customer": ("customers", False)}
    assert relations(found["returns"]) == {"order_line": ("order_lines", False)}
    assert relations(found["group"]) == {
        "group": ("group", False), "group_by_from": ("group", True)
    }  # fmt: skip


def test_a_row_can_be_written_through_the_classes(shop_engine: Engine) -> None:
    found = models(reflect(shop_engine))
    with Session(shop_engine) as session:
        product = found["products"](sku="new", name="New", price=Decimal("1.50"), active=True)
        product.tags = [found["tags"](name="fresh")]
        session.add(product)
        session.commit()
        number = product.id
        session.expire_all()
        stored = session.get(found["products"], number)
        assert stored is not None
        assert [tag.name for tag in stored.tags] == ["fresh"]
        assert stored.price == Decimal("1.50")
        assert isinstance(stored.created, dt.datetime)
        assert stored.price_with_tax is not None


def test_what_has_no_key_is_marked_and_a_unique_index_is_a_key(shop_engine: Engine) -> None:
    found = models(reflect(shop_engine))
    assert found["visits"].__table__.info["debonair_keyless"]
    assert found["order_totals"].__table__.info["debonair_keyless"]
    assert found["order_totals"].__table__.info["debonair_kind"] == "view"
    assert not found["order_lines"].__table__.info["debonair_keyless"]


def test_full_text_search_of_the_shop_is_noted(shop_engine: Engine) -> None:
    info = models(reflect(shop_engine))["products"].__table__.info
    if shop_engine.dialect.name == "sqlite":
        assert (info["debonair_search"], info["debonair_search_rowid"]) == ("products_search", "id")
    else:
        assert (info["debonair_search"], info["debonair_search_config"]) == ("search", "simple")


def test_columns_say_what_the_database_fills_in(shop_engine: Engine) -> None:
    columns = models(reflect(shop_engine))["products"].__table__.c
    assert columns.price_with_tax.computed is not None
    assert columns.price.server_default is not None
    assert columns.sku.server_default is None and not columns.sku.nullable
    assert columns.description.nullable


def test_tables_and_exclude_select_by_name_and_pattern(shop_engine: Engine) -> None:
    assert set(models(reflect(shop_engine, ["order*", "tags"], ["order_totals"]))) == {
        "orders",
        "order_lines",
        "tags",
    }
    with pytest.raises(CommandError, match=r"tables names 'produkts'.*did you mean 'products'"):
        reflect(shop_engine, ["produkts"])


def test_an_unreadable_view_is_named_and_the_rest_is_served() -> None:
    engine = sqlite_with(
        "CREATE TABLE a (id INTEGER PRIMARY KEY); CREATE VIEW v AS SELECT gone FROM a; CREATE TABLE empty(x)"
    )
    found = reflect(engine)
    assert set(models(found)) == {"a", "empty"}
    assert [(item.name, "no such column: gone" in item.reason) for item in found.skipped] == [("v", True)]


def test_tables_of_sqlite_alembic_and_the_chassis_are_left_out() -> None:
    script = "CREATE TABLE {} (id INTEGER PRIMARY KEY AUTOINCREMENT);"
    engine = sqlite_with("".join(script.format(name) for name in ("a", "alembic_version", "debonair_keys")))
    assert set(models(reflect(engine))) == {"a"}


def test_values_that_are_not_of_the_declared_type_are_read_as_stored() -> None:
    engine = sqlite_with(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, d DATE, m DATETIME, h TIME, b BOOLEAN,"
        " n DECIMAL(10, 2), j JSON, x);"
        "INSERT INTO t VALUES (1, '2024-02-29', '2024-02-29 12:00:00', '12:30', 1, 1.5, '[1]', 'x'),"
        "(2, 'soon', 17, '', 'yes', 'free', '{', x'00'),"
        "(3, '20240229', '2024-02-30 12:00:00', 5, 2, 1e300, 5, 1.5)"
    )
    table = models(reflect(engine))["t"].__table__
    with engine.connect() as connection:
        rows = [tuple(row)[1:] for row in connection.execute(select(table).order_by(table.c.id))]
        midday = dt.datetime(2024, 2, 29, 12)
        assert connection.scalar(select(table.c.id).where(table.c.m == midday)) == 1
        assert connection.scalar(select(table.c.id).where(table.c.n == Decimal("1.5"))) == 1
    assert rows[0] == (dt.date(2024, 2, 29), midday, dt.time(12, 30), True, Decimal("1.5"), [1], "x")
    assert rows[1] == ("soon", 17, "", "yes", "free", "{", b"\0")
    assert rows[2] == (20240229, "2024-02-30 12:00:00", 5, 2, Decimal("1e300"), 5, 1.5)


@pytest.mark.parametrize(
    "stored", ["2024-02-29T12:00:00", "2024-02-29 12:00:00.000000", "2024-02-29 12:00:00"]
)
def test_a_datetime_is_searched_in_the_form_in_which_it_is_stored(stored: str) -> None:
    engine = sqlite_with(
        f"CREATE TABLE t (id INTEGER PRIMARY KEY, m DATETIME); INSERT INTO t VALUES (1, '{stored}')"
    )
    table = models(reflect(engine))["t"].__table__
    with engine.connect() as connection:
        assert connection.scalar(select(table.c.id).where(table.c.m == dt.datetime(2024, 2, 29, 12))) == 1


def test_names_of_relations_never_hide_a_column_or_each_other() -> None:
    engine = sqlite_with(
        "CREATE TABLE people (id INTEGER PRIMARY KEY, posts TEXT, __init__ TEXT);"
        "CREATE TABLE posts (id INTEGER PRIMARY KEY, author TEXT, author_id INT REFERENCES people,"
        " editorId INT REFERENCES People(ID), people INT REFERENCES people, gone_id INT REFERENCES gone)"
    )
    found = models(reflect(engine))
    assert set(relations(found["posts"])) == {"people_by_author_id", "editor", "people_by_people"}
    assert set(relations(found["people"])) == {"posts_by_author_id", "posts_by_editorId", "posts_by_people"}
    assert hasattr(found["people"], "__init___")


def test_a_table_between_a_table_and_itself_relates_both_ways() -> None:
    engine = sqlite_with(
        "CREATE TABLE users (id INTEGER PRIMARY KEY);"
        "CREATE TABLE follows (user_id INT NOT NULL REFERENCES users, fan_id INT NOT NULL REFERENCES users,"
        " PRIMARY KEY (user_id, fan_id));"
    )
    found = models(reflect(engine))
    assert relations(found["users"]) == {
        "follows_by_user_id": ("follows", True), "follows_by_fan_id": ("follows", True),
        "users_by_follows_fan_id": ("users", True), "users_by_follows_user_id": ("users", True),
    }  # fmt: skip
    with Session(engine) as session:
        one, two = found["users"](id=1), found["users"](id=2)
        one.users_by_follows_fan_id = [two]
        session.add(one)
        session.commit()
        row = session.scalars(select(found["follows"])).one()
        assert (row.user_id, row.fan_id) == (1, 2)
