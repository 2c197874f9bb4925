"""The revision that the database is at, and the one that it should be at.

Read without Alembic, whose import would double the time that a service needs to start: a service reads this
at every start and migrates once a release. A test compares the two.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flask import Flask
from sqlalchemy import Engine, inspect
from sqlalchemy.exc import DBAPIError, OperationalError

from debonair.database import own_tables
from debonair.database.driver import rows_of
from debonair.database.engine import MIGRATIONS, engine_of
from debonair.database.errors import lacks_table


@dataclass(frozen=True)
class State:
    """The revision of the database, compared with those of the service.

    :param current: the revisions it is at; empty when nothing was ever applied.
    :param heads: the newest revisions of this version of the service.
    :param unknown: those of ``current`` that this version does not have: a newer version made them.
    """

    current: frozenset[str]
    heads: frozenset[str]
    unknown: frozenset[str]

    @property
    def at_head(self) -> bool:
        """Whether every revision is applied."""
        return self.current == self.heads

    @property
    def behind(self) -> bool:
        """Whether this version has revisions that the database lacks."""
        return not self.at_head and not self.unknown

    def __str__(self) -> str:
        here = ", ".join(sorted(self.current)) or "no revision"
        if self.unknown:
            cause = "another version made it, or its file was deleted"
            return f"at revision {here}, which this version does not know: {cause}"
        if self.at_head:
            return f"at the head revision {here}" if self.heads else "in no need of migrations"
        own = [head for head in self.heads if not head.startswith(own_tables.PREFIX)]
        if len(own) > 1:
            return f"at {here}, and there are {len(own)} head revisions: join them with 'db merge heads'"
        return f"at {here}, behind the head revision {', '.join(sorted(self.heads))}"


def known(app: Flask) -> dict[str, frozenset[str]]:
    """Return every revision of the service with those directly before it, read from the migration files."""
    found = {}
    for path in sorted((Path(app.extensions[MIGRATIONS]) / "versions").glob("*.py")):
        named = dict(_assignments(ast.parse(path.read_text(), str(path))))
        if isinstance(named.get("revision"), str):
            before = named.get("down_revision") or ()
            found[named["revision"]] = frozenset([before] if isinstance(before, str) else before)
    return found


def _assignments(module: ast.Module) -> Iterator[tuple[str, Any]]:
    """Yield each name that a module assigns a constant to, and the constant."""
    for node in module.body:
        targets: list[ast.expr] = []
        if isinstance(node, ast.Assign):
            targets = [name for item in node.targets for name in getattr(item, "elts", [item])]
        elif isinstance(node, ast.AnnAssign):
            targets = [node.target]
        if not targets or node.value is None:  # type: ignore[attr-defined]
            continue
        try:
            value = ast.literal_eval(node.value)  # type: ignore[attr-defined]
        except ValueError:
            continue
        values = value if len(targets) > 1 else [value]
        yield from zip((ast.unparse(target) for target in targets), values, strict=False)


def heads(revisions: dict[str, frozenset[str]]) -> frozenset[str]:
    """Return the revisions that no other revision follows."""
    return frozenset(revisions) - {before for all_before in revisions.values() for before in all_before}


def state(app: Flask, revisions: dict[str, frozenset[str]] | None = None) -> State:
    """Read the revision of the database.

    :param revisions: what :func:`known` returned before, so that the files are not read again.
    :raises sqlalchemy.exc.DBAPIError: when the database is unreachable.
    """
    revisions = known(app) if revisions is None else revisions
    newest = heads(revisions) | own_tables.heads(app)
    if not newest and not Path(app.extensions[MIGRATIONS], "env.py").is_file():
        return State(newest, newest, frozenset())
    engine = engine_of(app)
    if _is_missing_file(engine):
        return State(frozenset(), newest, frozenset())
    current, (own, newer) = _current(engine), own_tables.current(app)
    return State(current | own, newest, current - frozenset(revisions) | newer)


def _current(engine: Engine) -> frozenset[str]:
    try:
        return frozenset(
            revision for (revision,) in rows_of(engine, "SELECT version_num FROM alembic_version")
        )
    except DBAPIError as error:
        if lacks_table(error):
            return frozenset()
        # Databases that lacks_table() does not know report a missing table as an error of the statement.
        if isinstance(error, OperationalError) or inspect(engine).has_table("alembic_version"):
            raise
        return frozenset()


def _is_missing_file(engine: Engine) -> bool:
    """Return whether the database is a file that does not exist: a query would create it."""
    url = engine.url
    if url.get_backend_name() != "sqlite" or not url.database or url.database.startswith((":", "file:")):
        return False
    return not Path(url.database).exists()
