"""What a resource is: its columns and relations, and what may be seen and done with them.

A description is made from a mapped class. Everything that reads or writes goes by the description, so what it
hides does not exist for a client: neither in filters nor in sorts, includes, messages or the document.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapper, RelationshipProperty

from debonair.descriptions import own_schema
from debonair.descriptions.kinds import Kind, kind_of
from debonair.descriptions.options import Options

KEYLESS = "debonair_keyless"
"""In ``Table.info``: the mapper's primary key does not identify a row."""

FULL_TEXT = "debonair_search"
"""In ``Table.info``: the table has a full-text index."""


@dataclass(frozen=True)
class Column:
    """A column of a resource.

    :param name: the member of the object, and of the mapped class. :param kind: the kind of its values.
    :param required: whether a new row needs it. :param comment: what the database says of it.
    """

    name: str
    kind: Kind
    type: sa.types.TypeEngine[Any]
    nullable: bool
    writable: bool
    filterable: bool
    sortable: bool
    required: bool
    comment: str | None = None


@dataclass(frozen=True)
class Relation:
    """A relation to another resource.

    :param name: the member of the object, and of the mapped class. :param many: whether it is to many rows.
    """

    name: str
    target: Resource
    many: bool
    writable: bool


class Resource:
    """A mapped class as a resource.

    :param name: its name in the URL. :param backend: the name of SQLAlchemy's dialect.
    """

    def __init__(self, name: str, model: type[Any], options: Options, backend: str, catalog: Catalog) -> None:
        self.name = name
        self.model = model
        self.options = options
        self.mapper: Mapper[Any] = sa.inspect(model)
        self.backend = backend
        self._catalog = catalog
        self.columns = {column.name: column for column in self._columns()}
        self.addressable = not getattr(self.mapper.local_table, "info", {}).get(KEYLESS, False)
        keys = [self.mapper.get_property_by_column(column).key for column in self.mapper.primary_key]
        self.key: tuple[str, ...] = tuple(keys)
        self._keys = {
            name: Column(name, kind_of(column.type, backend), column.type, False, False, False, False, False)
            for name, column in zip(keys, self.mapper.primary_key, strict=True)
        }

    def _columns(self) -> Iterable[Column]:
        options = self.options
        dumped = None if options.schema is None else own_schema.dumped_columns(options.schema)
        foreign = {column for relation in self.mapper.relationships for column in relation.local_columns}
        for attribute in self.mapper.column_attrs:
            name = attribute.key
            if name in options.hidden or (options.readable is not None and name not in options.readable):
                continue
            if dumped is not None and name not in dumped:
                continue
            column = attribute.columns[0]
            own = isinstance(column, sa.Column)
            generated = (
                not own
                or column.computed is not None
                or getattr(getattr(column, "identity", None), "always", False)
            )
            writable = not generated and (options.writable is None or name in options.writable)
            automatic = own and (
                column.default is not None or column.server_default is not None or column.identity is not None
                or (column.primary_key and column is getattr(column.table, "autoincrement_column", None))
                or column.autoincrement is True
            )  # fmt: skip
            yield Column(
                name, kind_of(column.type, self.backend), column.type,
                nullable=not own or bool(column.nullable),
                writable=writable,
                filterable=options.filterable is None or name in options.filterable,
                sortable=options.sortable is None or name in options.sortable,
                required=writable and not column.nullable and not automatic and column not in foreign,
                comment=getattr(column, "doc", None) or getattr(column, "comment", None),
            )  # fmt: skip

    @cached_property
    def relations(self) -> dict[str, Relation]:
        """The relations to resources that are exposed, by name."""
        found: dict[str, Relation] = {}
        for prop in self.mapper.relationships:
            target = self._catalog.of_model(prop.mapper.class_)
            if target is None or prop.key in self.options.hidden or "GET" not in target.options.verbs:
                continue
            if self.options.readable is not None and prop.key not in self.options.readable:
                continue
            writable = not prop.viewonly and (
                self.options.writable is None or prop.key in self.options.writable
            )
            found[prop.key] = Relation(prop.key, target, bool(prop.uselist), writable)
        return found

    @cached_property
    def fields(self) -> tuple[str, ...]:
        """The members that an object has beside relations: columns, or what a schema of the service dumps."""
        if self.options.schema is None:
            return tuple(self.columns)
        return own_schema.dumped_fields(self.options.schema, self.options.hidden, self.options.readable)

    @property
    def catalog(self) -> Catalog:
        """The resources of the application."""
        return self._catalog

    @property
    def embedded(self) -> tuple[str, ...]:
        """The relations that every object has without ``include``; None in the options is all to-one."""
        if self.options.embed is not None:
            return self.options.embed
        return tuple(relation.name for relation in self.relations.values() if not relation.many)

    @cached_property
    def label(self) -> str | None:
        """The column whose value people know a row by; None when it is the key.

        It is the option, or a text column with a usual name, or the first one that each row must be given.
        """
        if self.options.label is not None:
            return self.options.label
        texts = [name for name, column in self.columns.items() if "like" in column.kind.operators]
        for known in ("name", "title", "label", "full_name", "display_name", "username", "email"):
            for name in texts:
                if name.lower() == known:
                    return name
        return next((name for name in texts if self.columns[name].required), None)

    @property
    def searchable(self) -> bool:
        """Whether ``q=`` searches its text."""
        return bool(self.options.search) or FULL_TEXT in getattr(self.mapper.local_table, "info", {})

    @cached_property
    def order_key(self) -> tuple[str, ...]:
        """The columns that make every order total, as far as the table allows it."""
        if self.addressable:
            return self.key
        return tuple(name for name, column in self.columns.items() if "lt" in column.kind.operators)

    @cached_property
    def pages_by_key(self) -> bool:
        """Whether it has keyset paging: the token holds the key, so a client must be allowed to read it."""
        return all(name in self.columns for name in self.order_key)

    def column(self, name: str) -> Column:
        """Return a column, also one of the key that is not readable."""
        if name in self.columns:
            return self.columns[name]
        return self._keys[name]

    def relationship(self, name: str) -> RelationshipProperty[Any]:
        """Return SQLAlchemy's relationship of a relation."""
        return self.mapper.relationships[name]

    def has_memberships(self, name: str) -> bool:
        """Return whether a relation is many-to-many, and its rows have URLs."""
        relation = self.relations[name]
        return relation.many and relation.target.addressable and self.relationship(name).secondary is not None


class Catalog:
    """The resources of one application, by name."""

    def __init__(self) -> None:
        self.resources: dict[str, Resource] = {}
        self._by_model: dict[type[Any], Resource] = {}

    def add(self, resource: Resource) -> None:
        """Add a resource. :raises ValueError: when its name is taken."""
        if resource.name in self.resources:
            own, taken = resource.model.__name__, self.resources[resource.name].model.__name__
            raise ValueError(f"expose({own}): {taken} is the resource {resource.name!r}: give another name=")
        self.resources[resource.name] = resource
        self._by_model[resource.model] = resource
        for other in self.resources.values():
            other.__dict__.pop("relations", None)

    def of_model(self, model: type[Any]) -> Resource | None:
        """Return the resource of a mapped class, or of a class that it inherits from."""
        for cls in model.__mro__:
            if cls in self._by_model:
                return self._by_model[cls]
        return None
