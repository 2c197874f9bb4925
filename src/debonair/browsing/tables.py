"""Rows as a table: which columns it has, what is read for them, and its cells."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import RelationshipDirection

from debonair.browsing.addresses import Address, url_of_row
from debonair.browsing.cells import Cell, cell_of, is_number
from debonair.descriptions.description import Column, Relation, Resource
from debonair.queries.expression import joined_names
from debonair.queries.query import Order, Selection

Urls = Callable[[Resource], str]
"""Returns the URL of a resource."""

LONGEST = 80
"""Characters of a text in a table; the page of the row has all of them."""


@dataclass(frozen=True)
class Shown:
    """A column of a table: a column of the resource, the row that it refers to, or both."""

    name: str
    column: Column | None
    relation: Relation | None = None

    @property
    def number(self) -> bool:
        """Whether it shows numbers."""
        return self.relation is None and self.column is not None and is_number(self.column.kind)

    @property
    def comment(self) -> str | None:
        """What the database says of it."""
        return self.column.comment if self.column else None

    @property
    def sort(self) -> str | None:
        """The criterion that sorts by what is shown; None when nothing can."""
        if self.relation is not None:
            label = label_column(self.relation.target)
            if label is not None and label.sortable and _plain(self.relation.name) and _plain(label.name):
                return f"{self.relation.name}.{label.name}"
        column = self.column
        if column is None or not column.sortable or "lt" not in column.kind.operators:
            return None
        return column.name if _plain(column.name) else None


@dataclass(frozen=True)
class Head:
    """The head of a column.

    :param href: sorts by it; None when it cannot. :param sorted: the value of ``aria-sort``; None when the
        table is not sorted by it.
    """

    name: str
    number: bool
    comment: str | None
    href: str | None = None
    sorted: str | None = None


@dataclass(frozen=True)
class Line:
    """A row of a table. :param href: its page; None when it has none, or when a cell links to it."""

    cells: tuple[Cell, ...]
    href: str | None = None


@dataclass(frozen=True)
class Table:
    """A table.

    :param titled: the index of the cell that links to the row. :param opens: whether a column of links to the
        rows is added, since no cell can be such a link.
    """

    heads: tuple[Head, ...]
    lines: tuple[Line, ...]
    titled: int | None
    opens: bool


def _plain(name: str) -> bool:
    return not name.startswith("-")


def label_column(resource: Resource) -> Column | None:
    """Return the column that people know a row by, if it is readable."""
    return resource.columns.get(resource.label) if resource.label is not None else None


def references(resource: Resource) -> dict[str, Relation]:
    """Return the to-one relations whose foreign key is in the table, by the relation's name."""
    return {
        relation.name: relation
        for relation in resource.relations.values()
        if not relation.many
        and resource.relationship(relation.name).direction is RelationshipDirection.MANYTOONE
    }


def foreign_key(resource: Resource, relation: Relation) -> tuple[str, ...]:
    """Return the members of a resource that are the foreign key of a to-one relation."""
    columns = resource.relationship(relation.name).local_columns
    return tuple(resource.mapper.get_property_by_column(column).key for column in columns)


def shown_of(
    resource: Resource, names: Iterable[str] | None = None, without: Collection[str] = ()
) -> list[Shown]:
    """Return the columns of a table. A related row stands in the place of the key that refers to it.

    :param names: the members that are shown; None for all. :param without: members that are left out.
    """
    wanted = list(resource.columns if names is None else names)
    replaced: dict[str, Relation] = {}
    added: list[Relation] = []
    for relation in references(resource).values():
        key = foreign_key(resource, relation)
        if len(key) == 1 and key[0] in resource.columns and key[0] not in replaced:
            replaced[key[0]] = relation
        elif names is None and not set(key) <= set(without):
            added.append(relation)
    shown = [
        Shown(name, resource.columns[name], replaced.get(name)) for name in wanted if name not in without
    ]
    return shown + [Shown(relation.name, None, relation) for relation in added]


def selection_for(resource: Resource, shown: Iterable[Shown]) -> Selection:
    """Return what is read for the columns of a table: also the keys, and the labels of the related rows."""
    shown = list(shown)
    names = [each.column.name for each in shown if each.column is not None]
    keys = [name for name in resource.key if name in resource.columns and resource.addressable]
    ones = tuple((each.relation.name, label_of(each.relation.target)) for each in shown if each.relation)
    return Selection(tuple(dict.fromkeys([*names, *keys])), ones, sizes=True)


def label_of(resource: Resource) -> Selection:
    """Return the key and the label of a row."""
    label = label_column(resource)
    names = [name for name in resource.key if name in resource.columns]
    return Selection(tuple(dict.fromkeys([*names, *([label.name] if label else [])])))


def named(resource: Resource, values: Mapping[str, Any], longest: int | None = LONGEST) -> Cell:
    """Return the label of a row, or its key when it has none."""
    label = label_column(resource)
    if label is not None and values.get(label.name) is not None:
        return cell_of(label.kind, values[label.name], longest)
    key = ", ".join(str(values[name]) for name in resource.key if values.get(name) is not None)
    return Cell(key) if key.strip() else Cell("row", "empty")


def cell_for(shown: Shown, values: Mapping[str, Any], urls: Urls, longest: int | None) -> Cell:
    """Return the cell of a row in a column. :param values: the object of the row."""
    relation, column = shown.relation, shown.column
    bare = cell_of(column.kind, values[column.name], longest) if column is not None else None
    related = values.get(relation.name) if relation is not None else None
    if relation is None or related is None:
        return bare or Cell("NULL", "null")
    cell = named(relation.target, related, longest)
    key = bare.text if bare is not None and bare.text != cell.text else None
    return cell.linked(url_of_row(urls(relation.target), relation.target, related), key)


def table_of(
    resource: Resource,
    shown: list[Shown],
    objects: Iterable[Mapping[str, Any]],
    urls: Urls,
    sort: tuple[Order, ...] = (),
    address: Address | None = None,
) -> Table:
    """Return a table.

    :param objects: the rows. :param sort: what they are sorted by. :param address: the page that heads sort;
        None for a table that is not sorted.
    """
    titled = _titled(resource, shown)
    longest = LONGEST if resource.addressable else 10 * LONGEST
    lines = []
    for values in objects:
        cells = [cell_for(each, values, urls, longest) for each in shown]
        href = url_of_row(urls(resource), resource, values)
        if titled is not None:
            cells[titled] = cells[titled].linked(href)
        lines.append(Line(tuple(cells), href))
    opens = titled is None and resource.addressable
    return Table(tuple(_head(each, sort, address) for each in shown), tuple(lines), titled, opens)


def _titled(resource: Resource, shown: list[Shown]) -> int | None:
    """Return the index of the column that links to the row: the label if it is near the start, or the key."""
    if not resource.addressable:
        return None
    plain = [each.column.name if each.column and not each.relation else None for each in shown]
    key = resource.key[0] if len(resource.key) == 1 else None
    for name, names in ((resource.label, plain[:4]), (key, plain), (resource.label, plain)):
        if name is not None and name in names:
            return names.index(name)
    return None


def _head(shown: Shown, sort: tuple[Order, ...], address: Address | None) -> Head:
    criterion = shown.sort
    if address is None or criterion is None:
        return Head(shown.name, shown.number, shown.comment)
    first = sort[0] if sort else None
    order = None
    if first is not None and ".".join((*first.steps, first.column)) == criterion:
        order = "descending" if first.descending else "ascending"
    href = address.replace(sort=joined_names([f"-{criterion}" if order == "ascending" else criterion]))
    return Head(shown.name, shown.number, shown.comment, href, order)
