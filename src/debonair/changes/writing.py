"""One transaction of writes: objects are made, changed and deleted through SQLAlchemy's ORM.

Every write reads its response in the transaction, so that the response is what was written.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import StatementError
from sqlalchemy.orm import WriteOnlyCollection
from sqlalchemy.orm.exc import StaleDataError
from werkzeug.exceptions import Conflict, Forbidden

from debonair.changes import violations
from debonair.changes.columns import defaults, given_by, linked, required
from debonair.changes.construction import assign
from debonair.changes.graph import Graph
from debonair.database.engine import db
from debonair.descriptions import own_schema
from debonair.descriptions.description import Catalog, Relation, Resource
from debonair.descriptions.faults import Faults, Path
from debonair.descriptions.lookup import Lookup
from debonair.statements.reading import Reader


class Work:
    """The writes of one request.

    :param reader: reads the responses.
    """

    def __init__(self, reader: Reader, catalog: Catalog) -> None:
        self.session = db.session()
        self.lookup = Lookup(self.session, catalog)
        self.dialect = reader.dialect
        self._reader = reader

    def create(
        self, resource: Resource, items: list[tuple[Any, Path]], parent: tuple[Resource, Relation, Any] | None
    ) -> list[Any]:
        """Insert new objects with all that is new in their relations.

        :param items: the JSON of each, and where it is in the body.
        :param parent: the row of another resource, and the to-many relation of it that they belong to.
        :raises InvalidMembers: with every fault. :raises HTTPException: when the database refuses them.
        """
        graph = Graph(self.lookup)
        given = {} if parent is None else linked(parent[0], parent[1].name, parent[2])
        absent = frozenset() if parent is None else given_by(parent[0], parent[1].name)
        made = [graph.create(resource, data, path, given, absent) for data, path in items]
        graph.faults.raise_if_any()
        if parent is not None and not given:
            collection = getattr(parent[2], parent[1].name)
            for each in made:
                collection.append(each) if hasattr(collection, "append") else collection.add(each)

        def add() -> None:
            self.session.add_all(made)

        add()
        violations.flush(self.session, graph, add)
        self._after("POST", graph)
        return made

    def _after(self, verb: str, graph: Graph, row: tuple[Resource, Any] | None = None) -> None:
        """Call the hooks after a write, and refuse rows that a row filter hides."""
        called = False
        for resource, instance in graph.new:
            if (after := resource.options.after.get("POST")) is not None:
                after(resource.name, instance)
                called = True
        if row is not None and (after := row[0].options.after.get(verb)) is not None:
            after(row[0].name, row[1])
            called = True
        if called:
            self.session.flush()
        for resource, instance in graph.new:
            if resource.options.where is not None:
                self.read(resource, instance, "")

    def change(self, resource: Resource, row: Any, data: Any, *, whole: bool) -> None:
        """Change a row that is locked.

        :param whole: whether members that are absent get their default (PUT), or remain as they are (PATCH).
        :raises InvalidMembers: with every fault. :raises HTTPException: when the database refuses them.
        """
        verb = "PUT" if whole else "PATCH"
        graph = Graph(self.lookup)
        values = self._values(graph, resource, row, data, whole)
        graph.faults.raise_if_any()
        self.change_values(graph, resource, row, values, verb)

    def change_values(
        self, graph: Graph, resource: Resource, row: Any, values: dict[str, Any], verb: str
    ) -> None:
        """Set validated values of a row, with the hooks of the verb.

        :raises HTTPException: as :meth:`change`.
        """
        if (before := resource.options.before.get(verb)) is not None:
            before(resource.name, values, row)
        self.apply(graph, resource, row, values)
        self._after(verb, graph, (resource, row))

    def apply(self, graph: Graph, resource: Resource, row: Any, values: dict[str, Any]) -> None:
        """Set the attributes of a row and write them. :raises HTTPException: as :meth:`change`."""
        graph.objects.append((resource, row, ()))
        unloaded = {name: each for name, each in values.items() if is_write_only(resource, name)}
        others = {name: each for name, each in values.items() if name not in unloaded}

        def assign_all() -> None:
            assign(resource, row, others, (), graph.faults)
            for name, wanted in unloaded.items():
                self._replace(row, name, wanted)

        assign_all()
        graph.faults.raise_if_any()
        violations.flush(self.session, graph, assign_all)

    def _values(self, graph: Graph, resource: Resource, row: Any, data: Any, whole: bool) -> dict[str, Any]:
        if resource.options.schema is not None:
            values = own_schema.load(resource, data, graph.faults, (), row, partial=not whole)[1]
            keep_key(resource, row, values, graph.faults)
            return values
        key = frozenset(resource.key)
        values = graph.values(resource, data, (), whole=False, row=row)
        keep_key(resource, row, values, graph.faults)
        if whole and isinstance(data, dict):
            related = set_by_relations(resource, values)
            values = defaults(resource, frozenset(data) | related) | values
            for name in required(resource):
                if name not in data and name not in key and name not in related:
                    graph.faults.add((name,), "is required")
        return values

    def members(self, row: Any, relation: str) -> list[Any]:
        """Return the rows of a to-many relation of a row, under the row filters."""
        found = getattr(row, relation)
        if not isinstance(found, WriteOnlyCollection):
            return list(found)
        statement = found.select().options(*self.lookup.criteria())
        return list(self.session.scalars(statement).unique())

    def _replace(self, row: Any, relation: str, wanted: list[Any]) -> None:
        """Make rows those of a relation that SQLAlchemy does not load."""
        collection, present = getattr(row, relation), self.members(row, relation)
        collection.add_all([each for each in wanted if each not in present])
        for each in present:
            if each not in wanted:
                collection.remove(each)

    def delete(self, resource: Resource, row: Any) -> None:
        """Delete a row that is locked. :raises HTTPException: when other rows refer to it."""
        if (before := resource.options.before.get("DELETE")) is not None:
            before(resource.name, row)
        self.session.delete(row)
        violations.flush(self.session, Graph(self.lookup), lambda: None)
        if (after := resource.options.after.get("DELETE")) is not None:
            after(resource.name, row)
            self.session.flush()

    def read(self, resource: Resource, instance: Any, text: str) -> dict[str, Any]:
        """Return a written object as GET with a query string returns it.

        :raises Forbidden: when a row filter hides it: a client cannot write what it cannot see.
        """
        key = sa.inspect(instance).identity
        found = None if key is None else self.found(resource, key, text)
        if found is None:
            raise Forbidden(f"This row of {resource.name} may not be written.")
        return found

    def found(self, resource: Resource, key: tuple[Any, ...], text: str) -> dict[str, Any] | None:
        """Return the object with a key as GET with a query string returns it, or None."""
        return self._reader.one(resource, key, text, self.session.connection().connection)


@contextmanager
def transaction(reader: Reader, catalog: Catalog) -> Iterator[Work]:
    """Return the work of a transaction, which is committed at the end and rolled back on any exception.

    :raises HTTPException: 409 or 422 for data that the database refused.
    """
    work = Work(reader, catalog)
    try:
        with work.session.no_autoflush:
            yield work
            work.session.commit()
    except StatementError as error:
        work.session.rollback()
        raise violations.refused(error) or error from error
    except StaleDataError as error:
        work.session.rollback()
        raise Conflict(
            "Another request has changed the same rows meanwhile: read them, and repeat."
        ) from error
    except BaseException:
        work.session.rollback()
        raise


def keep_key(resource: Resource, row: Any, values: dict[str, Any], faults: Faults) -> None:
    """Report a key that differs from that of the row, and leave an equal one out of the values."""
    # A schema may have changed the attributes already.
    for name, value in zip(resource.key, sa.inspect(row).identity, strict=True):
        if name in values and values.pop(name) != value:
            faults.add((name,), "is part of the key, which cannot be changed")


def is_write_only(resource: Resource, name: str) -> bool:
    """Return whether a member is a relation that SQLAlchemy does not load."""
    relationships = resource.mapper.relationships
    return name in relationships and relationships[name].lazy == "write_only"


def set_by_relations(resource: Resource, values: dict[str, Any]) -> frozenset[str]:
    """Return the columns that the to-one relations among the values set."""
    return frozenset(
        resource.mapper.get_property_by_column(local).key
        for name in values
        if name in resource.relations and not resource.relations[name].many
        for _, local in resource.relationship(name).synchronize_pairs
    )
