"""A database of somebody else: it is opened so that it stays as it is."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Engine, event

from debonair.database.engine import treat_as_foreign
from debonair.database.sqlite_file import connect_read_only, is_file


def open_foreign(engine: Engine, *, read_only: bool) -> None:
    """Leave the journal mode of the database alone; call it before the first connection.

    :param read_only: whether the database refuses every write of the engine's connections.
    """
    treat_as_foreign(engine, read_only=read_only)
    if read_only:
        event.listen(engine, "do_connect", _connect)


def _connect(dialect: Any, record: Any, arguments: list[Any], options: dict[str, Any]) -> Any:
    """Return a connection that cannot write, or None to let SQLAlchemy connect with the options."""
    if dialect.name == "postgresql" and dialect.driver in ("psycopg", "psycopg2"):
        given = options.get("options", "")
        options["options"] = f"{given} -c default_transaction_read_only=on".strip()
    elif dialect.name == "sqlite" and arguments and is_file(arguments[0]):
        return connect_read_only(arguments[0], options)
    return None
