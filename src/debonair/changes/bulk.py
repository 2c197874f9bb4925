"""Changes and deletions of all rows that a filter selects, by one statement where that is exact."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import StatementError
from sqlalchemy.orm import RelationshipDirection

from debonair.changes import violations
from debonair.changes.graph import Graph
from debonair.changes.writing import Work
from debonair.descriptions.description import Resource
from debonair.queries.parameters import CONTROL, FaultyQuery, query_of
from debonair.queries.query import Query
from debonair.queries.query_string import items_of
from debonair.statements.binding import parameters_of
from debonair.statements.statement import Binds, Scope, restricted

ALLOWED = ("filter", "q", "all")


def selected(resource: Resource, text: str) -> Query:
    """Return the query that a query string asks for; without a filter it selects all rows.

    :raises FaultyQuery: when there is no filter and not ``all=true``, or a parameter of pages is given.
    """
    items = items_of(text)
    faults = {
        name: ["cannot be used here: give a filter"]
        for name, _ in items
        if name in CONTROL and name not in ALLOWED
    }
    every = [value for name, value in items if name == "all"]
    if every not in ([], ["true"]):
        faults["all"] = ["must be true, or not given"]
    if faults:
        raise FaultyQuery(faults)
    query = query_of(resource, [item for item in items if item[0] != "all"])
    if query.filter is None and not every:
        raise FaultyQuery({"all": ["give a filter, or all=true for every row"]})
    return query


def change(work: Work, resource: Resource, query: Query, data: Any) -> int:
    """Change the selected rows and return their number.

    :raises InvalidMembers: with every fault; relations are changed row by row only.
    """
    graph = Graph(work.lookup)
    values = graph.values(resource, data, (), whole=False) if _is_plain(resource) else {}
    for name in values:
        if name in resource.key or name in resource.relations:
            graph.faults.add((name,), "cannot be changed in many rows at once")
    graph.faults.raise_if_any()
    options = resource.options
    merges = any(isinstance(value, dict) for value in values.values())
    if (
        not _is_plain(resource) or merges or options.where is not None
        or {"PATCH"} & {*options.before, *options.after}
        or set(values) & set(resource.mapper.validators)
    ):  # fmt: skip
        rows = _rows(work, resource, query)
        for row in rows:
            work.change(resource, row, data, whole=False)
            if options.where is not None:
                work.read(resource, row, "")
        return len(rows)
    if not values:
        keys = _keys(work, resource, query).subquery()
        return work.session.execute(sa.select(sa.func.count()).select_from(keys)).scalar_one()
    return _run(work, sa.update(resource.model).where(_among(work, resource, query)).values(values))


def delete(work: Work, resource: Resource, query: Query) -> int:
    """Delete the selected rows and return their number. :raises HTTPException: when others refer to them."""
    if {"DELETE"} & {*resource.options.before, *resource.options.after} or _cascades(resource):
        rows = _rows(work, resource, query, propagated=False)
        for row in rows:
            work.delete(resource, row)
        return len(rows)
    return _run(work, sa.delete(resource.model).where(_among(work, resource, query)))


def _is_plain(resource: Resource) -> bool:
    """Return whether the members are the columns of one table."""
    return resource.options.schema is None and len(resource.mapper.tables) == 1


def _cascades(resource: Resource) -> bool:
    """Return whether SQLAlchemy changes other rows when one is deleted."""
    return len(resource.mapper.tables) > 1 or any(
        not prop.viewonly
        and not prop.passive_deletes
        and prop.direction is not RelationshipDirection.MANYTOONE
        for prop in resource.mapper.relationships
    )


def _keys(work: Work, resource: Resource, query: Query) -> Any:
    """Return the SELECT of the keys of the selected rows, under the row filters."""
    binds = Binds()
    binds.use(resource)
    scope = Scope(resource, work.dialect, binds)
    where = [] if query.filter is None else [scope.condition(query.filter)]
    keys = [getattr(scope.entity, name) for name in resource.key]
    statement = restricted(scope.from_(sa.select(*keys)).where(*where), binds)[0]
    return statement.params(**parameters_of(query, work.dialect.name))


def _among(work: Work, resource: Resource, query: Query) -> Any:
    keys = [getattr(resource.model, name) for name in resource.key]
    key = keys[0] if len(keys) == 1 else sa.tuple_(*keys)
    return key.in_(_keys(work, resource, query))


def _rows(work: Work, resource: Resource, query: Query, *, propagated: bool = True) -> list[Any]:
    statement = sa.select(resource.model).where(_among(work, resource, query))
    statement = statement.options(*work.lookup.criteria(propagated=propagated))
    return list(work.session.scalars(statement.with_for_update(of=resource.model)).unique())


def _run(work: Work, statement: Any) -> int:
    try:
        result: Any = work.session.execute(statement, execution_options={"synchronize_session": False})
    except StatementError as error:
        raise violations.refused(error) or error from error
    return int(result.rowcount)
