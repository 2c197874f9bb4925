"""One row: its members, and the first of the rows that are related to it. All of it is one statement."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from debonair.browsing.addresses import url_of_relation, url_of_row
from debonair.browsing.cells import Cell
from debonair.browsing.tables import (
    Shown,
    Table,
    Urls,
    cell_for,
    label_of,
    named,
    references,
    selection_for,
    shown_of,
    table_of,
)
from debonair.descriptions.description import Relation, Resource
from debonair.queries.query import Condition, Junction, Many, Query, Selection
from debonair.queries.sorting import sort_of
from debonair.statements.reading import Reader

FIRST = 10
"""The most related rows of a relation that are shown."""

WIDEST = 6
"""The most columns of a table of related rows."""


@dataclass(frozen=True)
class Member:
    """A member of the row."""

    name: str
    comment: str | None
    cell: Cell


@dataclass(frozen=True)
class Related:
    """The first related rows. :param href: the URL of all. :param more: whether there are more."""

    name: str
    table: Table
    href: str | None
    more: bool


@dataclass(frozen=True)
class Detail:
    """The page of a row."""

    title: Cell
    members: tuple[Member, ...]
    related: tuple[Related, ...]


def read_one(
    reader: Reader, resource: Resource, key: tuple[Any, ...], selection: Selection
) -> dict[str, Any] | None:
    """Return the object of a row, or None."""
    nodes = tuple(
        Condition((), resource.column(name), "eq", (value,))
        for name, value in zip(resource.key, key, strict=True)
    )
    query = Query(selection, (), Junction("and", nodes), page_size=1, count="none")
    objects = reader.read(reader.plan_of(resource, query)).objects()
    return objects[0] if objects else None


def read_label(reader: Reader, resource: Resource, key: tuple[Any, ...]) -> Cell | None:
    """Return what people know a row by; None when there is no such row."""
    values = read_one(reader, resource, key, label_of(resource))
    return None if values is None else named(resource, values)


def detail_of(reader: Reader, resource: Resource, key: tuple[Any, ...], urls: Urls) -> Detail | None:
    """Return the page of a row, or None."""
    shown = shown_of(resource)
    tables = {relation.name: _columns(resource, relation) for relation in _others(resource)}
    plain = selection_for(resource, shown)
    ones, manys = list(plain.ones), []
    for relation in _others(resource):
        selection = selection_for(relation.target, tables[relation.name])
        if relation.many:
            order = sort_of(relation.target, "")
            manys.append((relation.name, Many(selection, order, FIRST + 1)))
        else:
            ones.append((relation.name, selection))
    values = read_one(reader, resource, key, Selection(plain.columns, tuple(ones), tuple(manys), sizes=True))
    if values is None:
        return None
    members = tuple(Member(each.name, each.comment, cell_for(each, values, urls, None)) for each in shown)
    href = url_of_row(urls(resource), resource, dict(zip(resource.key, key, strict=True)))
    related = tuple(
        _related(relation, tables[relation.name], values, urls, href) for relation in _others(resource)
    )
    return Detail(named(resource, values), members, related)


def _others(resource: Resource) -> list[Relation]:
    """Return the relations whose foreign key is in another table, without those to a table in between."""
    own = references(resource)
    others = [relation for relation in resource.relations.values() if relation.name not in own]
    between = [resource.relationship(relation.name).secondary for relation in others]
    return [
        relation
        for relation in others
        if not any(relation.target.mapper.local_table is table for table in between)
    ]


def _columns(resource: Resource, relation: Relation) -> list[Shown]:
    """Return some columns of the related rows, without those that refer back."""
    target, prop = relation.target, resource.relationship(relation.name)
    back: set[str] = set()
    if prop.secondary is None:
        back = {
            target.mapper.get_property_by_column(column).key
            for column in prop.remote_side
            if column.table is target.mapper.local_table
        }
    shown = shown_of(target, without=back - set(target.key) if len(target.key) == 1 else back)
    first = [each for each in shown if each.name in (*target.key, target.label)]
    return (first + [each for each in shown if each not in first])[:WIDEST]


def _related(
    relation: Relation, shown: list[Shown], values: Mapping[str, Any], urls: Urls, href: str | None
) -> Related:
    found = values.get(relation.name)
    rows = found if relation.many and found else [found] if found and not relation.many else []
    table = table_of(relation.target, shown, rows[:FIRST], urls)
    whole = url_of_relation(href, relation.name) if href is not None and relation.many else None
    return Related(relation.name, table, whole, len(rows) > FIRST)
