"""The catalog of a database of PostgreSQL: the schemas of the search path."""

from __future__ import annotations

import re
import warnings
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, inspect, text, types
from sqlalchemy.dialects import postgresql
from sqlalchemy.engine.reflection import ObjectKind, ObjectScope
from sqlalchemy.exc import SAWarning
from sqlalchemy.types import TypeEngine

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
from debonair.reflection.text_type import AsText

# Partitions are served by their parent. What an extension owns is not of the author's database.
_RELATIONS = """
    SELECT c.oid, nullif(n.nspname, current_schema()), c.relname, c.relkind IN ('v', 'm'),
        obj_description(c.oid, 'pg_class'), c.relispopulated,
        has_table_privilege(c.oid, 'SELECT') OR has_any_column_privilege(c.oid, 'SELECT')
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = ANY (current_schemas(false)) AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
        AND NOT c.relispartition
        AND NOT EXISTS (
            SELECT FROM pg_depend d
            WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
    ORDER BY array_position(current_schemas(false), n.nspname), c.relname
"""

_TYPES = """
    SELECT attrelid, attname, format_type(atttypid, atttypmod),
        has_column_privilege(attrelid, attnum, 'SELECT')
    FROM pg_attribute WHERE attrelid = ANY (:oids) AND attnum > 0 AND NOT attisdropped
"""

_UNIQUES = """
    SELECT i.indrelid, i.indisprimary, array_agg(a.attname::text ORDER BY k.place)
    FROM pg_index i
        CROSS JOIN unnest(i.indkey::int2[]) WITH ORDINALITY AS k (number, place)
        JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.number
    WHERE i.indrelid = ANY (:oids) AND i.indisunique AND i.indisvalid AND i.indpred IS NULL
        AND i.indexprs IS NULL AND k.place <= i.indnkeyatts
    GROUP BY i.indrelid, i.indisprimary, i.indexrelid ORDER BY i.indexrelid
"""

_FOREIGN_KEYS = """
    SELECT c.conrelid, c.confrelid, array_agg(h.attname::text ORDER BY k.place),
        array_agg(t.attname::text ORDER BY k.place)
    FROM pg_constraint c
        CROSS JOIN unnest(c.conkey, c.confkey) WITH ORDINALITY AS k (here, there, place)
        JOIN pg_attribute h ON h.attrelid = c.conrelid AND h.attnum = k.here
        JOIN pg_attribute t ON t.attrelid = c.confrelid AND t.attnum = k.there
    WHERE c.contype = 'f' AND c.conparentid = 0 AND c.conrelid = ANY (:oids)
    GROUP BY c.oid ORDER BY min(c.conkey[1]), c.oid
"""

_SEARCH = """
    SELECT i.indrelid, pg_get_indexdef(i.indexrelid, 1, true),
        (SELECT pg_get_expr(d.adbin, d.adrelid) FROM pg_attrdef d
         WHERE d.adrelid = i.indrelid AND d.adnum = i.indkey[0])
    FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indexrelid AND a.attnum = 1
        JOIN pg_class x ON x.oid = i.indexrelid JOIN pg_am m ON m.oid = x.relam
    WHERE i.indrelid = ANY (:oids) AND i.indisvalid AND i.indpred IS NULL AND m.amname = 'gin'
        AND (CASE WHEN i.indkey[0] = 0 THEN pg_get_indexdef(i.indexrelid, 1, true) ~ 'to_tsvector'
             ELSE (SELECT b.atttypid = 'tsvector'::regtype FROM pg_attribute b
                   WHERE b.attrelid = i.indrelid AND b.attnum = i.indkey[0]) END)
    ORDER BY i.indexrelid DESC
"""

_CONFIGURATION = re.compile(r"'([^']+)'::regconfig")


def read(connection: Connection) -> Catalog:
    """Return the catalog of the schemas in the search path, which the user may use."""
    catalog = Catalog()
    found: dict[int, Relation] = {}
    for oid, schema, name, is_view, comment, filled, readable in connection.execute(text(_RELATIONS)):
        address = Address(schema, name)
        if not readable:
            catalog.skipped.append(
                Skipped(str(address), "the user of the database may not read it: GRANT SELECT")
            )
        elif not filled:
            reason = "it has no rows yet: run REFRESH MATERIALIZED VIEW"
            catalog.skipped.append(Skipped(str(address), reason))
        else:
            found[oid] = Relation(address, VIEW if is_view else TABLE, comment=comment)
    if found:
        _read_columns(connection, found)
        _read_constraints(connection, found)
        _read_search(connection, found)
    catalog.relations = list(found.values())
    return catalog


def _read_columns(connection: Connection, found: dict[int, Relation]) -> None:
    names: dict[tuple[int, str], str] = {}
    for oid, name, kind, readable in connection.execute(text(_TYPES), {"oids": list(found)}):
        if readable:
            names[oid, name] = kind
    columns = _columns(connection, [relation.address for relation in found.values()])
    for oid, relation in found.items():
        relation.columns = [
            _column(facts, names[oid, facts["name"]])
            for facts in columns.get(relation.address, ())
            if (oid, facts["name"]) in names
        ]


def _columns(connection: Connection, addresses: list[Address]) -> dict[Address, Any]:
    """Return the columns of every table, as SQLAlchemy reflects them."""
    inspector = inspect(connection)
    found: dict[Address, Any] = {}
    with warnings.catch_warnings():
        # A type that SQLAlchemy does not know is read as text, so that there is nothing to warn of.
        warnings.simplefilter("ignore", SAWarning)
        for schema in {address.schema for address in addresses}:
            names = [address.name for address in addresses if address.schema == schema]
            found.update(
                (Address(*key), value)
                for key, value in inspector.get_multi_columns(
                    schema=schema, filter_names=names, kind=ObjectKind.ANY, scope=ObjectScope.ANY
                ).items()
            )
    return found


def _column(facts: Mapping[str, Any], type_name: str) -> ColumnFacts:
    computed, identity = facts.get("computed"), facts.get("identity")
    return ColumnFacts(
        facts["name"],
        _type(facts["type"], type_name),
        nullable=bool(facts["nullable"]),
        default=computed["sqltext"] if computed else facts.get("default"),
        generated=computed is not None,
        identity=bool(identity["always"]) if identity else None,
        comment=facts.get("comment"),
    )


_NATIVE = (
    types.Boolean, types.Integer, types.Numeric, types.Float, types.String, types.Enum, types.Date,
    types.Time, types.DateTime, types.Interval, postgresql.INTERVAL, types.Uuid, types.JSON,
    types.LargeBinary,
)  # fmt: skip


def _type(kind: TypeEngine[Any], name: str) -> TypeEngine[Any]:
    """Return the type to serve: that of a domain is its base; what Python has not is text."""
    while isinstance(kind, postgresql.DOMAIN):
        kind = kind.data_type
    item = kind.item_type if isinstance(kind, types.ARRAY) else kind
    native = isinstance(item, _NATIVE) and not isinstance(item, postgresql.OID)
    return kind if native else AsText(name)


def _read_constraints(connection: Connection, found: dict[int, Relation]) -> None:
    parameters = {"oids": list(found)}
    for oid, primary, columns in connection.execute(text(_UNIQUES), parameters):
        if not set(columns) <= set(found[oid].names):
            continue
        if primary:
            found[oid].key = tuple(columns)
        else:
            found[oid].uniques.append(tuple(columns))
    for oid, parent, columns, referred in connection.execute(text(_FOREIGN_KEYS), parameters):
        if (
            parent in found
            and set(columns) <= set(found[oid].names)
            and set(referred) <= set(found[parent].names)
        ):
            found[oid].foreign_keys.append(ForeignKey(tuple(columns), found[parent].address, tuple(referred)))


def _read_search(connection: Connection, found: dict[int, Relation]) -> None:
    """Note the expression of each full-text index, and the name of its configuration."""
    for oid, expression, default in connection.execute(text(_SEARCH), {"oids": list(found)}):
        configuration = _CONFIGURATION.search(expression) or _CONFIGURATION.search(default or "")
        found[oid].search = {"debonair_search": expression}
        if configuration:
            found[oid].search["debonair_search_config"] = configuration[1]
