"""What the catalog of a database says about its tables and views, in the same terms for every database."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

from sqlalchemy.types import TypeEngine

TABLE = "table"
VIEW = "view"


class Address(NamedTuple):
    """The name of a table or view: its schema, None for the default one, and its name there."""

    schema: str | None
    name: str

    def __str__(self) -> str:
        return self.name if self.schema is None else f"{self.schema}.{self.name}"


@dataclass(frozen=True)
class ColumnFacts:
    """A column.

    :param default: SQL of its default, None when it has none; that of a generated column is its expression.
    :param generated: whether the database computes it from other columns.
    :param identity: whether it is an identity column, and whether it refuses values (``ALWAYS``).
    :param counts: whether the database numbers new rows in it.
    """

    name: str
    type: TypeEngine[Any]
    nullable: bool = True
    default: str | None = None
    generated: bool = False
    identity: bool | None = None
    counts: bool = False
    comment: str | None = None


@dataclass(frozen=True)
class ForeignKey:
    """A foreign key: its columns, the table that it refers to, and the columns there in the same order."""

    columns: tuple[str, ...]
    table: Address
    referred: tuple[str, ...]


@dataclass
class Relation:
    """A table, view, materialized view, foreign or virtual table.

    :param kind: :data:`TABLE`, or :data:`VIEW` for what has no rows of its own.
    :param key: the columns of the primary key; empty when there is none.
    :param uniques: the columns of each unique constraint or index that covers every row.
    :param search: what ``info`` of the table holds about full-text search.
    """

    address: Address
    kind: str = TABLE
    columns: list[ColumnFacts] = field(default_factory=list)
    key: tuple[str, ...] = ()
    uniques: list[tuple[str, ...]] = field(default_factory=list)
    foreign_keys: list[ForeignKey] = field(default_factory=list)
    comment: str | None = None
    search: dict[str, str] = field(default_factory=dict)

    @property
    def names(self) -> list[str]:
        """The names of its columns, in order."""
        return [column.name for column in self.columns]

    def is_unique(self, columns: tuple[str, ...]) -> bool:
        """Return whether a key or a unique constraint has exactly these columns, in any order."""
        return any(set(columns) == set(unique) for unique in (self.key, *self.uniques) if unique)

    def identifying(self) -> tuple[str, ...]:
        """Return the primary key, or the first unique constraint of columns that are never NULL, or ()."""
        filled = {column.name for column in self.columns if not column.nullable}
        return self.key or next((unique for unique in self.uniques if filled.issuperset(unique)), ())


class Skipped(NamedTuple):
    """A table or view that cannot be served, and why."""

    name: str
    reason: str


@dataclass
class Catalog:
    """What was read: relations in the order in which they are served, and what cannot be."""

    relations: list[Relation] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)
