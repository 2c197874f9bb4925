"""Words that are searched, ``q=``: in the full-text index of a table, or in columns that an option names.

A table of an existing database names its index in ``Table.info``: ``debonair_search`` is the table of the
index on SQLite, and the SQL of the text vector on PostgreSQL.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import sqlalchemy as sa

from debonair.descriptions.description import FULL_TEXT, Resource
from debonair.queries.query import Search
from debonair.statements.operators import TEXTUAL, literal_like

Bind = Callable[..., Any]


def condition(backend: str, resource: Resource, entity: Any, node: Search, bind: Bind) -> Any:
    """Return the condition that a row has every word."""
    words = [bind() for _ in node.words]
    table = resource.mapper.local_table
    if resource.options.search:
        contains = TEXTUAL[backend]["ilike"]
        columns = [getattr(entity, name) for name in resource.options.search]
        return sa.and_(*[sa.or_(*[contains(column, word) for column in columns]) for word in words])
    found = _sqlite(table, words) if backend == "sqlite" else _postgresql(table, words)
    names = resource.key if resource.addressable else resource.order_key
    return sa.tuple_(*[getattr(entity, name) for name in names]).in_(_rows(resource, names, found))


def _rows(resource: Resource, names: tuple[str, ...], condition: Any) -> Any:
    table: Any = resource.mapper.local_table
    columns = [resource.mapper.column_attrs[name].columns[0] for name in names]
    return sa.select(*columns).select_from(table).where(condition)


def _sqlite(table: Any, words: list[Any]) -> Any:
    """Return the condition on a row of the table by the table of its index."""
    index, key = table.info[FULL_TEXT], table.info["debonair_search_rowid"]
    text = words[0]
    for word in words[1:]:
        text = text + sa.literal_column("' '") + word
    matched = sa.column(index).op("MATCH", is_comparison=True)(text)
    if index == table.name:
        return matched
    rowid = table.c[key] if key in table.c else sa.literal_column(f"{_quoted(table.name)}.rowid")
    return rowid.in_(sa.select(sa.literal_column("rowid")).select_from(sa.table(index)).where(matched))


def _postgresql(table: Any, words: list[Any]) -> Any:
    vector: Any = sa.literal_column(f"({table.info[FULL_TEXT]})")
    config = table.info.get("debonair_search_config")
    query: Any = None
    for word in words:
        arguments = (
            [word] if config is None else [sa.cast(sa.literal_column(_literal(config)), REGCONFIG), word]
        )
        part = sa.func.plainto_tsquery(*arguments)
        query = part if query is None else query.op("&&")(part)
    return vector.op("@@", is_comparison=True)(query)


class REGCONFIG(sa.types.UserDefinedType[str]):
    """PostgreSQL's type of the name of a text search configuration."""

    cache_ok = True

    def get_col_spec(self, **_: Any) -> str:
        """Return the name of the type."""
        return "regconfig"


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _literal(text: str) -> str:
    return "'" + text.strip("'").replace("'", "''") + "'"


def parameter(backend: str, resource: Resource, word: str) -> str:
    """Return what a word is bound as."""
    if resource.options.search:
        return f"%{literal_like(word)}%"
    return '"' + word.replace('"', '""') + '"' if backend == "sqlite" else word
