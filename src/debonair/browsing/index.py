"""The list of the resources, with how many rows each has, as far as that costs little."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import aliased

from debonair.browsing.facets import limited
from debonair.browsing.tables import Urls
from debonair.descriptions.description import Resource
from debonair.statements import statement
from debonair.statements.execution import Statement
from debonair.statements.reading import Reader

MOST = 10_000
"""Rows of a resource that are counted; a larger number is "more than" this."""

DEADLINE = 0.5
"""Seconds for the counts of all resources."""


@dataclass(frozen=True)
class Entry:
    """A resource in the list. :param rows: the number of rows, in words; empty when it is not known."""

    name: str
    href: str
    comment: str | None
    rows: str
    relations: tuple[tuple[str, str], ...]


def shown_resources(resources: Iterable[Resource]) -> list[Resource]:
    """Return the resources that may be read, by name."""
    return sorted((each for each in resources if "GET" in each.options.verbs), key=lambda each: each.name)


def entries_of(reader: Reader, resources: list[Resource], urls: Urls) -> list[Entry]:
    """Return the list."""
    end = time.monotonic() + DEADLINE
    return [
        Entry(
            resource.name,
            urls(resource),
            comment_of(resource),
            rows_text(counted(reader, resource, end - time.monotonic())),
            tuple((relation.name, urls(relation.target)) for relation in resource.relations.values()),
        )
        for resource in resources
    ]


def comment_of(resource: Resource) -> str | None:
    """Return what the database says of a table."""
    comment: str | None = getattr(resource.mapper.local_table, "comment", None)
    return comment


def counted(reader: Reader, resource: Resource, seconds: float) -> int | None:
    """Return the number of rows, at most one more than :data:`MOST`; None when it is not known in time."""
    if seconds <= 0:
        return None
    binds = statement.Binds()
    binds.use(resource)
    some: Any = (
        sa.select(sa.literal_column("1").label("one")).select_from(aliased(resource.model)).limit(MOST + 1)
    )
    select, _ = statement.restricted(sa.select(sa.func.count()).select_from(some.subquery()), binds)
    run = Statement(select, reader.dialect)
    try:
        with limited(reader.engine, seconds) as connection:
            number: int = run.rows(connection, run.bound({}))[0][0]
    except DBAPIError:
        return None
    return number


def rows_text(number: int | None) -> str:
    """Return a number of rows in words."""
    if number is None:
        return ""
    if number > MOST:
        return f"more than {MOST:,} rows"
    return f"{number:,} row" + ("" if number == 1 else "s")
