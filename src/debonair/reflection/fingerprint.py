"""Whether the schema of a database has changed, without reading it."""

from __future__ import annotations

from collections.abc import Hashable
from pathlib import Path

from sqlalchemy import Connection, text

# Rows of the catalog are counted, and the transactions that wrote them are added up. pg_class is hashed by
# what matters instead: TRUNCATE and REFRESH MATERIALIZED VIEW write its rows too. Each subquery finds the
# relations again, which is several times as fast as one common table expression.
_RELATIONS = """
    FROM pg_class c WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND c.relnamespace = ANY (
        SELECT oid FROM pg_namespace WHERE nspname = ANY (current_schemas(false)))
"""
_WRITTEN = "SELECT (count(*), sum(t.xmin::text::bigint))::text FROM"
_POSTGRESQL = f"""
    SELECT current_user::text, current_schemas(false)::text,
        (SELECT sum(hashtextextended(
            concat_ws('/', relname, relnamespace, relkind, relacl, relispopulated, relispartition),
            oid::bigint)) {_RELATIONS}),
        ({_WRITTEN} pg_attribute t JOIN (SELECT oid {_RELATIONS}) r ON t.attrelid = r.oid WHERE t.attnum > 0),
        ({_WRITTEN} pg_index t JOIN (SELECT oid {_RELATIONS}) r ON t.indrelid = r.oid),
        ({_WRITTEN} pg_attrdef t JOIN (SELECT oid {_RELATIONS}) r ON t.adrelid = r.oid),
        ({_WRITTEN} pg_constraint t WHERE t.conrelid >= 16384 AND t.contype = 'f'),
        ({_WRITTEN} pg_description t WHERE t.objoid >= 16384),
        ({_WRITTEN} pg_enum t)
"""  # nosec B608


def fingerprint(connection: Connection) -> Hashable:
    """Return a value that changes with the schema, and not with the data.

    On SQLite, replacing the file changes it too.
    """
    if connection.dialect.name == "sqlite":
        return connection.exec_driver_sql("PRAGMA schema_version").scalar_one(), file_of(connection)
    return tuple(connection.execute(text(_POSTGRESQL)).one())


def file_of(connection: Connection) -> tuple[int, int] | None:
    """Return device and number of the file of a database of SQLite, None for one in memory."""
    name = connection.exec_driver_sql("PRAGMA database_list").first()
    try:
        found = Path(name[2]).stat() if name and name[2] else None
    except OSError:
        return None
    return (found.st_dev, found.st_ino) if found else None
