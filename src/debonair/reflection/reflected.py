"""The mapped classes of a database, and what cannot be mapped."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import registry

from debonair.database.engine import reading
from debonair.errors import CommandError
from debonair.reflection import postgresql, sqlite
from debonair.reflection.catalog import Catalog, Relation, Skipped
from debonair.reflection.mapping import map_all
from debonair.settings import did_you_mean

READERS: dict[str, Callable[[Connection], Catalog]] = {"sqlite": sqlite.read, "postgresql": postgresql.read}
"""What reads the catalog, by the name of SQLAlchemy's dialect."""

_OWN = ("alembic_version", "debonair_*")


@dataclass(frozen=True)
class Reflected:
    """The mapped classes of a database.

    The name of a class is that of its table or view; of a schema that is not the default one, it has the
    schema before it: ``audit.events``. ``Model.__table__.info`` holds ``debonair_keyless`` (whether no
    columns identify a row), ``debonair_kind`` (``table`` or ``view``) and, where there is a full-text index,
    ``debonair_search`` (SQLite: the table of the index; PostgreSQL: the SQL of the text vector) with
    ``debonair_search_rowid`` (SQLite: the column that equals the row's id in the index) or
    ``debonair_search_config`` (PostgreSQL: the configuration, when it is known).

    :param models: one class for each table and view.
    :param skipped: name and reason of each table and view that cannot be served.
    """

    models: list[type[Any]] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)
    registry: registry | None = None


def reflect(engine: Engine, tables: Iterable[str] = (), exclude: Iterable[str] = ()) -> Reflected:
    """Return mapped classes for the tables and views of a database.

    Tables of the database itself, of extensions, of Alembic and of the chassis are left out, and partitions,
    which their parent serves.

    :param engine: of SQLite or PostgreSQL.
    :param tables: names or patterns (``sales_*``) of those to map; all when it is empty.
    :param exclude: names or patterns of those not to map.
    :raises CommandError: for another database, and for a name in ``tables`` that fits nothing.
    :raises sqlalchemy.exc.DBAPIError: when the database is unreachable.
    """
    reader = READERS.get(engine.dialect.name)
    if reader is None:
        raise CommandError(
            f"[database] uri names {engine.dialect.name}: without code, SQLite and PostgreSQL can be served"
        )
    with reading(engine) as connection:
        catalog = reader(connection)
    tables, exclude = list(tables), [*_OWN, *exclude]
    every = [str(relation.address) for relation in catalog.relations] + [
        item.name for item in catalog.skipped
    ]
    for pattern in tables:
        if not any(fnmatchcase(name, pattern) for name in every):
            near = did_you_mean(pattern, every)
            raise CommandError(f"[api] tables names {pattern!r}, which the database does not have{near}")

    def wanted(name: str) -> bool:
        selected = not tables or any(fnmatchcase(name, pattern) for pattern in tables)
        return selected and not any(fnmatchcase(name, pattern) for pattern in exclude)

    skipped = [item for item in catalog.skipped if wanted(item.name)]
    relations: list[Relation] = []
    for relation in catalog.relations:
        if not wanted(str(relation.address)):
            continue
        skipped.extend(_without_nameless_column(relation))
        if relation.columns:
            relations.append(relation)
        else:
            skipped.append(Skipped(str(relation.address), "it has no columns"))
    mappers, models = _mapped(relations, skipped)
    return Reflected(models, skipped, mappers)


def _mapped(relations: list[Relation], skipped: list[Skipped]) -> tuple[registry, list[type[Any]]]:
    """Return what can be mapped, and add to ``skipped`` what cannot."""
    try:
        return map_all(relations)
    except SQLAlchemyError:
        faults = {id(relation): fault for relation in relations if (fault := _fault(relation))}
        if not faults:
            raise
        skipped.extend(faults.values())
        return map_all([relation for relation in relations if id(relation) not in faults])


def _without_nameless_column(relation: Relation) -> list[Skipped]:
    """Remove a column of SQLite whose name is empty, which neither Python nor a URL can name."""
    named = [column for column in relation.columns if column.name]
    if len(named) == len(relation.columns):
        return []
    relation.columns = named
    relation.key = relation.key if all(relation.key) else ()
    relation.uniques = [unique for unique in relation.uniques if all(unique)]
    return [Skipped(f'{relation.address}.""', "the name of the column is empty")]


def _fault(relation: Relation) -> Skipped | None:
    """Return why a relation cannot be mapped by itself, or None when it can."""
    try:
        map_all([relation])
    except SQLAlchemyError as error:
        return Skipped(str(relation.address), str(error).partition("\n")[0])
    return None
