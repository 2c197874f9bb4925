"""A query becomes one SQL statement. Values are parameters: none becomes part of the text.

Each relation on a path is an alias of its own: to-one relations are outer joins, to-many ones in filters are
EXISTS, and embedded to-many relations are subqueries that return a JSON array.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine.interfaces import Dialect
from sqlalchemy.orm import aliased, with_loader_criteria

from debonair.descriptions.description import Resource
from debonair.descriptions.kinds import Kind, kind_of
from debonair.queries.query import (
    Condition,
    Junction,
    Many,
    Node,
    Order,
    Query,
    Related,
    Search,
    Selection,
    Within,
)
from debonair.statements import search, wire
from debonair.statements.keyset import beyond, criterion
from debonair.statements.operators import Bind, compare
from debonair.statements.rows import Layout


class Scope:
    """One row of a resource in a statement, and the to-one relations that are joined to it.

    :param binds: numbers the parameters of the whole statement. :param dialect: of the database.
    :param within: the row whose related rows are selected.
    """

    def __init__(
        self, resource: Resource, dialect: Dialect, binds: Binds, within: Within | None = None
    ) -> None:
        self.resource = resource
        self.dialect = dialect
        self.binds = binds
        self.entity: Any = aliased(resource.model)
        self._joined: dict[tuple[str, ...], tuple[Any, Resource]] = {(): (self.entity, resource)}
        self._parent: Any = None
        binds.use(resource)
        if within is not None:
            self._parent, self._within = aliased(within.parent.model), within
            binds.use(within.parent)

    def at(self, steps: tuple[str, ...]) -> tuple[Any, Resource]:
        """Return the entity and the resource at the end of to-one steps, joined when it is first used."""
        if steps not in self._joined:
            _, parent = self.at(steps[:-1])
            target = parent.relations[steps[-1]].target
            self.binds.use(target)
            self._joined[steps] = (aliased(target.model), target)
        return self._joined[steps]

    def from_(self, statement: Any) -> Any:
        """Return the statement with the entity and all that is joined to it."""
        if self._parent is None:
            statement = statement.select_from(self.entity)
        else:
            parent, within = self._parent, self._within
            statement = statement.select_from(parent).join(
                self.entity, getattr(parent, within.relation).of_type(self.entity)
            )
            for index, name in enumerate(within.parent.key):
                column = getattr(parent, name)
                statement = statement.where(column == sa.bindparam(f"p{index}", type_=column.type))
        for steps, (entity, _) in self._joined.items():
            if steps:
                parent = self._joined[steps[:-1]][0]
                statement = statement.outerjoin(entity, getattr(parent, steps[-1]).of_type(entity))
        return statement

    def column(self, steps: tuple[str, ...], name: str) -> Any:
        """Return the column at the end of to-one steps."""
        return getattr(self.at(steps)[0], name)

    def condition(self, node: Node) -> Any:
        """Return the SQL of a filter."""
        if isinstance(node, Condition):
            column = self.column(node.steps, node.column.name)
            bind = self.binds.of(node.column.type)
            return compare(self.dialect.name, column, node, bind)
        if isinstance(node, Junction):
            join = sa.and_ if node.operator == "and" else sa.or_
            return join(*[self.condition(part) for part in node.parts])
        if isinstance(node, Related):
            return self._related(node)
        if isinstance(node, Search):
            return search.condition(
                self.dialect.name, self.resource, self.entity, node, self.binds.of(sa.String())
            )
        return sa.not_(self.condition(node.part))

    def _related(self, node: Related) -> Any:
        entity, resource = self.at(node.steps)
        inner = Scope(resource.relations[node.relation].target, self.dialect, self.binds)
        condition = inner.condition(node.part)
        rows = inner.from_(sa.select(sa.literal_column("1")))
        rows = rows.where(getattr(entity, node.relation).of_type(inner.entity), condition).correlate(entity)
        found = rows.exists()
        return found if node.quantifier == "any" else sa.not_(found)

    def order(self, sort: tuple[Order, ...]) -> list[Any]:
        """Return the ORDER BY of sort criteria; NULLs are where the database has them in its indexes."""
        columns = [(self.column(order.steps, order.column), order) for order in sort]
        return [column.desc() if order.descending else column.asc() for column, order in columns]


class Binds:
    """The parameters of a statement, numbered in the order of :func:`~debonair.queries.query.values_of`."""

    def __init__(self) -> None:
        self.count = 0
        self.resources: list[Resource] = []

    def of(self, type_: Any) -> Bind:
        """Return a function that returns the next parameter, with this type."""

        def bind(type_: Any = type_) -> Any:
            self.count += 1
            return sa.bindparam(f"v{self.count - 1}", type_=type_)

        return bind

    def use(self, resource: Resource) -> None:
        """Remember that rows of the resource are read: its row filter applies to them."""
        if resource not in self.resources:
            self.resources.append(resource)


class Rows:
    """The columns of a SELECT, as they are added, and the layout of its rows.

    :param embedded: whether the rows are put into one JSON value.
    """

    def __init__(self, scope: Scope, embedded: bool) -> None:
        self.scope = scope
        self.columns: list[Any] = []
        self._kinds: list[Kind | None] = []
        self._embedded = embedded

    def add(self, column: Any, kind: Kind | None = None) -> int:
        """Add a column of a kind, or a list of embedded rows, and return its index."""
        self.columns.append(column)
        self._kinds.append(kind)
        return len(self.columns) - 1

    def layout(self, selection: Selection, steps: tuple[str, ...] = ()) -> Layout:
        """Add the columns of a selection and return where they are."""
        entity, resource = self.scope.at(steps)
        # What a schema of the service dumps is read by the key.
        names = selection.columns if resource.options.schema is None else resource.key
        layout = Layout(names, len(self.columns))
        for name in names:
            column, attribute = resource.column(name), getattr(entity, name)
            if selection.sizes and name not in resource.key and "contentEncoding" in column.kind.schema:
                self.add(wire.size(attribute, self.scope.dialect.name), kind_of(sa.Integer()))
                layout.converters.append((name, wire.as_size))
                continue
            self.add(wire.selected(attribute, column.kind), column.kind)
            convert = wire.converter(column.kind, column.type, self.scope.dialect, self._embedded)
            if convert is not None:
                layout.converters.append((name, convert))
        for name, one in selection.ones:
            inner = self.layout(one, (*steps, name))
            target, related = self.scope.at((*steps, name))
            key = related.key[0]
            if key in inner.names:
                present = inner.start + inner.names.index(key)
            else:
                present = self.add(getattr(target, key), related.column(key).kind)
            layout.ones.append((name, inner, present))
        for name, many in selection.manys:
            rows, inner = self._many(entity, name, resource.relations[name].target, many)
            layout.manys.append((name, self.add(rows), inner))
        return layout

    def criterion(self, order: Order) -> int:
        """Add the driver's value of a sort criterion, for the token, and return its index."""
        column = self.scope.column(order.steps, order.column)
        return self.add(criterion(column, self.scope.dialect.name))

    def _many(self, parent: Any, name: str, target: Resource, many: Many) -> tuple[Any, Layout]:
        """Return the subquery for an embedded list, and the layout of its rows."""
        scope = Scope(target, self.scope.dialect, self.scope.binds)
        rows = Rows(scope, embedded=True)
        layout = rows.layout(many.selection)
        order = scope.order(many.sort)
        labelled = [column.label(f"c{index}") for index, column in enumerate(rows.columns)]
        inner = scope.from_(sa.select(*labelled)).where(getattr(parent, name).of_type(scope.entity))
        source = inner.order_by(*order).limit(many.limit).correlate(parent).subquery()
        return sa.select(rows.array(source)).select_from(source).scalar_subquery(), layout

    def array(self, source: Any) -> Any:
        """Return the JSON array of the rows of a subquery that selects the columns."""
        backend = self.scope.dialect.name
        columns = [
            wire.nested(column, backend) if kind is None else wire.written(column, kind, backend)
            for column, kind in zip(source.c, self._kinds, strict=True)
        ]
        return wire.array_of_rows(columns, backend)


class Paged:
    """The statement for a page, and the layout of its rows.

    Its parameters are ``v0``, ``v1``, … for the values of the filter, ``k0``, … for those of ``after``,
    ``p0``, … for the key of the parent, and ``limit`` and ``offset``.

    :ivar sort: where the sort criteria are in a row, for the token of keyset paging.
    """

    def __init__(self, resource: Resource, query: Query, dialect: Dialect) -> None:
        self.binds = Binds()
        self._query = query
        self._scope = scope = Scope(resource, dialect, self.binds, query.within)
        self._where = [scope.condition(query.filter)] if query.filter is not None else []
        rows = Rows(scope, embedded=False)
        self.layout = rows.layout(query.selection)
        self.columns = rows.columns
        self.sort: list[int] = []
        if query.after is not None:
            self.sort = [rows.criterion(order) for order in query.sort]
            if query.after:
                self._where.append(beyond(scope, query.sort, query.after))

    def select(self, *columns: Any) -> Any:
        """Return the statement that selects these columns of each row of the page."""
        query, scope = self._query, self._scope
        order = scope.order(query.sort)  # Before the joins are made: a sort may need another one.
        statement = scope.from_(sa.select(*columns)).where(*self._where).order_by(*order)
        statement = statement.limit(sa.bindparam("limit", type_=sa.Integer))
        return statement.offset(sa.bindparam("offset", type_=sa.Integer))


def count_of(resource: Resource, query: Query, dialect: Dialect) -> tuple[Any, Binds]:
    """Return the statement for the number of rows that a query selects, and the resources that it reads."""
    binds = Binds()
    scope = Scope(resource, dialect, binds, query.within)
    where = [scope.condition(query.filter)] if query.filter is not None else []
    return scope.from_(sa.select(sa.func.count())).where(*where), binds


def restricted(statement: Any, binds: Binds) -> tuple[Any, bool]:
    """Return the statement with the row filters of all resources that it reads, and whether it has any."""
    filters: list[tuple[Resource, Callable[[], Any]]] = [
        (resource, resource.options.where)
        for resource in binds.resources
        if resource.options.where is not None
    ]
    for resource, where in filters:
        condition = where()
        if condition is not None:
            statement = statement.options(
                with_loader_criteria(resource.model, condition, include_aliases=True)
            )
    return statement, bool(filters)
