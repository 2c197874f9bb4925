"""Data that the database refused: which object and which member of the body it was.

A statement inserts many rows, and the error does not name the row. So an event remembers the object that is
written. Where a statement holds several, they are written once more, one by one, in a transaction that is
rolled back.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa
from flask import current_app
from sqlalchemy import event
from sqlalchemy.exc import DBAPIError, InvalidRequestError, SQLAlchemyError, StatementError
from sqlalchemy.orm import Session, object_mapper
from werkzeug.exceptions import Conflict, HTTPException, UnprocessableEntity

from debonair.changes.graph import Graph
from debonair.database.errors import Violation, violation_of
from debonair.descriptions.description import Resource
from debonair.descriptions.faults import Path, located

_last = threading.local()
_toggling = threading.Lock()


def watch(resource: Resource) -> None:
    """Remember the object of the resource that a flush writes."""
    for name in ("before_insert", "before_update"):
        if not event.contains(resource.mapper, name, _remember):
            event.listen(resource.mapper, name, _remember, propagate=True)


def _remember(mapper: Any, connection: Any, target: Any) -> None:
    _last.target = target


def flush(session: Session, graph: Graph, again: Callable[[], None]) -> None:
    """Write what is pending.

    :param again: makes the same objects pending again after a rollback.
    :raises HTTPException: 409 or 422 for data that the database refused; the transaction is rolled back.
    """
    try:
        session.flush()
    except StatementError as error:
        raise _refusal(error, session, graph, again) or error from error
    except AssertionError as error:
        # SQLAlchemy's: a related row would lose a foreign key that is part of its key.
        raise Conflict("Rows cannot be removed from a relation that is part of their key.") from error
    except InvalidRequestError as error:
        # SQLAlchemy's, when it would have to load a relation with lazy="write_only" to delete a row.
        if "passive_deletes" not in str(error):
            raise
        current_app.logger.error("A row cannot be deleted: %s", error)
        raise Conflict(
            "The row cannot be deleted: the service keeps related rows that it does not load."
        ) from error
    finally:
        _last.target = None


def refused(error: StatementError) -> HTTPException | None:
    """Return the problem for data that the database refused, without a place; None for another error."""
    violation = _violation(error)
    return None if violation is None else _problem(violation)


def _violation(error: StatementError) -> Violation | None:
    if isinstance(error, DBAPIError):
        return violation_of(error)
    if isinstance(error.orig, ValueError | TypeError | LookupError | ArithmeticError):
        return Violation(False, "A value is not allowed for its column.")
    return None


def _problem(violation: Violation, found: list[tuple[Path, str]] | None = None) -> HTTPException:
    kind: type[HTTPException] = Conflict if violation.conflict else UnprocessableEntity
    problem = located(kind, found) if found else kind()
    problem.description = violation.detail
    return problem


def _refusal(
    error: StatementError, session: Session, graph: Graph, again: Callable[[], None]
) -> HTTPException | None:
    violation = _violation(error)
    if violation is None:
        return None
    reason = str(error.orig).partition("\n")[0]
    current_app.logger.warning("The database refused the data: %s", reason)
    target = getattr(_last, "target", None)
    session.rollback()
    base = None if target is None else object_mapper(target).base_mapper
    if sum(each[1] is not None and object_mapper(each[1]).base_mapper is base for each in graph.objects) > 1:
        with _one_by_one(base):
            try:
                again()
                session.flush()
            except StatementError as second:
                if (found := _violation(second)) is not None:
                    error, violation, target = second, found, _last.target
            except (SQLAlchemyError, AssertionError):
                target = None
            else:
                target = None
            session.rollback()
    for resource, instance, path in graph.objects:
        if instance is target is not None and _is_of(resource, error):
            names = _members(resource, violation, error, instance, session)
            return _problem(violation, [((*path, name), violation.detail) for name in names or ()] or (
                [(path, violation.detail)] if path else None))  # fmt: skip
    return _problem(violation)


@contextmanager
def _one_by_one(mapper: Any) -> Iterator[None]:
    """Let the mapper write one object at a time; other threads that flush meanwhile do so too."""
    with _toggling:
        before, mapper.batch = mapper.batch, False
        try:
            yield
        finally:
            mapper.batch = before


def _is_of(resource: Resource, error: StatementError) -> bool:
    """Return whether the statement that failed writes a table of the resource."""
    start = (error.statement or "").partition("(")[0].partition(" SET ")[0]
    return not error.statement or any(
        re.search(rf'["\s.]{re.escape(table.name)}["\s]', f"{start} ") for table in resource.mapper.tables
    )


def _members(
    resource: Resource, violation: Violation, error: StatementError, instance: Any, session: Session
) -> list[str]:
    """Return the names of the members that were refused, as far as they are known and not hidden."""
    columns = list(violation.columns) or _checked(resource, error)
    if not columns and violation.conflict and "FOREIGN KEY" in str(error.orig):
        columns = _dangling(resource, instance, session)
    found = []
    for attribute in resource.mapper.column_attrs:
        column = attribute.columns[0]
        if getattr(column, "name", None) not in columns:
            continue
        if attribute.key in resource.columns:
            found.append(attribute.key)
            continue
        found += [name for name in resource.relations if column in resource.relationship(name).local_columns]
    return found


def _checked(resource: Resource, error: StatementError) -> list[str]:
    """Return the columns of the CHECK constraint that failed."""
    diagnosis = getattr(error.orig, "diag", None)
    name = getattr(diagnosis, "constraint_name", None)
    if name is None:
        _, found, name = str(error.orig).partition("CHECK constraint failed: ")
        if not found:
            return []
    columns = []
    for table in resource.mapper.tables:
        if not isinstance(table, sa.Table):
            continue
        checks = [each for each in table.constraints if isinstance(each, sa.CheckConstraint)]
        text = next((str(each.sqltext) for each in checks if each.name == name), name)
        columns += [each.name for each in table.c if re.search(rf"\b{re.escape(each.name)}\b", text)]
    return columns


def _dangling(resource: Resource, instance: Any, session: Session) -> list[str]:
    """Return the columns of foreign keys whose row does not exist."""
    found = []
    for attribute in resource.mapper.column_attrs:
        column, value = attribute.columns[0], instance.__dict__.get(attribute.key)
        if value is None or not isinstance(column, sa.Column):
            continue
        for key in column.foreign_keys:
            try:
                row = session.execute(sa.select(sa.literal(1)).where(key.column == value)).first()
            except SQLAlchemyError:
                continue
            found += [column.name] if row is None else []
    session.rollback()
    return found
