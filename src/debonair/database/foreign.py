"""A database of somebody else: it is opened so that it stays as it is."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy import Engine, event

from debonair.database.engine import treat_as_foreign
from debonair.errors import CommandError


def open_foreign(engine: Engine, *, read_only: bool) -> None:
    """Leave the journal mode of the database alone; call it before the first connection.

    :param read_only: whether the database refuses every write of the engine's connections.
    """
    treat_as_foreign(engine, read_only=read_only)
    if read_only:
        event.listen(engine, "do_connect", _connect)


def require_database(engine: Engine) -> None:
    """Check that the file of SQLite is there and is a database; other databases are not asked.

    :raises CommandError: when it is not.
    """
    path = _path(engine)
    if path is None:
        return
    if not path.is_file():
        raise CommandError(f"{path}: there is no such file: name an SQLite database, or a database's URL")
    try:
        _read_only(str(path), {}).close()
    except sqlite3.Error as error:
        raise CommandError(f"{path}: this is not an SQLite database that can be read: {error}") from None


def _path(engine: Engine) -> Path | None:
    name = engine.url.database
    if engine.dialect.name != "sqlite" or not name or name.startswith((":", "file:")):
        return None
    return Path(name)


def _connect(dialect: Any, record: Any, arguments: list[Any], options: dict[str, Any]) -> Any:
    """Return a connection that cannot write, or None to let SQLAlchemy connect with the options."""
    if dialect.name == "postgresql" and dialect.driver in ("psycopg", "psycopg2"):
        given = options.get("options", "")
        options["options"] = f"{given} -c default_transaction_read_only=on".strip()
    elif dialect.name == "sqlite" and arguments and not arguments[0].startswith((":", "file:")):
        return _read_only(arguments[0], options)
    return None


def _read_only(path: str, options: dict[str, Any]) -> sqlite3.Connection:
    """Return a connection for reading to a file, also where SQLite cannot make files beside it.

    In WAL mode SQLite needs a file of shared memory. Where nobody can make one and there is none, nobody
    writes either, and "immutable" opens the database without (https://www.sqlite.org/wal.html#readonly).
    """
    uri = f"file:{quote(path)}?mode=ro"
    connection: sqlite3.Connection = sqlite3.connect(uri, uri=True, **options)
    try:
        connection.execute("PRAGMA schema_version")
    except sqlite3.OperationalError:
        connection.close()
        if Path(f"{path}-wal").exists() or os.access(Path(path).parent, os.W_OK):
            raise
        connection = sqlite3.connect(f"{uri}&immutable=1", uri=True, **options)
        connection.execute("PRAGMA schema_version")
    except sqlite3.Error:
        connection.close()
        raise
    return connection
