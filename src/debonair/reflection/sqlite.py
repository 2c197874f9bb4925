"""The catalog of a database of SQLite."""

from __future__ import annotations

import re
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from debonair.reflection.catalog import (
    TABLE,
    VIEW,
    Address,
    Catalog,
    ColumnFacts,
    ForeignKey,
    Relation,
    Skipped,
)
from debonair.reflection.stored_moments import StoredDateTime, type_of_sqlite
from debonair.reflection.stored_types import StoredBoolean

_RELATIONS = """
    SELECT l.name, l.type, l.wr, m.sql FROM pragma_table_list AS l
    JOIN main.sqlite_master AS m ON m.name = l.name AND m.type IN ('table', 'view')
    WHERE l.schema = 'main' AND l.type != 'shadow' AND l.name NOT LIKE 'sqlite\\_%' ESCAPE '\\'
    ORDER BY l.name
"""

_COLUMNS = 'SELECT name, type, "notnull", dflt_value, pk, hidden FROM pragma_table_xinfo(?) ORDER BY cid'

_FOREIGN_KEYS = """
    SELECT m.name, f.id, f."table", f."from", f."to"
    FROM sqlite_master AS m JOIN pragma_foreign_key_list(m.name) AS f
    WHERE m.type = 'table' AND m.sql NOT LIKE 'CREATE VIRTUAL%' ORDER BY m.name, f.id, f.seq
"""

_UNIQUES = """
    SELECT m.name, l.name, x.name
    FROM sqlite_master AS m JOIN pragma_index_list(m.name) AS l JOIN pragma_index_info(l.name) AS x
    WHERE m.type = 'table' AND m.sql NOT LIKE 'CREATE VIRTUAL%' AND l."unique" AND NOT l.partial
    ORDER BY m.name, l.seq DESC, x.seqno
"""

_VIRTUAL = re.compile(r"\s*CREATE\s+VIRTUAL\s+TABLE\b.*?\bUSING\s+(\w+)\s*(?:\((.*)\))?\s*$", re.I | re.S)
_FULL_TEXT = re.compile(r"fts[345]$", re.I)
_SETTING = r"(?:^|,)\s*{}\s*=\s*(?:'((?:[^']|'')*)'|\"((?:[^\"]|\"\")*)\"|([^\s,]+))"


_STEPS = 50_000
"""Instructions of SQLite's virtual machine that a look at a value may take: about a millisecond."""


def read(connection: Connection) -> Catalog:
    """Return the catalog of the main database.

    Tables of SQLite itself, and the shadow tables of virtual tables, are left out. So is a full-text index
    over a table of its own: ``search`` of that table names it.
    """
    catalog = Catalog()
    found: dict[str, Relation] = {}
    indexes: dict[str, dict[str, str]] = {}
    for name, kind, without_rowid, sql in connection.exec_driver_sql(_RELATIONS).all():
        module, arguments = _virtual(sql) if kind == "virtual" else ("", "")
        content, key = _content(arguments) if _FULL_TEXT.match(module) else (None, "")
        if content:
            indexes[content.lower()] = {"debonair_search": name, "debonair_search_rowid": key}
            continue
        relation = Relation(Address(None, name), VIEW if kind == "view" else TABLE)
        try:
            _read_columns(connection, relation, counts=kind == "table" and not without_rowid)
        except DBAPIError as error:
            catalog.skipped.append(Skipped(name, _reason(error)))
            continue
        if content is not None:
            relation.search = {"debonair_search": name, "debonair_search_rowid": "rowid"}
        found[name.lower()] = relation
    _read_constraints(connection, found)
    for content, search in indexes.items():
        if content in found:
            found[content].search = search
    catalog.relations = list(found.values())
    return catalog


def _reason(error: DBAPIError) -> str:
    return f"it cannot be read: {error.orig}"


def _virtual(sql: str) -> tuple[str, str]:
    match = _VIRTUAL.match(sql)
    return (match[1], match[2] or "") if match else ("", "")


def _content(arguments: str) -> tuple[str, str]:
    """Return the table that a full-text index belongs to, "" when it holds its own text, and its row's id."""
    return _setting(arguments, "content") or "", _setting(arguments, "content_rowid") or "rowid"


def _setting(arguments: str, name: str) -> str | None:
    match = re.search(_SETTING.format(name), arguments, re.I)
    return (
        next((part.replace("''", "'").replace('""', '"') for part in match.groups() if part), None)
        if match
        else None
    )


def _read_columns(connection: Connection, relation: Relation, *, counts: bool) -> None:
    rows = connection.exec_driver_sql(_COLUMNS, (relation.address.name,)).all()
    key = sorted((place, name) for name, _, _, _, place, _ in rows if place)
    relation.key = tuple(name for _, name in key)
    for name, declared, filled, default, place, hidden in rows:
        if hidden == 1:
            continue
        kind = type_of_sqlite(declared)
        if isinstance(kind, StoredBoolean | StoredDateTime):
            kind = type(kind).like(_sample(connection, relation.address.name, name))
        relation.columns.append(
            ColumnFacts(
                name, kind, nullable=not (filled or place), default=default, generated=hidden in (2, 3),
                counts=counts and len(key) == 1 and bool(place) and declared.upper() == "INTEGER",
            )
        )  # fmt: skip


def _sample(connection: Connection, table: str, column: str) -> Any:
    """Return a value of the column, out of the first rows, or None when that costs more than a little."""
    quote = connection.dialect.identifier_preparer.quote_identifier
    name = quote(column)
    rows = f"SELECT {name} FROM {quote(table)} LIMIT 20"  # nosec B608
    statement = f"SELECT {name} FROM ({rows}) WHERE {name} IS NOT NULL LIMIT 1"  # nosec B608
    driver: Any = connection.connection.dbapi_connection
    # A view may read a whole table for its first row.
    driver.set_progress_handler(lambda: 1, _STEPS)
    try:
        return connection.exec_driver_sql(statement).scalar()
    except DBAPIError:
        return None
    finally:
        driver.set_progress_handler(None, 0)


def _read_constraints(connection: Connection, found: dict[str, Relation]) -> None:
    uniques: dict[tuple[str, str], list[str | None]] = {}
    for table, index, column in connection.exec_driver_sql(_UNIQUES):
        uniques.setdefault((table.lower(), index), []).append(column)
    for (table, _), columns in uniques.items():
        # An index over an expression has a column without a name.
        if table in found and None not in columns:
            found[table].uniques.append(tuple(column for column in columns if column))
    keys: dict[tuple[str, int], list[tuple[str, str, str | None]]] = {}
    for table, number, parent, here, there in connection.exec_driver_sql(_FOREIGN_KEYS):
        keys.setdefault((table.lower(), -number), []).append((parent, here, there))
    # SQLite numbers the keys of a table from the last one.
    for (table, _), parts in sorted(keys.items(), key=lambda item: item[0]):
        parent = found.get(parts[0][0].lower())
        if table not in found or parent is None:
            continue
        named = tuple(there for _, _, there in parts if there is not None)
        found[table].foreign_keys.append(
            ForeignKey(
                _as_declared(found[table], tuple(here for _, here, _ in parts)),
                parent.address,
                _as_declared(parent, named) if named else parent.key,
            )
        )


def _as_declared(relation: Relation, columns: tuple[str, ...]) -> tuple[str, ...]:
    """Return the columns as the table has them: names of SQLite differ in case only by chance."""
    names = {name.lower(): name for name in relation.names}
    return tuple(names.get(column.lower(), column) for column in columns)
