"""A file of SQLite, without SQLAlchemy: is it a database, and a connection that does not change it."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path
from typing import Any
from urllib.parse import quote

from debonair.errors import CommandError


def is_file(name: str | None) -> bool:
    """Return whether the database part of a URL is a path, not a database in memory or SQLite's own URI."""
    return bool(name) and not str(name).startswith((":", "file:"))


def require_database(path: Path) -> None:
    """Check that the file is there and is a database.

    :raises CommandError: when it is not.
    """
    if not path.is_file():
        raise CommandError(f"{path}: there is no such file: name an SQLite database, or a database's URL")
    try:
        connect_read_only(str(path), {}).close()
    except sqlite3.Error as error:
        raise CommandError(f"{path}: this is not an SQLite database that can be read: {error}") from None


def connect_read_only(path: str, options: dict[str, Any]) -> sqlite3.Connection:
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
