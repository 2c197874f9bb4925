"""Whether the schema of a database has changed, without reading it."""

from __future__ import annotations

from collections.abc import Hashable
from pathlib import Path

from sqlalchemy import Connection, text

# Rows of the catalog are counted, and the transactions that wrote them are added up. pg_class is hashed by what
# matters instead: TRUNCATE and REFRESH MATERIALIZED VIEW write its rows too, and so do temporary tables.
_POSTGRESQL = """
    WITH relations AS MATERIALIZED (
        SELECT oid, hashtextextended(concat_ws('/', relname, relnamespace, relkind, relacl, relispopulated,
            relispartition), oid::bigint) AS mark
        FROM pg_class WHERE relnamespace = ANY (
            SELECT oid FROM pg_namespace WHERE nspname = ANY (current_schemas(false)))
    )
    SELECT current_user::text, current_schemas(false)::text,
        (SELECT sum(mark) FROM relations),
        (SELECT (count(*), sum(a.xmin::text::bigint))::text
            FROM pg_attribute a JOIN relations r ON a.attrelid = r.oid WHERE a.attnum > 0),
        (SELECT (count(*), sum(xmin::text::bigint))::text FROM pg_constraint WHERE oid >= 16384),
        (SELECT (count(*), sum(i.xmin::text::bigint))::text
            FROM pg_index i JOIN relations r ON i.indrelid = r.oid),
        (SELECT (count(*), sum(d.xmin::text::bigint))::text
            FROM pg_attrdef d JOIN relations r ON d.adrelid = r.oid),
        (SELECT (count(*), sum(d.xmin::text::bigint))::text
            FROM pg_description d WHERE d.objoid >= 16384),
        (SELECT (count(*), sum(xmin::text::bigint))::text FROM pg_enum)
"""


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
