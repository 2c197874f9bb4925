"""Make a shop database of any size, as somebody's existing database: by plain SQL, without SQLAlchemy.

    python -m tests.resources.shop PATH_OR_URL --rows N [--seed S]

The database is a new SQLite file (a path or sqlite:///path), or an empty PostgreSQL database
(postgresql://user:password@host/name). N is the number of rows of order_lines, the largest table. The same N
and seed make the same rows. The tables are in shop_sqlite.sql and shop_postgresql.sql, their rows in
shop_rows.py and shop_types.py.
"""

from __future__ import annotations

import argparse
import sqlite3
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

from tests.resources import shop_rows, shop_types
from tests.resources.shop_rows import Row, Sizes

MARK = "-- The rows are inserted here.\n"

TABLES = {
    "categories": "id name parent_id",
    "products": "id sku name description category_id price weight stock active created details",
    "tags": "id name",
    "product_tags": "product_id tag_id",
    "customers": "id name email country balance vip created",
    "customer_profiles": "customer_id biography birthday wakes_at photo",
    "addresses": "id customer_id street city",
    "orders": "id customer_id billing_address_id shipping_address_id placed status",
    "order_lines": "order_id line_no product_id quantity unit_price discount",
    "returns": "id order_id line_no reason",
    "visits": "seen path customer_id milliseconds",
    "vouchers": "id percent expires",
    "documents": "path title size",
    "places": "hall shelf product_id",
}
"""The tables of both databases, and the columns of their rows in shop_rows.py, in the order of insertion."""


def _tables(kind: str, size: Sizes) -> Iterator[tuple[str, list[str] | None, Iterator[Row]]]:
    """Yield each table's name, the columns that are inserted (None: all) and the rows."""
    for name, columns in TABLES.items():
        yield name, columns.split(), getattr(shop_rows, name)(size)
    yield "group", None, shop_rows.group(size)
    yield "odd names", None, shop_rows.odd_names(size)
    if kind == "postgresql":
        yield "events", None, shop_rows.events(size)
    for name, types in (shop_types.POSTGRESQL if kind == "postgresql" else shop_types.SQLITE).items():
        yield name, ["id", *types], shop_rows.spread(types)


def _into(name: str, columns: list[str] | None) -> str:
    return f'"{name}"' + (f" ({', '.join(columns)})" if columns else "")


def _counting(rows: Iterator[Row], counts: dict[str, int], name: str) -> Iterator[Row]:
    count = 0
    for row in rows:
        count += 1
        yield row
    counts[name] = count


def _make_sqlite(path: Path, size: Sizes) -> dict[str, int]:
    if path.exists():
        raise FileExistsError(f"{path} exists: name a new file, or remove it first")
    counts: dict[str, int] = {}
    before, after = Path(__file__).with_name("shop_sqlite.sql").read_text().split(MARK)
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.executescript("PRAGMA synchronous = off;" + before)
        connection.execute("BEGIN")
        for name, columns, rows in _tables("sqlite", size):
            width = len(columns or connection.execute(f'SELECT * FROM "{name}"').description)
            connection.executemany(
                f"INSERT INTO {_into(name, columns)} VALUES ({', '.join('?' * width)})",
                _counting(rows, counts, name),
            )
        connection.execute("COMMIT")
        connection.executescript("BEGIN;" + after + "COMMIT;")
    return counts


def _make_postgresql(url: str, size: Sizes) -> dict[str, int]:
    import psycopg

    counts: dict[str, int] = {}
    before, after = Path(__file__).with_name("shop_postgresql.sql").read_text().split(MARK)
    with psycopg.connect(url) as connection:
        if connection.execute("SELECT 1 FROM pg_stat_user_tables").fetchone():
            raise FileExistsError("the database has tables: name an empty database")
        # Statements of the scripts are ours; psycopg wants literal text for them.
        run: Any = partial(connection.execute, params=None)
        run("SET LOCAL client_min_messages = warning; SET LOCAL timezone = 'UTC';" + before)
        for name, columns, rows in _tables("postgresql", size):
            statement: Any = f"COPY {_into(name, columns)} FROM STDIN"
            with connection.cursor().copy(statement) as copy:
                for row in _counting(rows, counts, name):
                    copy.write_row(row)
        run(after)
    return counts


def make(target: str | Path, rows: int = 1000, seed: int = 0) -> dict[str, int]:
    """Make the shop in ``target`` with ``rows`` order lines; return the number of rows by table.

    Raises FileExistsError where the file exists or the database has tables.
    """
    url, size = str(target), shop_rows.sizes(rows, seed)
    if url.startswith("postgresql"):
        return _make_postgresql("postgresql" + url[url.index("://") :], size)
    return _make_sqlite(Path(url.removeprefix("sqlite:///")), size)


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m tests.resources.shop", description="Make a shop database."
    )
    parser.add_argument("target", help="a new SQLite file, or the URL of an empty PostgreSQL database")
    parser.add_argument("--rows", type=int, default=1000, metavar="N", help="order lines (default: 1000)")
    parser.add_argument("--seed", type=int, default=0, metavar="S", help="another seed makes other rows")
    arguments = parser.parse_args()
    started = time.monotonic()
    try:
        counts = make(arguments.target, arguments.rows, arguments.seed)
    except FileExistsError as error:
        sys.exit(f"error: {error}")
    for name, count in counts.items():
        print(f"{count:10,} {name}")
    print(f"{sum(counts.values()):10,} rows in {time.monotonic() - started:.1f} s")


if __name__ == "__main__":
    main()
