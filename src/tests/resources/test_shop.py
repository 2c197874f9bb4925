"""The shop database has every kind of table, key and value on both databases, the same for the same seed."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.resources import shop_rows
from tests.resources.shop import TABLES, make
from tests.support import ROOT

Query = Callable[[str], list[tuple[Any, ...]]]


@pytest.fixture(scope="module")
def sqlite_shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("shop") / "shop.db"
    make(path, 2000, 1)
    return path


def _sqlite(path: Path) -> Query:
    def query(statement: str) -> list[tuple[Any, ...]]:
        with closing(sqlite3.connect(path)) as connection:
            return connection.execute(statement).fetchall()

    return query


@pytest.fixture
def query(sqlite_shop: Path) -> Query:
    return _sqlite(sqlite_shop)


@pytest.fixture
def on_postgresql(postgresql_url: str) -> Query:
    import psycopg

    make(postgresql_url, 2000, 1)

    def query(statement: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(postgresql_url) as connection:
            return connection.execute(statement).fetchall()

    return query


def test_the_number_of_order_lines_is_the_one_that_is_asked_for(query: Query) -> None:
    assert query("SELECT count(*) FROM order_lines") == [(2000,)]


@pytest.mark.parametrize("rows", [0, 1, 7])
def test_a_small_shop_is_made_too(tmp_path: Path, rows: int) -> None:
    assert make(tmp_path / "shop.db", rows)["order_lines"] == rows


def test_every_foreign_key_leads_to_a_row(query: Query) -> None:
    assert query("PRAGMA foreign_key_check") == []
    assert query("PRAGMA integrity_check") == [("ok",)]


def test_same_seed_gives_the_same_rows_and_another_gives_others() -> None:
    def rows(seed: int) -> list[list[shop_rows.Row]]:
        return [list(getattr(shop_rows, name)(shop_rows.sizes(500, seed))) for name in TABLES]

    assert rows(1) == rows(1) != rows(2)


def test_categories_are_a_tree(query: Query) -> None:
    reached = query(
        "WITH RECURSIVE tree (id, depth) AS (SELECT id, 0 FROM categories WHERE parent_id IS NULL UNION ALL"
        " SELECT c.id, depth + 1 FROM categories c JOIN tree ON c.parent_id = tree.id)"
        " SELECT count(*), count(DISTINCT id), max(depth) FROM tree"
    )[0]
    assert reached[:2] == query("SELECT count(*), count(*) FROM categories")[0]
    assert reached[2] >= 2


def test_full_text_search_finds_products_and_follows_changes(sqlite_shop: Path) -> None:
    find = "SELECT count(*) FROM products_search WHERE products_search MATCH 'zyzzyva'"
    with closing(sqlite3.connect(sqlite_shop)) as connection:
        assert connection.execute(find).fetchone() == (0,)
        connection.execute("INSERT INTO products (sku, name) VALUES ('new', 'A zyzzyva')")
        assert connection.execute(find).fetchone() == (1,)
        connection.execute("UPDATE products SET name = 'A lamp' WHERE sku = 'new'")
        assert connection.execute(find).fetchone() == (0,)
        lamps = "SELECT count(*) FROM products_search WHERE products_search MATCH 'lamp'"
        assert connection.execute(lamps).fetchone()[0] > 1


def test_keys_hold_what_has_a_meaning_in_a_url(query: Query) -> None:
    keys = "".join(key for (key,) in query("SELECT path FROM documents"))
    assert set(" /,%?#&+;'\"\\ż日") <= set(keys)


@pytest.mark.parametrize("column", ["c_real", "c_integer", "c_text", "c_untyped", "c_blob"])
def test_columns_have_nulls_and_values_of_every_kind(query: Query, column: str) -> None:
    values = [value for (value,) in query(f"SELECT {column} FROM all_types")]
    assert None in values
    assert len(set(values)) > 4
    expected = {"c_real": (1e308, 5e-324, 0.1), "c_integer": (2**63 - 1, -(2**63)), "c_text": ("", "\ufeff")}
    assert set(expected.get(column, ())) <= set(values)
    if column == "c_untyped":  # a column of REAL affinity stores it as 0
        assert "-0.0" in map(str, values)


def test_statistics_for_estimates_are_there(query: Query) -> None:
    assert query("SELECT stat FROM sqlite_stat1 WHERE idx = 'orders_customer'")[0][0].startswith(
        str(query("SELECT count(*) FROM orders")[0][0])
    )


def test_an_existing_file_is_left_alone(sqlite_shop: Path) -> None:
    with pytest.raises(FileExistsError, match=r"shop\.db exists: name a new file"):
        make(sqlite_shop)


def test_the_command_prints_what_it_made(tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "tests.resources.shop",
        f"{tmp_path}/shop.db",
        "--rows",
        "20",
        "--seed",
        "3",
    ]
    run = [subprocess.run(command, cwd=ROOT / "src", capture_output=True, text=True) for _ in range(2)]
    assert "        20 order_lines\n" in run[0].stdout
    assert (run[0].returncode, run[1].returncode) == (0, 1)
    assert run[1].stderr == f"error: {tmp_path}/shop.db exists: name a new file, or remove it first\n"


def test_both_databases_have_the_same_rows(query: Query, on_postgresql: Query) -> None:
    for name in TABLES:
        assert query(f"SELECT count(*) FROM {name}") == on_postgresql(f"SELECT count(*) FROM {name}")
    lines = (
        "SELECT order_id, line_no, product_id, quantity, discount FROM order_lines ORDER BY order_id, line_no"
    )
    assert query(lines) == on_postgresql(lines)
    keys = "SELECT hall, shelf, product_id FROM places"
    assert sorted(query(keys), key=repr) == sorted(on_postgresql(keys), key=repr)


def test_postgresql_has_its_own_kinds_of_relations(on_postgresql: Query) -> None:
    kinds: dict[str, str] = dict(
        on_postgresql("SELECT relname, relkind FROM pg_class WHERE relnamespace = 'public'::regnamespace")
    )
    assert [kinds[name] for name in ("events", "sales_by_category", "order_totals")] == ["p", "m", "v"]
    assert on_postgresql("SELECT count(*) FROM sales_by_category")[0][0] > 0
    assert (
        on_postgresql("SELECT count(*) FROM products WHERE search @@ to_tsquery('simple', 'lamp')")[0][0] > 0
    )
    assert on_postgresql("SELECT obj_description('products'::regclass)") == [("What the shop sells.",)]
    assert on_postgresql("SELECT reltuples FROM pg_class WHERE relname = 'order_lines'") == [(2000.0,)]


def test_next_key_of_postgresql_follows_the_rows(on_postgresql: Query) -> None:
    assert on_postgresql(
        "INSERT INTO tags (name) VALUES ('new') RETURNING id = 1 + (SELECT max(id) FROM tags)"
    )[0][0]
    assert on_postgresql("INSERT INTO products (sku, name) VALUES ('new', 'x') RETURNING id")[0][0] == 31


def test_a_postgresql_database_with_tables_is_left_alone(postgresql_url: str) -> None:
    make(postgresql_url.replace("postgresql:", "postgresql+psycopg:"), 10)
    with pytest.raises(FileExistsError, match="name an empty database"):
        make(postgresql_url, 10)
