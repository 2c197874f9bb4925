"""Existing rows as mapped objects, under the row filters of their resources."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session, with_loader_criteria

from debonair.descriptions.description import Catalog, Resource

CHUNK = 200
"""Keys in one statement."""


class Lookup:
    """Reads mapped objects in the transaction of a session.

    The row filters are evaluated once, when the first row is read.
    """

    def __init__(self, session: Session, catalog: Catalog) -> None:
        self.session = session
        self._catalog = catalog
        self._criteria: list[Any] | None = None

    def criteria(self, *, propagated: bool = True) -> list[Any]:
        """Return the row filters of all resources as options of a statement.

        :param propagated: whether rows that are loaded later, through a relation, are filtered too.
        """
        if self._criteria is None:
            filters = [
                (resource.model, resource.options.where())
                for resource in self._catalog.resources.values()
                if resource.options.where is not None
            ]
            self._criteria = [each for each in filters if each[1] is not None]
        return [
            with_loader_criteria(model, condition, include_aliases=True, propagate_to_loaders=propagated)
            for model, condition in self._criteria
        ]

    def locked(self, resource: Resource, key: tuple[Any, ...], *, propagated: bool = True) -> Any:
        """Return the row with a key, locked until the transaction ends, or None.

        PostgreSQL locks the row, but not against rows that refer to it: two requests that each change a row
        and add a reference to the other's would wait for each other. On SQLite the transaction of an unsafe
        method has the lock of the database.
        """
        statement = sa.select(resource.model).where(*_equal(resource, key))
        statement = statement.with_for_update(of=resource.model, key_share=True)
        return self.session.scalars(
            statement.options(*self.criteria(propagated=propagated)),
            execution_options={"populate_existing": True},
        ).unique().one_or_none()  # fmt: skip

    def rows(
        self, resource: Resource, keys: Iterable[tuple[Any, ...]], *, fresh: bool = False
    ) -> dict[tuple[Any, ...], Any]:
        """Return the rows that exist, by key.

        :param fresh: whether attributes of objects that are in the session are read again.
        """
        wanted, found = list(dict.fromkeys(keys)), {}
        for start in range(0, len(wanted), CHUNK):
            chunk = wanted[start : start + CHUNK]
            if len(resource.key) == 1:
                condition = getattr(resource.model, resource.key[0]).in_([key[0] for key in chunk])
            else:
                condition = sa.or_(*[sa.and_(*_equal(resource, key)) for key in chunk])
            statement = sa.select(resource.model).where(condition).options(*self.criteria())
            options = {"populate_existing": fresh}
            for row in self.session.scalars(statement, execution_options=options).unique():
                found[tuple(getattr(row, name) for name in resource.key)] = row
        return found


def _equal(resource: Resource, key: tuple[Any, ...]) -> list[Any]:
    return [getattr(resource.model, name) == value for name, value in zip(resource.key, key, strict=True)]
